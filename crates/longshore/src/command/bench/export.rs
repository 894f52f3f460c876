//! `longshore bench export`: how fast the tables go out, beside a reader that reads the same pages and drops them.

pub(super) mod discard;
mod mirror;

use clap::ValueEnum;
use serde::Serialize;
use serde_json::Value;

use super::machine::Machine;
use super::process::{self, Usage};
use super::subject::Folder;
use crate::app::App;
use crate::exit::Exit;
use crate::failure::Failure;

/// Export a mirror of many messages, beside a reader that discards
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// How many messages
    #[arg(long, default_value_t = 1_000_000)]
    messages: u64,
    /// The format of the tables
    #[arg(long, value_enum, default_value_t = FormatFlag::Parquet)]
    format: FormatFlag,
    /// The seed of what is said
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// How many times each is measured
    #[arg(long, default_value_t = 3)]
    times: u32,
    /// Export from this PostgreSQL database, which must be empty, instead of an SQLite file
    #[arg(long, value_name = "URL")]
    postgres: Option<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum FormatFlag {
    Ndjson,
    Csv,
    Parquet,
}

impl FormatFlag {
    const fn name(self) -> &'static str {
        match self {
            Self::Ndjson => "ndjson",
            Self::Csv => "csv",
            Self::Parquet => "parquet",
        }
    }
}

#[derive(Debug, Serialize)]
struct Report {
    machine: Machine,
    engine: &'static str,
    format: &'static str,
    messages: u64,
    seed: u64,
    exports: Vec<Figures>,
    discarding: Vec<Figures>,
    /// Messages a second against the reader that discards, the medians of both.
    ratio_discarding: f64,
}

#[derive(Debug, Serialize)]
struct Figures {
    seconds: f64,
    messages_per_second: f64,
    bytes: u64,
    #[serde(flatten)]
    usage: Usage,
}

/// Fill a store, and measure in processes of their own, in turns.
pub(super) async fn run(app: &App, args: &Args) -> Result<Exit, Failure> {
    let folder = Folder::make()?;
    let database = args.postgres.clone().unwrap_or_else(|| folder.database("export"));
    let engine = if args.postgres.is_some() { "PostgreSQL" } else { "SQLite" };
    app.output.note(&format!("{engine}: storing {} messages", args.messages));
    let filled = mirror::fill(app, &database, args.messages, args.seed).await;
    filled.map_err(|error| Failure::unexpected(format!("cannot use the database: {error}")))?;
    let (mut exports, mut discarding) = (Vec::new(), Vec::new());
    for _ in 0..args.times.max(1) {
        app.output.note("reading the same pages and dropping them");
        discarding.push(measure(app, args, &words(&database, &["bench", "export-reader"])).await?);
        app.output.note("exporting");
        let out = folder.file("out");
        let export =
            ["export", "--format", args.format.name(), "--no-transcripts", "--no-attachments", "--to", &out];
        exports.push(measure(app, args, &words(&database, &export)).await?);
    }
    let ratio_discarding = median(&exports) / median(&discarding);
    let report = Report {
        machine: Machine::here(),
        engine,
        format: args.format.name(),
        messages: args.messages,
        seed: args.seed,
        exports,
        discarding,
        ratio_discarding,
    };
    app.output.report(Exit::Done, &report, &text(&report))
}

fn words(database: &str, command: &[&str]) -> Vec<String> {
    ["--json", "--quiet", "--database", database].iter().chain(command).map(|&word| word.to_owned()).collect()
}

async fn measure(app: &App, args: &Args, words: &[String]) -> Result<Figures, Failure> {
    let finished = process::run(words, "", &*app.clock).await?;
    let field = |name: &str| &finished.report[name];
    if field("ok") != &Value::Bool(true) {
        return Err(Failure::unexpected(format!("what was measured failed: {}", field("error"))));
    }
    let seconds = field("seconds").as_f64().unwrap_or_default();
    Ok(Figures {
        seconds,
        messages_per_second: args.messages as f64 / seconds,
        bytes: field("bytes").as_u64().unwrap_or_default(),
        usage: finished.usage,
    })
}

fn median(figures: &[Figures]) -> f64 {
    let mut rates: Vec<f64> = figures.iter().map(|one| one.messages_per_second).collect();
    rates.sort_by(f64::total_cmp);
    rates[rates.len() / 2]
}

fn text(report: &Report) -> String {
    let mut text = format!(
        "{}\n{}, {} messages to {}, seed {}\n\n{:<20}{:>9}{:>13}{:>9}{:>10}{:>12}\n",
        report.machine.text(),
        report.engine,
        report.messages,
        report.format,
        report.seed,
        "",
        "seconds",
        "messages/s",
        "CPU s",
        "peak MiB",
        "bytes"
    );
    let lines = report.discarding.iter().map(|one| ("read and discard", one));
    for (what, it) in lines.chain(report.exports.iter().map(|one| ("export", one))) {
        text += &format!(
            "{what:<20}{:>9.2}{:>13.0}{:>9.2}{:>10.0}{:>12}\n",
            it.seconds, it.messages_per_second, it.usage.cpu_s, it.usage.peak_mib, it.bytes
        );
    }
    text + &format!("\nexport / read and discard (medians): {:.2}\n", report.ratio_discarding)
}

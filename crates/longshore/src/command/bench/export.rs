//! `longshore bench export`: how fast the tables go out, beside a reader that reads the same pages and drops them, and, to
//! PostgreSQL, beside psql's plain copy of the same rows; beside a loader from PyPI where a Python has it.

pub(super) mod discard;
mod incremental;
mod loader;
mod mirror;
mod plain;

use clap::ValueEnum;
use serde::Serialize;
use serde_json::Value;

use self::loader::{Load, To};
use super::machine::Machine;
use super::median::median;
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
    /// Measure instead what an incremental export costs beside a full one when one conversation in a hundred has changed
    #[arg(long, conflicts_with_all = ["format", "times"])]
    incremental: bool,
    /// Export from this PostgreSQL database, which must be empty, instead of an SQLite file
    #[arg(long, value_name = "URL")]
    postgres: Option<String>,
    /// With --format postgres: the database to export to, in schemas that are dropped before and afterwards
    #[arg(long, value_name = "URL")]
    into: Option<String>,
    /// With --format parquet or postgres: load the messages with dlt, too, by this Python that has it
    #[arg(long, value_name = "PYTHON", conflicts_with_all = ["postgres", "incremental"])]
    dlt: Option<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum FormatFlag {
    Ndjson,
    Csv,
    Parquet,
    Sqlite,
    Postgres,
}

impl FormatFlag {
    const fn name(self) -> &'static str {
        match self {
            Self::Ndjson => "ndjson",
            Self::Csv => "csv",
            Self::Parquet => "parquet",
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
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
    /// The same once more over the tables that are there: to PostgreSQL, where that is a merge.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    merges: Vec<Figures>,
    discarding: Vec<Figures>,
    /// Messages a second against the reader that discards, the medians of both.
    ratio_discarding: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    plain: Option<Plain>,
    /// By dlt: a first load, and one more over it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    loads: Vec<Load>,
}

/// Beside psql's plain copy of the same rows from CSV files.
#[derive(Debug, Serialize)]
struct Plain {
    messages_per_second: Vec<f64>,
    /// Messages a second of a first export against it, the medians of both.
    ratio_export: f64,
    /// The same of an export over the tables that are there.
    ratio_merge: f64,
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
    if args.dlt.is_some() && !matches!(args.format, FormatFlag::Parquet | FormatFlag::Postgres) {
        return Err(Failure::usage("dlt is measured with --format parquet and --format postgres"));
    }
    let folder = Folder::make()?;
    let database = args.postgres.clone().unwrap_or_else(|| folder.database("export"));
    let engine = if args.postgres.is_some() { "PostgreSQL" } else { "SQLite" };
    app.output.note(&format!("{engine}: storing {} messages", args.messages));
    let filled = mirror::fill(app, &database, args.messages, args.seed).await;
    filled.map_err(|error| Failure::unexpected(format!("cannot use the database: {error}")))?;
    if args.incremental {
        return incremental::run(app, args, &database, &folder).await;
    }
    let out = Out::of(app, args, &folder, &database).await?;
    let (mut exports, mut merges, mut discarding, mut copies) = (vec![], vec![], vec![], vec![]);
    for _ in 0..args.times.max(1) {
        app.output.note("reading the same pages and dropping them");
        discarding.push(measure(app, args, &words(&database, &["bench", "export-reader"])).await?);
        if let Out::Postgres { url, csv } = &out {
            plain::clear(url).await?;
            app.output.note("copying CSV files by psql");
            copies.push(args.messages as f64 / plain::copy(app, url, csv).await?);
        }
        app.output.note("exporting");
        let export =
            unmasked(&database, &out.words(args.format).iter().map(String::as_str).collect::<Vec<_>>());
        exports.push(measure(app, args, &export).await?);
        if let Out::Postgres { .. } = out {
            app.output.note("exporting once more");
            merges.push(measure(app, args, &export).await?);
        }
    }
    let against = |figures: &[Figures], others: f64| rate(figures) / others;
    let loads = load(app, args, &folder, &out).await?;
    let plain = if let Out::Postgres { url, .. } = &out {
        plain::clear(url).await?;
        let (ratio_export, ratio_merge) = {
            let others = median(copies.iter().copied());
            (against(&exports, others), against(&merges, others))
        };
        Some(Plain { messages_per_second: copies, ratio_export, ratio_merge })
    } else {
        None
    };
    let report = Report {
        machine: Machine::here(),
        engine,
        format: args.format.name(),
        messages: args.messages,
        seed: args.seed,
        ratio_discarding: against(&exports, rate(&discarding)),
        exports,
        merges,
        discarding,
        plain,
        loads,
    };
    app.output.report(Exit::Done, &report, &text(&report))
}

/// Have dlt load the messages, where it was asked for.
async fn load(app: &App, args: &Args, folder: &Folder, out: &Out) -> Result<Vec<Load>, Failure> {
    let Some(python) = &args.dlt else { return Ok(Vec::new()) };
    app.output.note("loading by dlt");
    let (file, loaded) = (folder.file("export.db"), folder.file("loaded"));
    let to = match (out, args.format) {
        (Out::Postgres { url, .. }, _) => To::Postgres(url),
        (Out::Path(_), FormatFlag::Parquet) => To::Parquet(&loaded),
        _ => return Ok(Vec::new()),
    };
    loader::load(python, &file, to).await
}

/// Where exports go.
enum Out {
    /// A folder, or a file.
    Path(String),
    /// A database, with the same rows in a folder of CSV files.
    Postgres { url: String, csv: String },
}

impl Out {
    async fn of(app: &App, args: &Args, folder: &Folder, database: &str) -> Result<Self, Failure> {
        match (args.format, &args.into) {
            (FormatFlag::Postgres, None) => Err(Failure::usage("it is not said which database to export to")
                .hint("name one with --into; two schemas in it are dropped")),
            (FormatFlag::Postgres, Some(url)) => {
                let csv = folder.file("csv");
                app.output.note("writing CSV files");
                let words = unmasked(
                    database,
                    &["export", "--format", "csv", "--no-transcripts", "--no-attachments", "--to", &csv],
                );
                measure(app, args, &words).await?;
                Ok(Self::Postgres { url: url.clone(), csv })
            }
            (FormatFlag::Sqlite, _) => Ok(Self::Path(folder.file("out.sqlite"))),
            _ => Ok(Self::Path(folder.file("out"))),
        }
    }

    fn words(&self, format: FormatFlag) -> Vec<String> {
        let words: &[&str] = match (self, format) {
            (Self::Postgres { url, .. }, _) => &["export", "--to", url, "--schema", plain::EXPORTED],
            (Self::Path(path), FormatFlag::Sqlite) => &["export", "--format", "sqlite", "--to", path],
            (Self::Path(path), _) => {
                &["export", "--format", format.name(), "--no-transcripts", "--no-attachments", "--to", path]
            }
        };
        words.iter().map(|&word| word.to_owned()).collect()
    }
}

/// The words of an export of everything as it is: masking costs time of its own.
fn unmasked(database: &str, export: &[&str]) -> Vec<String> {
    let mut words = words(database, export);
    words.extend(["--mask", "none", "--reason", "bench"].map(str::to_owned));
    words
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

fn rate(figures: &[Figures]) -> f64 {
    median(figures.iter().map(|one| one.messages_per_second))
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
    let exports = report.exports.iter().map(|one| ("export", one));
    for (what, it) in lines.chain(exports).chain(report.merges.iter().map(|one| ("export once more", one))) {
        text += &format!(
            "{what:<20}{:>9.2}{:>13.0}{:>9.2}{:>10.0}{:>12}\n",
            it.seconds, it.messages_per_second, it.usage.cpu_s, it.usage.peak_mib, it.bytes
        );
    }
    text += &format!("\nexport / read and discard (medians): {:.2}\n", report.ratio_discarding);
    if let Some(plain) = &report.plain {
        let rates: Vec<String> = plain.messages_per_second.iter().map(|rate| format!("{rate:.0}")).collect();
        text += &format!(
            "plain copy by psql: {} messages/s\nexport / plain copy: {:.2}; once more over the tables: {:.2}\n",
            rates.join(", "),
            plain.ratio_export,
            plain.ratio_merge
        );
    }
    if !report.loads.is_empty() {
        text += &Load::text(&report.loads);
    }
    text
}

//! What an incremental export costs beside a full one, when one conversation in a hundred has changed.
//!
//! Files are cut by month and written whole, so a month is the least that a change can cost. In life changes come to the newest
//! months; spread over all of them they cost what everything does, and the table says so.

use serde::Serialize;
use serde_json::Value;

use super::mirror::{self, Spread};
use super::{Args, unmasked};
use crate::app::App;
use crate::command::bench::process;
use crate::exit::Exit;
use crate::failure::Failure;

use crate::command::bench::machine::Machine;
use crate::command::bench::subject::Folder;

#[derive(Debug, Serialize)]
struct Report {
    machine: Machine,
    engine: &'static str,
    messages: u64,
    seed: u64,
    full: Figures,
    runs: Vec<Run>,
}

#[derive(Debug, Serialize)]
struct Figures {
    seconds: f64,
    /// Reading back what was written, and the mirror beside it.
    proof_seconds: f64,
    bytes: u64,
    files: u64,
}

#[derive(Debug, Serialize)]
struct Run {
    changed: &'static str,
    conversations: u64,
    #[serde(flatten)]
    figures: Figures,
    /// Against the full export, in percent.
    bytes_percent: f64,
    seconds_percent: f64,
}

/// Export everything, then change and export what changed, in processes of their own.
pub(super) async fn run(app: &App, args: &Args, database: &str, folder: &Folder) -> Result<Exit, Failure> {
    let out = folder.file("incremental");
    let export = ["export", "--format", "parquet", "--incremental", "--to", &out];
    app.output.note("exporting everything");
    let full = measure(app, &unmasked(database, &export)).await?;
    let mut runs = Vec::new();
    let spreads =
        [("nothing", None), ("the newest", Some(Spread::Recent)), ("of every month", Some(Spread::Even))];
    for (changed, spread) in spreads {
        let conversations = match spread {
            Some(spread) => mirror::change(app, database, (args.messages, args.seed), spread)
                .await
                .map_err(|error| Failure::unexpected(format!("cannot use the database: {error}")))?,
            None => 0,
        };
        app.output.note(&format!("exporting what changed: {changed}"));
        let figures = measure(app, &unmasked(database, &export)).await?;
        runs.push(Run {
            changed,
            conversations,
            bytes_percent: 100.0 * figures.bytes as f64 / full.bytes as f64,
            seconds_percent: 100.0 * figures.seconds / full.seconds,
            figures,
        });
    }
    let engine = if args.postgres.is_some() { "PostgreSQL" } else { "SQLite" };
    let report =
        Report { machine: Machine::here(), engine, messages: args.messages, seed: args.seed, full, runs };
    app.output.report(Exit::Done, &report, &text(&report))
}

async fn measure(app: &App, words: &[String]) -> Result<Figures, Failure> {
    let report = process::run(words, "", &*app.clock).await?.report;
    let field = |name: &str| &report[name];
    if field("ok") != &Value::Bool(true) {
        return Err(Failure::unexpected(format!("what was measured failed: {}", field("error"))));
    }
    Ok(Figures {
        seconds: field("seconds").as_f64().unwrap_or_default(),
        proof_seconds: field("proof_seconds").as_f64().unwrap_or_default(),
        bytes: field("bytes_written").as_u64().unwrap_or_default(),
        files: field("parts_written").as_u64().unwrap_or_default(),
    })
}

fn text(report: &Report) -> String {
    let mut text = format!(
        "{}\n{}, {} messages of two years to parquet, seed {}\n\n{:<16}{:>15}{:>9}{:>12}{:>9}{:>8}{:>9}{:>10}\n",
        report.machine.text(),
        report.engine,
        report.messages,
        report.seed,
        "changed",
        "conversations",
        "files",
        "bytes",
        "seconds",
        "proof",
        "bytes %",
        "seconds %"
    );
    let line = |what: &str, changed: &str, it: &Figures, (bytes, seconds): (f64, f64)| {
        format!(
            "{what:<16}{changed:>15}{:>9}{:>12}{:>9.2}{:>8.2}{bytes:>9.1}{seconds:>10.1}\n",
            it.files, it.bytes, it.seconds, it.proof_seconds
        )
    };
    text += &line("(everything)", "all", &report.full, (100.0, 100.0));
    for run in &report.runs {
        let percents = (run.bytes_percent, run.seconds_percent);
        text += &line(run.changed, &run.conversations.to_string(), &run.figures, percents);
    }
    text
}

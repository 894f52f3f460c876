//! `longshore bench flat`: memory while a very large world is archived for a while.

use std::process::Stdio;

use serde::Serialize;

use super::machine::Machine;
use super::process::{self, SandboxProcess, Usage};
use super::subject::{Folder, Subject};
use crate::app::App;
use crate::exit::Exit;
use crate::failure::Failure;

/// Watch the memory of an archive of a million conversations, and of the sandbox
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// How many conversations the world has
    #[arg(long, default_value_t = 1_000_000)]
    conversations: u64,
    /// How long to watch, in seconds
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// The world's seed
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// Archive into this PostgreSQL database instead of an SQLite file
    #[arg(long, value_name = "URL")]
    postgres: Option<String>,
}

/// Seconds between two readings.
const EVERY_S: u64 = 5;

#[derive(Debug, Serialize)]
struct Report {
    machine: Machine,
    conversations: u64,
    seed: u64,
    readings: Vec<Reading>,
    archive_peak_mib: f64,
    sandbox_peak_mib: f64,
    /// Resident memory of the archive in the last third against the second third.
    growth: f64,
}

#[derive(Debug, Serialize)]
struct Reading {
    second: u64,
    archive_mib: f64,
    sandbox_mib: f64,
}

/// Start an archive, read its memory, and end it.
pub(super) async fn run(app: &App, args: &Args) -> Result<Exit, Failure> {
    let folder = Folder::make()?;
    let flags = ["--conversations", &args.conversations.to_string(), "--seed", &args.seed.to_string()]
        .map(str::to_owned);
    let sandbox = SandboxProcess::start(&flags).await?;
    let database = args.postgres.clone().unwrap_or_else(|| folder.database("flat"));
    let subject = Subject::connect(app, &sandbox, &folder, &database, &["per_minute=0".to_owned()]).await?;
    let archive =
        process::command(&subject.words(&["archive"]))?.stdin(Stdio::null()).stdout(Stdio::null()).spawn();
    let mut archive =
        archive.map_err(|error| Failure::unexpected(format!("cannot start the archive: {error}")))?;
    let (mut readings, mut last) = (Vec::new(), Usage::default());
    for second in (EVERY_S..=args.seconds).step_by(usize::try_from(EVERY_S).unwrap_or(1)) {
        app.clock.sleep(EVERY_S * 1_000).await;
        let Some(process) = archive.id() else { break };
        last = Usage::of(process);
        readings.push(Reading {
            second,
            archive_mib: last.resident_mib,
            sandbox_mib: sandbox.usage().resident_mib,
        });
    }
    let _ = archive.kill().await;
    let report = Report {
        machine: Machine::here(),
        conversations: args.conversations,
        seed: args.seed,
        growth: growth(&readings),
        readings,
        archive_peak_mib: last.peak_mib,
        sandbox_peak_mib: sandbox.usage().peak_mib,
    };
    app.output.report(Exit::Done, &report, &text(&report))
}

/// How much larger the last third is than the second, on average.
fn growth(readings: &[Reading]) -> f64 {
    let third = readings.len() / 3;
    let mean =
        |part: &[Reading]| part.iter().map(|one| one.archive_mib).sum::<f64>() / part.len().max(1) as f64;
    if third == 0 { 1.0 } else { mean(&readings[2 * third..]) / mean(&readings[third..2 * third]) }
}

fn text(report: &Report) -> String {
    let mut text = format!(
        "{}\n{} conversations, seed {}\n\n{:>7}{:>14}{:>14}\n",
        report.machine.text(),
        report.conversations,
        report.seed,
        "second",
        "archive MiB",
        "sandbox MiB"
    );
    for it in &report.readings {
        text += &format!("{:>7}{:>14.1}{:>14.1}\n", it.second, it.archive_mib, it.sandbox_mib);
    }
    let (archive, sandbox) = (report.archive_peak_mib, report.sandbox_peak_mib);
    text + &format!(
        "\npeak: archive {archive:.1} MiB, sandbox {sandbox:.1} MiB; last third / second third: {:.3}\n",
        report.growth
    )
}

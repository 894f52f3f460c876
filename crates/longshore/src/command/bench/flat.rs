//! `longshore bench flat`: memory while a very large world is archived for a while.

use std::process::Stdio;

use model::Clock;
use serde::Serialize;

use super::machine::Machine;
use super::process::{self, SandboxProcess, Usage};
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
    let folder = std::env::temp_dir().join(format!("longshore-flat-{}", std::process::id()));
    std::fs::create_dir_all(&folder).map_err(|error| Failure::output(&folder, &error))?;
    let watched = watch(app, args, &folder).await;
    let _ = std::fs::remove_dir_all(&folder);
    let report = watched?;
    app.output.report(Exit::Done, &report, &text(&report))
}

async fn watch(app: &App, args: &Args, folder: &std::path::Path) -> Result<Report, Failure> {
    let flags = ["--conversations", &args.conversations.to_string(), "--seed", &args.seed.to_string()].map(str::to_owned);
    let sandbox = SandboxProcess::start(&flags).await?;
    let database = args.postgres.clone().unwrap_or_else(|| format!("sqlite://{}/flat.db", folder.display()));
    let settings = [
        format!("api_url={}", sandbox.url),
        format!("key_file={}/flat.key", folder.display()),
        "per_minute=0".into(),
    ];
    let words = |command: &[&str]| -> Vec<String> {
        let head = command.iter().map(|word| (*word).to_owned());
        let common = ["--json", "--quiet", "--database", &database].map(str::to_owned);
        head.chain(common).chain(settings.iter().flat_map(|one| ["--set".to_owned(), one.clone()])).collect()
    };
    process::run(&words(&["connect", "--token-stdin"]), &sandbox.token, &*app.clock).await?;
    let archive = process::command(&words(&["archive"]))?.stdin(Stdio::null()).stdout(Stdio::null()).spawn();
    let mut archive = archive.map_err(|error| Failure::unexpected(format!("cannot start the archive: {error}")))?;
    let (mut readings, mut last) = (Vec::new(), Usage::default());
    for second in (EVERY_S..=args.seconds).step_by(usize::try_from(EVERY_S).unwrap_or(1)) {
        app.clock.sleep(EVERY_S * 1_000).await;
        let Some(process) = archive.id() else { break };
        last = Usage::of(process);
        readings.push(Reading { second, archive_mib: last.resident_mib, sandbox_mib: sandbox.usage().resident_mib });
    }
    let _ = archive.kill().await;
    Ok(Report {
        machine: Machine::here(),
        conversations: args.conversations,
        seed: args.seed,
        growth: growth(&readings),
        readings,
        archive_peak_mib: last.peak_mib,
        sandbox_peak_mib: sandbox.usage().peak_mib,
    })
}

/// How much larger the last third is than the second, on average.
fn growth(readings: &[Reading]) -> f64 {
    let third = readings.len() / 3;
    let mean = |part: &[Reading]| part.iter().map(|one| one.archive_mib).sum::<f64>() / part.len().max(1) as f64;
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
    text + &format!("\npeak: archive {archive:.1} MiB, sandbox {sandbox:.1} MiB; last third / second third: {:.3}\n", report.growth)
}

//! `longshore bench budget`: how much of a budget an archive uses, on real time, and how often it is refused.

use serde::Serialize;
use serde_json::Value;

use super::machine::Machine;
use super::process::SandboxProcess;
use super::subject::{Folder, Subject};
use crate::app::App;
use crate::exit::Exit;
use crate::failure::Failure;

/// Archive against a leaky bucket, known and unknown
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The bucket, in calls a minute
    #[arg(long, default_value_t = 3_000)]
    rate: u32,
    /// How many conversations the world has
    #[arg(long, default_value_t = 2_000)]
    conversations: u64,
    /// The world's seed
    #[arg(long, default_value_t = 7)]
    seed: u64,
}

#[derive(Debug, Serialize)]
struct Report {
    machine: Machine,
    seed: u64,
    bucket_per_minute: u32,
    runs: Vec<Run>,
}

#[derive(Debug, Serialize)]
struct Run {
    assumed_per_minute: u32,
    seconds: f64,
    calls: u64,
    refused_429: u64,
    /// Accepted calls against what the bucket let through in that time.
    used: f64,
    /// Refused calls against all.
    refused: f64,
}

/// Measure with the true budget, then with twice of it assumed.
pub(super) async fn run(app: &App, args: &Args) -> Result<Exit, Failure> {
    let folder = Folder::make()?;
    let mut runs = Vec::new();
    for assumed in [args.rate, args.rate * 2] {
        app.output.note(&format!("archiving with {assumed} calls a minute assumed, {} true", args.rate));
        runs.push(measure(app, args, assumed, &folder).await?);
    }
    let report = Report { machine: Machine::here(), seed: args.seed, bucket_per_minute: args.rate, runs };
    app.output.report(Exit::Done, &report, &text(&report))
}

async fn measure(app: &App, args: &Args, assumed: u32, folder: &Folder) -> Result<Run, Failure> {
    let flags = [
        ("--conversations", args.conversations.to_string()),
        ("--seed", args.seed.to_string()),
        ("--rate", args.rate.to_string()),
        ("--reports-rate", "0".into()),
    ];
    let flags: Vec<String> = flags.into_iter().flat_map(|(flag, value)| [flag.to_owned(), value]).collect();
    let sandbox = SandboxProcess::start(&flags).await?;
    let database = folder.database(&format!("budget-{assumed}"));
    let settings = [format!("per_minute={assumed}")];
    let subject = Subject::connect(app, &sandbox, folder, &database, &settings).await?;
    let began = app.clock.now();
    let finished = subject.archive(app).await?;
    let seconds = app.clock.now().since(began) as f64 / 1_000.0;
    let count = |field: &str| finished.report.get(field).and_then(Value::as_u64).unwrap_or_default();
    let (calls, refused_429) = (count("requests"), count("refused_429"));
    Ok(Run {
        assumed_per_minute: assumed,
        seconds,
        calls,
        refused_429,
        used: (calls - refused_429) as f64 / (f64::from(args.rate) * seconds / 60.0),
        refused: refused_429 as f64 / calls.max(1) as f64,
    })
}

fn text(report: &Report) -> String {
    let head = format!(
        "{}\nbucket of {} a minute, seed {}\n\n",
        report.machine.text(),
        report.bucket_per_minute,
        report.seed
    );
    let titles = format!("{:>10}{:>10}{:>9}{:>10}{:>10}\n", "assumed", "seconds", "calls", "used", "refused");
    report.runs.iter().fold(head + &titles, |text, it| {
        text + &format!(
            "{:>10}{:>10.1}{:>9}{:>9.1}%{:>9.2}%\n",
            it.assumed_per_minute,
            it.seconds,
            it.calls,
            it.used * 100.0,
            it.refused * 100.0
        )
    })
}

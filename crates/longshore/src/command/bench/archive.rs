//! `longshore bench archive`: how fast an archive is, beside a client that makes the same calls and drops the answers.

use serde::Serialize;

use super::ceiling;
use super::discard;
use super::machine::Machine;
use super::process::{SandboxProcess, Usage};
use super::subject::{Folder, Subject};
use crate::app::App;
use crate::exit::Exit;
use crate::failure::Failure;

/// Archive a world as fast as it goes, beside a client that discards
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// How many conversations
    #[arg(long, default_value_t = 20_000)]
    conversations: u64,
    /// Messages of each, MIN-MAX
    #[arg(long, default_value = "12-120")]
    messages: String,
    /// The world's seed
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// Also archive into this PostgreSQL database, which must be empty
    #[arg(long, value_name = "URL")]
    postgres: Option<String>,
    /// Calls under way at once, for the archive and the baseline alike
    #[arg(long, default_value_t = 32)]
    concurrency: usize,
}

#[derive(Debug, Serialize)]
struct Report {
    machine: Machine,
    seed: u64,
    conversations: u64,
    messages_each: String,
    ceiling: Figures,
    discarding: Figures,
    sequential: Figures,
    archives: Vec<Figures>,
}

#[derive(Debug, Serialize)]
struct Figures {
    what: String,
    seconds: f64,
    requests: u64,
    messages: u64,
    messages_per_second: f64,
    /// Messages a second against the client that decodes and discards, with as many calls under way.
    ratio_discarding: f64,
    /// Messages a second against the client that discards and makes one call after the other.
    ratio_sequential: f64,
    cpu_s_per_1000_conversations: f64,
    sandbox_cpu_s: f64,
    client: Usage,
    sandbox_peak_mib: f64,
}

/// Measure each engine and the baseline, one after the other.
pub(super) async fn run(app: &App, args: &Args) -> Result<Exit, Failure> {
    let folder = Folder::make()?;
    let mut databases = vec![("SQLite", folder.database("archive"))];
    databases.extend(args.postgres.iter().map(|url| ("PostgreSQL", url.clone())));
    let mut archives = Vec::new();
    for (name, database) in &databases {
        app.output.note(&format!("archiving into {name}"));
        archives.push(archive(app, args, name, database, &folder).await?);
    }
    let messages = archives[0].messages;
    app.output.note("making the same calls, reading the answers and dropping them");
    let mut discarding = baseline(app, args, messages, Baseline::Decoding).await?;
    app.output.note("making the same calls and dropping the answers unread");
    let mut ceiling = baseline(app, args, messages, Baseline::Unread).await?;
    app.output.note("the same, one call after the other");
    let mut sequential = baseline(app, args, messages, Baseline::Sequential).await?;
    let (parallel, one_by_one) = (discarding.messages_per_second, sequential.messages_per_second);
    for figures in archives.iter_mut().chain([&mut ceiling, &mut discarding, &mut sequential]) {
        figures.ratio_discarding = figures.messages_per_second / parallel;
        figures.ratio_sequential = figures.messages_per_second / one_by_one;
    }
    let report = Report {
        machine: Machine::here(),
        seed: args.seed,
        conversations: args.conversations,
        messages_each: args.messages.clone(),
        ceiling,
        discarding,
        sequential,
        archives,
    };
    app.output.report(Exit::Done, &report, &text(&report))
}

async fn sandbox(args: &Args) -> Result<SandboxProcess, Failure> {
    let flags = [
        ("--conversations", args.conversations.to_string()),
        ("--messages", args.messages.clone()),
        ("--seed", args.seed.to_string()),
        ("--reports-rate", "0".into()),
        ("--log-entries", "0".into()),
        ("--list-form", "older".into()),
    ];
    let words: Vec<String> = flags.into_iter().flat_map(|(flag, value)| [flag.to_owned(), value]).collect();
    SandboxProcess::start(&words).await
}

/// The clients that store nothing.
#[derive(Clone, Copy)]
enum Baseline {
    /// Decodes every answer, as any client must.
    Decoding,
    /// Looks at nothing but the cursors: the ceiling of the sandbox.
    Unread,
    /// The same, one call after the other.
    Sequential,
}

async fn baseline(app: &App, args: &Args, messages: u64, which: Baseline) -> Result<Figures, Failure> {
    let sandbox = sandbox(args).await?;
    let (began, before) = (app.clock.now(), Usage::of(std::process::id()));
    let (name, requests) = match which {
        Baseline::Decoding => ("decode and discard", discard::run(app, &sandbox, args.concurrency).await?),
        Baseline::Unread => {
            ("drop unread", ceiling::run(&sandbox.url, &sandbox.token, args.concurrency).await?)
        }
        Baseline::Sequential => {
            ("drop unread, one by one", ceiling::run(&sandbox.url, &sandbox.token, 1).await?)
        }
    };
    let seconds = app.clock.now().since(began) as f64 / 1_000.0;
    let mut client = Usage::of(std::process::id());
    client.cpu_s -= before.cpu_s;
    Ok(figures(name, args, seconds, requests, messages, client, &sandbox))
}

async fn archive(
    app: &App,
    args: &Args,
    name: &str,
    database: &str,
    folder: &Folder,
) -> Result<Figures, Failure> {
    let sandbox = sandbox(args).await?;
    let settings = ["per_minute=0".to_owned(), format!("concurrency={}", args.concurrency)];
    let subject = Subject::connect(app, &sandbox, folder, database, &settings).await?;
    let began = app.clock.now();
    let finished = subject.archive(app).await?;
    let seconds = app.clock.now().since(began) as f64 / 1_000.0;
    let count = |field: &str| finished.report[field].as_u64().unwrap_or_default();
    let (requests, messages) = (count("requests"), count("messages"));
    Ok(figures(&format!("archive into {name}"), args, seconds, requests, messages, finished.usage, &sandbox))
}

fn figures(
    what: &str,
    args: &Args,
    seconds: f64,
    requests: u64,
    messages: u64,
    client: Usage,
    sandbox: &SandboxProcess,
) -> Figures {
    let used = sandbox.usage();
    Figures {
        what: what.to_owned(),
        seconds,
        requests,
        messages,
        messages_per_second: messages as f64 / seconds,
        ratio_discarding: 1.0,
        ratio_sequential: 1.0,
        cpu_s_per_1000_conversations: client.cpu_s * 1_000.0 / args.conversations as f64,
        sandbox_cpu_s: used.cpu_s,
        client,
        sandbox_peak_mib: used.peak_mib,
    }
}

fn text(report: &Report) -> String {
    let mut text = format!(
        "{}\n{} conversations of {} messages, seed {}\n\n{:<24}{:>9}{:>10}{:>12}{:>10}{:>13}{:>15}{:>10}{:>13}\n",
        report.machine.text(),
        report.conversations,
        report.messages_each,
        report.seed,
        "",
        "seconds",
        "requests",
        "messages/s",
        "/discard",
        "/one by one",
        "CPU s/1000 c.",
        "peak MiB",
        "sandbox CPU",
    );
    for it in [&report.ceiling, &report.discarding, &report.sequential].into_iter().chain(&report.archives) {
        text += &format!(
            "{:<24}{:>9.1}{:>10}{:>12.0}{:>10.2}{:>13.2}{:>15.2}{:>10.0}{:>13.1}\n",
            it.what,
            it.seconds,
            it.requests,
            it.messages_per_second,
            it.ratio_discarding,
            it.ratio_sequential,
            it.cpu_s_per_1000_conversations,
            it.client.peak_mib,
            it.sandbox_cpu_s,
        );
    }
    text
}

//! `longshore bench queue`: how fast the queue drains, how soon a job starts, what a flood costs the others, and how soon a
//! killed worker's jobs run again.
//!
//! Sketch: a job that does nothing is one row updated and deleted and one line of history, about 8 index entries, 20 µs of
//! one core on SQLite; 256 share a commit of a millisecond or two. So 200,000 of them take about 5 s and the core is the
//! limit. 20,000 jobs of 5 ms, 32 at once, cannot take less than 3.1 s. A takeover cannot take less than the lease lasts,
//! 6 s, nor more than the 7 s until it is found.

mod drain;
mod jobs;
mod latency;
mod takeover;

use std::sync::Arc;

use drift::Seams;
use engine::calls::CallBook;
use engine::clients::Clients;
use engine::connection::Connections;
use engine::{Node, NodeLimits, Settling, StopSwitch};
use model::{Entropy, SeededEntropy};
use serde::Serialize;
use store::vault::{Key, Vault};
use store::{DatabaseUrl, Db, OpenOptions, StoreError};
use telemetry::Metrics;

use latency::{Latency, Round};

use super::machine::Machine;
use super::subject::Folder;
use crate::app::App;
use crate::exit::Exit;
use crate::failure::Failure;

/// By which a child is told the database; a flag would show its password to everybody on the machine.
const VICTIM: &str = "LONGSHORE_BENCH_VICTIM";

/// Measure the job queue: draining, latency, fairness, takeover
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Also measure on this PostgreSQL database, which must be empty
    #[arg(long, value_name = "URL")]
    postgres: Option<String>,
    /// How many jobs that do nothing
    #[arg(long, default_value_t = 200_000)]
    jobs: u64,
    /// How many jobs of 5 ms
    #[arg(long, default_value_t = 20_000)]
    short_jobs: u64,
    /// How long latency is measured, in seconds, with and without a flood
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    seconds: u64,
    /// Rounds of measuring latency; the medians count
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=99))]
    rounds: u64,
    /// The seed of ids and jitter
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// Run a worker that never ends its jobs, on this database, until killed
    #[arg(long, hide = true, value_name = "URL", env = VICTIM, hide_env_values = true)]
    victim: Option<String>,
}

#[derive(Debug, Serialize)]
struct Report {
    machine: Machine,
    seed: u64,
    jobs: u64,
    short_jobs: u64,
    engines: Vec<Figures>,
}

#[derive(Debug, Serialize)]
struct Figures {
    engine: &'static str,
    drain: drain::Drained,
    one_by_one: drain::Drained,
    /// Draining against one job a transaction.
    ratio_one_by_one: f64,
    short: drain::Drained,
    /// Against as many slots always busy.
    ratio_ideal: f64,
    /// The medians of the rounds.
    alone: Latency,
    flooded: Latency,
    /// The others' 99th percentile, flooded against alone: the medians of both.
    ratio_flooded: f64,
    rounds: Vec<Round>,
    takeover: takeover::Takeover,
}

/// Measure each engine, one after the other.
pub(super) async fn run(app: &App, args: &Args) -> Result<Exit, Failure> {
    if let Some(url) = &args.victim {
        takeover::be_victim(&Rig::open(app, url, Arc::clone(&app.entropy)).await?).await;
        return Ok(Exit::Done);
    }
    let folder = Folder::make()?;
    let mut databases = vec![("SQLite", folder.database("queue"))];
    databases.extend(args.postgres.iter().map(|url| ("PostgreSQL", url.clone())));
    let mut engines = Vec::new();
    for (name, url) in databases {
        let rig = Rig::open(app, &url, Arc::new(SeededEntropy::new(args.seed))).await?;
        engines.push(Box::pin(measure(app, args, name, &rig)).await?);
        rig.db.close().await;
    }
    let report = Report {
        machine: Machine::here(),
        seed: args.seed,
        jobs: args.jobs,
        short_jobs: args.short_jobs,
        engines,
    };
    app.output.report(Exit::Done, &report, &text(&report))
}

async fn measure(app: &App, args: &Args, engine: &'static str, rig: &Rig) -> Result<Figures, Failure> {
    app.output.note(&format!("{engine}: draining {} jobs that do nothing", args.jobs));
    let drain = drain::nothing(rig, args.jobs).await?;
    app.output.note(&format!("{engine}: the same, one job a transaction"));
    let one_by_one = drain::one_by_one(rig).await?;
    app.output.note(&format!("{engine}: draining {} jobs of 5 ms", args.short_jobs));
    let short = drain::short(rig, args.short_jobs).await?;
    app.output.note(&format!("{engine}: latency, then the same beside a flood"));
    let mut rounds = Vec::new();
    for _ in 0..args.rounds {
        rounds.push(latency::round(rig, args.seconds, args.jobs).await?);
    }
    let medians = |of: fn(&Round) -> Latency| Latency::median(&rounds.iter().map(of).collect::<Vec<_>>());
    let (alone, flooded) = (medians(|round| round.alone), medians(|round| round.flooded));
    app.output.note(&format!("{engine}: a worker is killed"));
    let takeover = takeover::measure(rig).await?;
    let slots = NodeLimits::default().concurrency as f64;
    let ideal_s = args.short_jobs as f64 * jobs::SHORT_MS as f64 / 1_000.0 / slots;
    Ok(Figures {
        engine,
        ratio_one_by_one: drain.jobs_per_second / one_by_one.jobs_per_second,
        ratio_ideal: ideal_s / short.seconds,
        ratio_flooded: flooded.p99_ms / alone.p99_ms,
        drain,
        one_by_one,
        short,
        alone,
        flooded,
        rounds,
        takeover,
    })
}

/// A store with its seams.
struct Rig {
    app: App,
    url: String,
    db: Db,
    entropy: Arc<dyn Entropy>,
    /// Nothing is called: no job here has anything to ask.
    seams: Seams,
}

impl Rig {
    async fn open(app: &App, url: &str, entropy: Arc<dyn Entropy>) -> Result<Self, Failure> {
        let parsed = DatabaseUrl::parse(url).map_err(|error| Failure::usage(error.to_string()))?;
        let db = Db::open(&parsed, OpenOptions::default()).await;
        let db = db.map_err(|error| Failure::store("open the database", &parsed, &error))?;
        let seams = Seams::system().map_err(|error| Failure::unexpected(error.to_string()))?;
        Ok(Self { app: app.clone(), url: url.to_owned(), db, entropy, seams })
    }

    /// A node on it, and the switch that stops it.
    fn node(&self, limits: NodeLimits) -> (Arc<Node>, StopSwitch) {
        let stop = StopSwitch::new();
        let metrics = Arc::<Metrics>::default();
        let connections = Connections {
            db: self.db.clone(),
            vault: Vault::new(Key::generate(self.entropy.as_ref()), Arc::clone(&self.entropy)),
            config: drift::Config::default(),
            seams: self.seams.clone(),
        };
        let node = Node {
            exports: None,
            db: self.db.clone(),
            clock: Arc::clone(&self.app.clock),
            entropy: Arc::clone(&self.entropy),
            clients: Clients::new(connections, Arc::new(CallBook::new(Arc::clone(&metrics)))),
            webhooks: None,
            metrics,
            settling: Settling::default(),
            limits,
            stop: stop.watch(),
            host: "bench".to_owned(),
        };
        (Arc::new(node), stop)
    }
}

/// Name what failed.
fn failed(error: StoreError) -> Failure {
    Failure::unexpected(format!("the queue failed: {error}"))
}

fn text(report: &Report) -> String {
    let mut text = format!("{}\nseed {}\n", report.machine.text(), report.seed);
    for it in &report.engines {
        text += &format!("\n{}\n", it.engine);
        for (name, drained, against) in [
            ("jobs that do nothing", &it.drain, format!("{:.1} x one by one", it.ratio_one_by_one)),
            ("one job a transaction", &it.one_by_one, String::new()),
            ("jobs of 5 ms", &it.short, format!("{:.0} % of ideal", it.ratio_ideal * 100.0)),
        ] {
            text += &format!(
                "  {name:<24}{:>9} jobs{:>9.1} s{:>10.0} jobs/s  {against}\n",
                drained.jobs, drained.seconds, drained.jobs_per_second
            );
        }
        for (name, latency) in [("from put to start", &it.alone), ("beside a flood", &it.flooded)] {
            text += &format!(
                "  {name:<24}{:>9} jobs  p50 {:.1} ms  p99 {:.1} ms  p99.9 {:.1} ms\n",
                latency.jobs, latency.p50_ms, latency.p99_ms, latency.p999_ms
            );
        }
        let ratios: Vec<String> = it.rounds.iter().map(|round| format!("{:.2}", round.ratio())).collect();
        text += &format!(
            "  p99 beside a flood against without: {:.2}; medians of {} rounds, in which it was {}\n",
            it.ratio_flooded,
            it.rounds.len(),
            ratios.join(", ")
        );
        text += &format!(
            "  a killed worker's {} jobs had all run again after {:.1} s\n",
            it.takeover.jobs, it.takeover.seconds
        );
    }
    text
}

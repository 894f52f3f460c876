//! `longshore bench gateway`: how many webhooks a second are acknowledged with fsync, beside the same server answering
//! without storing, and one that commits each event alone; and what happens above what it can do.
//!
//! The server is a process of its own, the load comes from this one. Each run has a fresh server and an organization of
//! its own; at its end the server is killed with -9, and every acknowledged event is looked for in the database. All runs are made
//! several times, one after the other in rounds: a machine that is slower for a while is so for what is compared as well. After
//! each run the database is cleaned up, so that none pays for the rows of those before.

mod load;
mod report;
pub(super) mod server;

use std::collections::HashSet;

use model::OrgId;
use store::inbox::{self, Selection};
use store::{DatabaseUrl, Db, OpenOptions};

use self::load::{Load, Measured, Pace};
use self::report::{Engine, Report, Round, Run, Size};
use self::server::{ServerProcess, Work};
use super::machine::Machine;
use super::subject::Folder;
use crate::app::App;
use crate::exit::Exit;
use crate::failure::Failure;

/// Acknowledge webhooks as fast as it goes, and offer more than that
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Also commit into this PostgreSQL database, which must be empty
    #[arg(long, value_name = "URL")]
    postgres: Option<String>,
    /// Seconds of each run
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Rounds of all runs; the medians count
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=99))]
    rounds: u64,
    /// Connections at once at the most
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// Bytes of an event
    #[arg(long, value_delimiter = ',', default_values_t = [1_024, 16_384])]
    bytes: Vec<usize>,
}

/// Shares of the capacity that are offered, in per cent.
const SHARES: [u64; 4] = [50, 80, 100, 120];
/// Connections at once when more is offered than can be done: whoever waits must not keep the next from coming.
const OVERLOAD_CONNECTIONS: usize = 512;
/// Events read from the database at a time.
const PAGE: u32 = 10_000;

/// Measure each size on each engine.
pub(super) async fn run(app: &App, args: &Args) -> Result<Exit, Failure> {
    let folder = Folder::make()?;
    let mut databases = vec![("SQLite", folder.database("gateway"))];
    databases.extend(args.postgres.iter().map(|url| ("PostgreSQL", url.clone())));
    let mut bench = Bench { app, args, org: 0 };
    let mut sizes = Vec::new();
    for &bytes in &args.bytes {
        let mut engines = Vec::new();
        for (name, database) in &databases {
            engines.push(bench.engine(name, database, bytes).await?);
        }
        sizes.push(Size { bytes, engines });
    }
    let report = Report { machine: Machine::here(), seconds: args.seconds, sizes };
    app.output.report(Exit::Done, &report, &report.text())
}

struct Bench<'a> {
    app: &'a App,
    args: &'a Args,
    /// Each run's events are of an organization of their own.
    org: i64,
}

impl Bench<'_> {
    async fn engine(&mut self, name: &'static str, database: &str, bytes: usize) -> Result<Engine, Failure> {
        let mut rounds = Vec::new();
        for number in 1..=self.args.rounds {
            let what = format!("{name}, {bytes} bytes, round {number} of {}", self.args.rounds);
            rounds.push(self.round(&what, database, bytes).await?);
        }
        Ok(Engine::of(name, rounds))
    }

    async fn round(&mut self, what: &str, database: &str, bytes: usize) -> Result<Round, Failure> {
        let most = self.args.connections;
        let flat_out = Pace::FlatOut;
        self.app
            .output
            .note(&format!("{what}: answering without storing, then each event alone, then batches"));
        let nothing = self.run(database, Work::Nothing, bytes, most, flat_out).await?;
        let alone = self.run(database, Work::Alone, bytes, most, flat_out).await?;
        let mut committed = Vec::new();
        for connections in [1, 8, most] {
            committed.push(self.run(database, Work::Batches, bytes, connections, flat_out).await?);
        }
        let capacity = committed.last().map_or(0.0, |run| run.acknowledged_per_second);
        let mut offered = Vec::new();
        for share in SHARES {
            let per_second = (capacity * share as f64 / 100.0).max(1.0);
            self.app.output.note(&format!("{what}: {share} % of {capacity:.0} a second"));
            let connections = if share > 100 { OVERLOAD_CONNECTIONS } else { most };
            let pace = Pace::Offered { share, per_second };
            offered.push(self.run(database, Work::Batches, bytes, connections, pace).await?);
        }
        Ok(Round::of(nothing, alone, committed, offered))
    }

    async fn run(
        &mut self,
        database: &str,
        work: Work,
        bytes: usize,
        connections: usize,
        pace: Pace,
    ) -> Result<Run, Failure> {
        self.org += 1;
        let server = ServerProcess::start(database, work).await?;
        let load = Load {
            address: server.address,
            org: self.org,
            bytes,
            connections,
            pace,
            seconds: self.args.seconds,
            from_ms: self.app.clock.now().0,
        };
        let measured = load.run().await?;
        let usage = server.usage();
        server.kill().await;
        let lost = match work {
            Work::Nothing => 0,
            Work::Alone | Work::Batches => lost(database, OrgId(self.org), &measured).await?,
        };
        Ok(Run::of(&measured, connections, pace, usage, lost))
    }
}

/// Acknowledged events that the database does not hold; then it is cleaned up.
async fn lost(database: &str, org: OrgId, measured: &Measured) -> Result<usize, Failure> {
    let unexpected =
        |error: store::StoreError| Failure::unexpected(format!("cannot read what was stored: {error}"));
    let url = DatabaseUrl::parse(database).map_err(unexpected)?;
    let db =
        Db::open(&url, OpenOptions { create: false, ..OpenOptions::default() }).await.map_err(unexpected)?;
    let selection = Selection { org: Some(org), ..Selection::default() };
    let (mut stored, mut after) = (HashSet::new(), None);
    loop {
        let page = inbox::list(&db, &selection, after.as_ref(), PAGE).await.map_err(unexpected)?;
        let Some(last) = page.last() else { break };
        after = Some(last.event_id.clone());
        stored.extend(page.iter().filter_map(|event| event.message_id).map(|id| id.0));
    }
    db.clean_up().await.map_err(unexpected)?;
    db.close().await;
    Ok(measured.acknowledged.iter().filter(|id| !stored.contains(id)).count())
}

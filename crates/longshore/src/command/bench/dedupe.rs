//! `longshore bench dedupe`: what it costs to know a second delivery, with a million keys in force.

use model::{ConversationId, Entropy, EventId, MessageId, Millis, OrgId, SeededEntropy};
use serde::Serialize;
use store::inbox::{self, NewEvent, Payload};
use store::{DatabaseUrl, Db, OpenOptions};

use super::machine::Machine;
use super::subject::Folder;
use crate::app::App;
use crate::exit::Exit;
use crate::failure::Failure;

/// Append distinct events, then the same ones again
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Distinct events in force
    #[arg(long, default_value_t = 1_000_000)]
    keys: u64,
    /// Events of each measurement
    #[arg(long, default_value_t = 50_000)]
    sample: u64,
    /// Measure on this PostgreSQL database, which must be empty, instead of an SQLite file
    #[arg(long, value_name = "URL")]
    postgres: Option<String>,
}

/// Events in a commit.
const BATCH: usize = 512;
/// In what time the keys came: the window of dated events.
const SPAN_MS: u64 = 7 * 24 * 3_600_000;
/// One event in so many holds no time of its own, so that its key lies anywhere.
const UNDATED_EVERY: u64 = 5;

#[derive(Debug, Serialize)]
struct Report {
    machine: Machine,
    engine: &'static str,
    keys: u64,
    /// Microseconds an event, commits included, into an empty inbox.
    new_empty_us: f64,
    /// The same with all keys in force.
    new_full_us: f64,
    /// Microseconds a repeated event, whichever of the million it repeats.
    repeated_us: f64,
    /// What the keys in force add to a new event.
    added_new_us: f64,
    /// Repeats that were not known as such.
    missed: u64,
}

/// Fill the inbox and measure at both ends.
pub(super) async fn run(app: &App, args: &Args) -> Result<Exit, Failure> {
    let folder = Folder::make()?;
    let database = args.postgres.clone().unwrap_or_else(|| folder.database("dedupe"));
    let engine = if args.postgres.is_some() { "PostgreSQL" } else { "SQLite" };
    let url = DatabaseUrl::parse(&database).map_err(|error| failed(&error))?;
    let db = Db::open(&url, OpenOptions::default()).await.map_err(|error| failed(&error))?;
    let bench = Bench { app, db, now: app.clock.now(), keys: args.keys + args.sample };
    app.output.note(&format!("{engine}: {} distinct events", args.keys));
    let (new_empty_us, _) = bench.append(0..args.sample).await?;
    bench.append(args.sample..args.keys).await?;
    app.output.note("new ones, then repeated ones");
    let (new_full_us, _) = bench.append(args.keys..args.keys + args.sample).await?;
    let entropy = SeededEntropy::new(7);
    let repeats: Vec<u64> = (0..args.sample).map(|_| entropy.below(args.keys)).collect();
    let (repeated_us, kept) = bench.append(repeats.into_iter()).await?;
    bench.db.close().await;
    let report = Report {
        machine: Machine::here(),
        engine,
        keys: args.keys,
        new_empty_us,
        new_full_us,
        repeated_us,
        added_new_us: new_full_us - new_empty_us,
        missed: kept,
    };
    app.output.report(Exit::Done, &report, &text(&report))
}

fn failed(error: &store::StoreError) -> Failure {
    Failure::unexpected(format!("cannot use the database: {error}"))
}

struct Bench<'a> {
    app: &'a App,
    db: Db,
    now: Millis,
    keys: u64,
}

impl Bench<'_> {
    /// Append the events of these numbers; answers microseconds an event, and how many were kept.
    async fn append(&self, mut numbers: impl Iterator<Item = u64>) -> Result<(f64, u64), Failure> {
        let (mut count, mut kept, mut ms) = (0_u64, 0, 0);
        loop {
            let batch: Vec<NewEvent> =
                numbers.by_ref().take(BATCH).map(|number| self.event(number)).collect();
            if batch.is_empty() {
                return Ok((ms as f64 * 1_000.0 / count.max(1) as f64, kept));
            }
            let began = self.app.clock.now();
            count += batch.len() as u64;
            let appended = inbox::commit(&self.db, batch).await.map_err(|error| failed(&error))?;
            self.db.settle().await.map_err(|error| failed(&error))?;
            ms += self.app.clock.now().since(began);
            kept += appended.iter().filter(|one| !one.duplicate).count() as u64;
        }
    }

    fn event(&self, number: u64) -> NewEvent {
        let undated = number.is_multiple_of(UNDATED_EVERY);
        let age_ms = SPAN_MS - SPAN_MS * number / self.keys.max(1);
        let occurred_at = self.now.plus(-i64::try_from(age_ms).unwrap_or_default());
        let mut key = [0; 16];
        SeededEntropy::new(number).fill(&mut key);
        let conversation = i64::try_from(number / 40).unwrap_or_default();
        NewEvent {
            event_id: EventId::new(self.now, self.app.entropy.as_ref()),
            org_id: OrgId(1),
            connection_id: None,
            kind: "new_message".to_owned(),
            spelled: "new_message".to_owned(),
            conversation_id: Some(ConversationId(conversation)),
            contact_id: None,
            user_id: None,
            message_id: Some(MessageId(i64::try_from(number).unwrap_or_default())),
            playbook_id: None,
            occurred_at: (!undated).then_some(occurred_at),
            received_at: self.now,
            key,
            window_ms: i64::try_from(SPAN_MS).unwrap_or(i64::MAX),
            facts: None,
            payload: Payload::None,
            trace: None,
        }
    }
}

fn text(report: &Report) -> String {
    format!(
        "{}\n{}, {} keys in force, {BATCH} events a commit\n\nnew event, empty inbox: {:.1} µs\nnew event, all keys in force: {:.1} µs (added: {:.1} µs)\nrepeated event: {:.1} µs, {} not known\n",
        report.machine.text(),
        report.engine,
        report.keys,
        report.new_empty_us,
        report.new_full_us,
        report.added_new_us,
        report.repeated_us,
        report.missed
    )
}

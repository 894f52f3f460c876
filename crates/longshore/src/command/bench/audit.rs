//! `longshore bench audit`: how fast entries are appended, alone and many in a commit, and how fast a long log is checked.
//!
//! Sketch: an entry alone costs a commit that waits for the disk. 256 in a commit share that, and cost a row and two index
//! entries each, 10 to 20 µs. Checking a million reads 250 MB of rows at a few µs each and hashes 150 bytes of each: the
//! reading is the limit.

use std::sync::Arc;

use model::{Entropy, Millis, OrgId, SeededEntropy};
use serde::Serialize;
use store::audit::{self, Action, ActorKind, AuditError, NewEntry, Object, ObjectKind, Who, Witnesses};
use store::vault::{Key, Vault};
use store::{DatabaseUrl, Db, OpenOptions};

use super::machine::Machine;
use super::subject::Folder;
use crate::app::App;
use crate::exit::Exit;
use crate::failure::Failure;

/// Entries that share a commit.
const GROUP: u64 = 256;

/// Measure the audit log: appending and checking
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Also measure on this PostgreSQL database, which must be empty
    #[arg(long, value_name = "URL")]
    postgres: Option<String>,
    /// How many entries are appended in groups and checked
    #[arg(long, default_value_t = 1_000_000)]
    entries: u64,
    /// How many entries are appended one a transaction
    #[arg(long, default_value_t = 2_000)]
    alone: u64,
    /// The seed of the ids
    #[arg(long, default_value_t = 7)]
    seed: u64,
}

#[derive(Debug, Serialize)]
struct Report {
    machine: Machine,
    seed: u64,
    engines: Vec<Figures>,
}

#[derive(Debug, Serialize)]
struct Figures {
    engine: &'static str,
    alone: Rate,
    grouped: Rate,
    /// Of the whole log, against its checkpoint.
    verified: Rate,
    /// Appending in groups against one a transaction.
    ratio_grouped: f64,
}

#[derive(Debug, Serialize)]
struct Rate {
    entries: u64,
    seconds: f64,
    entries_per_second: f64,
}

/// Measure each engine, one after the other.
pub(super) async fn run(app: &App, args: &Args) -> Result<Exit, Failure> {
    let folder = Folder::make()?;
    let mut databases = vec![("SQLite", folder.database("audit"))];
    databases.extend(args.postgres.iter().map(|url| ("PostgreSQL", url.clone())));
    let mut engines = Vec::new();
    for (name, url) in databases {
        let url = DatabaseUrl::parse(&url).map_err(|error| Failure::usage(error.to_string()))?;
        let db = Db::open(&url, OpenOptions::default()).await;
        let db = db.map_err(|error| Failure::store("open the database", &url, &error))?;
        let measured = measure(app, args, name, &db).await;
        engines.push(measured.map_err(|error| Failure::audit("measure the audit log of", &url, &error))?);
        db.close().await;
    }
    let report = Report { machine: Machine::here(), seed: args.seed, engines };
    app.output.report(Exit::Done, &report, &text(&report))
}

async fn measure(app: &App, args: &Args, engine: &'static str, db: &Db) -> Result<Figures, AuditError> {
    let entropy = Arc::new(SeededEntropy::new(args.seed));
    app.output.note(&format!("{engine}: {} entries, one a transaction", args.alone));
    let alone = append(app, db, entropy.as_ref(), args.alone, 1).await?;
    app.output.note(&format!("{engine}: {} entries, {GROUP} a transaction", args.entries));
    let grouped = append(app, db, entropy.as_ref(), args.entries, GROUP).await?;
    let vault = Vault::new(Key::generate(entropy.as_ref()), entropy.clone());
    let signer = audit::signer(db, &vault, app.clock.now()).await?;
    audit::checkpoint(db, &signer, app.clock.now()).await?;
    app.output.note(&format!("{engine}: checking all of them"));
    let began = app.clock.now();
    let verified = audit::verify(db, Witnesses::of(db, None).await?).await?;
    let verified = rate(verified.entries.unsigned_abs(), app.clock.now().since(began));
    let ratio_grouped = grouped.entries_per_second / alone.entries_per_second;
    Ok(Figures { engine, alone, grouped, verified, ratio_grouped })
}

async fn append(
    app: &App,
    db: &Db,
    entropy: &dyn Entropy,
    entries: u64,
    group: u64,
) -> Result<Rate, AuditError> {
    let began = app.clock.now();
    let mut left = entries;
    while left > 0 {
        let now = app.clock.now();
        let mut tx = db.begin().await?;
        for _ in 0..left.min(group) {
            append_one(&mut tx, entropy, now)?;
        }
        tx.commit().await?;
        left -= left.min(group);
    }
    Ok(rate(entries, app.clock.now().since(began)))
}

/// An entry as a person's action makes it, with ids of the usual length.
fn append_one(tx: &mut store::Tx, entropy: &dyn Entropy, now: Millis) -> Result<(), AuditError> {
    let id = || format!("{:016x}-{:016x}", entropy.next_u64(), entropy.next_u64());
    let who = Who::new(ActorKind::User, id()).in_role("admin").from("198.51.100.7");
    let object = Object::new(ObjectKind::Endpoint, id());
    let entry = NewEntry::done(now, &who, Action::EndpointReplay, object).org(OrgId(7)).amount(1);
    Ok(audit::append(tx, &entry)?)
}

fn rate(entries: u64, elapsed_ms: i64) -> Rate {
    let seconds = elapsed_ms.max(1) as f64 / 1_000.0;
    Rate { entries, seconds, entries_per_second: entries as f64 / seconds }
}

fn text(report: &Report) -> String {
    let mut text = format!("{}\nseed {}\n", report.machine.text(), report.seed);
    for it in &report.engines {
        text += &format!("\n{}\n", it.engine);
        for (name, rate) in [
            ("appended one by one", &it.alone),
            ("appended in groups", &it.grouped),
            ("checked", &it.verified),
        ] {
            text += &format!(
                "  {name:<20}{:>9} entries{:>9.1} s{:>10.0} entries/s\n",
                rate.entries, rate.seconds, rate.entries_per_second
            );
        }
        text += &format!("  in groups against one by one: {:.1}\n", it.ratio_grouped);
    }
    text
}

//! `longshore incident`: one folder with what happened in a window, and the proof.
//!
//! It reads the database alone, so no node need run, and no Drift answer. First the audit log is told that the bundle is made; then
//! that is signed, if the vault's key is at hand; then everything is written, and the manifest last.

mod gather;
mod page;

use std::path::{Path, PathBuf};

use model::{Millis, OrgId};
use serde::Serialize;
use store::audit::{self, Action, AuditError, NewEntry, Object, ObjectKind, Range, Signer};
use store::{Db, StoreError};

use self::gather::Incident;
use crate::app::App;
use crate::bundle::{self, AUDIT, About};
use crate::command::audit::{checkpoint, export};
use crate::database::{self, Missing};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::table::grouped;
use crate::signing;
use crate::when::{self, When};
use crate::who;

/// Checkpoints read at once.
const PAGE: u32 = 1_000;

/// Write down what happened in a window, with the proof: last use, addresses, calls, objects and rows read, tokens, notices, audit
///
/// Works with the server down and without Drift. "longshore audit verify --bundle DIR" checks the folder anywhere. Hours are the
/// smallest unit of use: those that the window touches are told whole.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// From then on: 2026-11-22, 2026-11-22T10:00:00Z, or 2h for two hours ago
    #[arg(long, value_name = "TIME", value_parser = when::parse)]
    since: When,
    /// Before then
    #[arg(long, value_name = "TIME", value_parser = when::parse)]
    until: When,
    /// Only this organization, by Drift's number; without it that of --org, or all
    #[arg(long, value_name = "ORG")]
    connection: Option<i64>,
    /// The folder to make
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
}

#[derive(Debug, Serialize)]
struct Report {
    folder: PathBuf,
    /// Whether the manifest is signed, and the last entry of the window by a checkpoint.
    signed: bool,
    public_key: Option<String>,
    first_entry: Option<i64>,
    last_entry: Option<i64>,
    entries: u64,
    connections: usize,
    calls: i64,
    rows_read: i64,
    requests: i64,
    alarms: usize,
}

/// Write the bundle.
pub(crate) async fn run(app: &App, args: Args) -> Result<Exit, Failure> {
    let now = app.clock.now();
    let window = (args.since.instant(now), args.until.instant(now));
    if window.0 >= window.1 {
        return Err(Failure::usage("--since must lie before --until"));
    }
    let org = args.connection.map(OrgId).or(app.config.org);
    make(&args.to)?;
    let db = database::open(app, Missing::Refuse).await?;
    let written = write(app, &db, &args.to, (window, org)).await;
    db.close().await;
    let report = written?;
    app.output.report(Exit::Done, &report, &text(&report))?;
    if !report.signed {
        app.output
            .note("the vault's key was not at hand: neither the manifest nor the last entries are signed");
    }
    Ok(Exit::Done)
}

/// A new folder, or an empty one.
fn make(folder: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(folder).map_err(|error| Failure::disk("create", folder, &error))?;
    let mut there = std::fs::read_dir(folder).map_err(|error| Failure::disk("read", folder, &error))?;
    match there.next() {
        None => Ok(()),
        Some(_) => Err(Failure::usage(format!("{} is not empty", folder.display()))
            .hint("choose a folder that is not there yet")),
    }
}

async fn write(
    app: &App,
    db: &Db,
    folder: &Path,
    (window, org): ((Millis, Millis), Option<OrgId>),
) -> Result<Report, Failure> {
    let failed = |error: AuditError| Failure::audit("read the audit log of", &app.config.database, &error);
    let read = |error: StoreError| Failure::store("read what happened from", &app.config.database, &error);
    note(app, db, org).await.map_err(read)?;
    let signer = sign(app, db).await;
    let incident = gather::read(db, window, org, app.clock.now()).await.map_err(read)?;
    let range = segment(db, window).await.map_err(read)?;
    export::write(app, db, range, &folder.join(AUDIT)).await.map_err(failed)?;
    let json = serde_json::to_string_pretty(&incident)
        .map_err(|error| Failure::unexpected(format!("cannot write the report as JSON: {error}")))?;
    bundle::write(folder, "incident.json", &json)?;
    bundle::write(folder, "README.md", &page::text(&incident))?;
    let about = About { made_at: incident.made_at, window, organization: org };
    bundle::seal(folder, &about, signer.as_ref())?;
    Ok(report(folder, &incident, signer.as_ref()))
}

async fn note(app: &App, db: &Db, org: Option<OrgId>) -> Result<(), StoreError> {
    let who = who::command();
    let entry =
        NewEntry::done(app.clock.now(), &who, Action::IncidentExport, Object::new(ObjectKind::AuditLog, ""));
    let mut tx = db.begin().await?;
    audit::append(&mut tx, &NewEntry { org, ..entry })?;
    tx.commit().await
}

/// Sign how far the log has come; what signs, where the vault's key is at hand. A key that is not there, or is the wrong one, must
/// not keep anybody from writing down what happened.
async fn sign(app: &App, db: &Db) -> Option<Signer> {
    let config = &app.config;
    if !signing::is_at_hand(app) {
        return None;
    }
    let signed = async {
        let vault = database::vault(app, db).await?;
        checkpoint::sign(app, db, &vault)
            .await
            .map_err(|error| Failure::audit("sign the audit log of", &config.database, &error))?;
        audit::signer(db, &vault, app.clock.now())
            .await
            .map_err(|error| Failure::store("open the signing key of", &config.database, &error))
    };
    match signed.await {
        Ok(signer) => Some(signer),
        Err(failure) => {
            app.output.note(&format!("not signed: {failure}"));
            None
        }
    }
}

/// The part of the log that proves what the window holds: from the entry before its first to the first checkpoint behind its last.
/// Of a window without entries, the entry before it.
async fn segment(db: &Db, (since, until): (Millis, Millis)) -> Result<Range, StoreError> {
    let (first, last) = match audit::span(db, since, until).await? {
        Some(span) => span,
        None => {
            let before = audit::span(db, Millis(i64::MIN), until).await?;
            before.map_or((1, 1), |(_, last)| (last, last))
        }
    };
    let mut number = 0;
    loop {
        let page = audit::checkpoints(db, number, PAGE).await?;
        if let Some(found) = page.iter().find(|one| one.seq >= last) {
            return Ok(Range { after_seq: first - 1, through_seq: Some(found.seq) });
        }
        match page.last() {
            Some(end) => number = end.number,
            None => return Ok(Range { after_seq: first - 1, through_seq: None }),
        }
    }
}

fn report(folder: &Path, incident: &Incident, signer: Option<&Signer>) -> Report {
    let of = |measure: fn(&gather::Grant) -> i64| incident.connections.iter().map(measure).sum::<i64>();
    Report {
        folder: folder.to_owned(),
        signed: signer.is_some(),
        public_key: signer.map(|signer| hex::encode(signer.public_key())),
        first_entry: incident.audit.first_entry,
        last_entry: incident.audit.last_entry,
        entries: incident.audit.entries,
        connections: incident.connections.len(),
        calls: of(|one| one.calls),
        rows_read: of(|one| one.rows_read),
        requests: incident.requests.iter().map(|one| one.requests).sum(),
        alarms: incident.alarms.len(),
    }
}

fn text(report: &Report) -> String {
    let mut text = format!(
        "{}: {} connections, {} calls that read {} records, {} requests at our doors, {} alarms, {} audit entries\n",
        report.folder.display(),
        report.connections,
        grouped(report.calls),
        grouped(report.rows_read),
        grouped(report.requests),
        report.alarms,
        report.entries
    );
    if let Some(key) = &report.public_key {
        text += &format!("signed by {key}\n");
    }
    text + "check it anywhere: longshore audit verify --bundle DIR --public-key KEY\n"
}

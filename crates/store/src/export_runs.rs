//! Export runs: which bulk copies were made, where they went, how far each has come, and what it left.
//!
//! A run is begun once and may be taken up by any number of processes; only one is at a destination at a time, by the hold on
//! [`hold_name`]. What is whole at the destination is recorded part by part, so that whoever goes on writes the others alone.

mod parts;
mod words;

use model::{Millis, OrgId, RunId};
use sha2::{Digest as _, Sha256};

pub use parts::{ExportPart, adopt_parts, forget_part, parts, record_part};
pub use words::{Asked, ExportMode, ExportState};

use crate::db::{Db, Tx};
use crate::error::StoreError;

row! {
    struct ExportRow {
        export_run_id: String,
        format: String,
        destination: String,
        started_at: i64,
        finished_at: Option<i64>,
        outcome: Option<String>,
        counts: String,
        mode: String,
        state: String,
        changes_upto: Option<i64>,
        bytes: Option<i64>,
        options: Option<String>,
        checkpoint: Option<String>,
        asked: Option<String>,
        manifest: Option<String>,
        signature: Option<Vec<u8>>,
    }
}

/// One bulk export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportRun {
    /// Ours; sorts by age.
    pub export_run_id: RunId,
    /// Such as `ndjson`.
    pub format: String,
    /// Where it went, without secrets.
    pub destination: String,
    /// When it was begun.
    pub started_at: Millis,
    /// When it ended; `None` while it is under way, paused, or was cut off.
    pub finished_at: Option<Millis>,
    /// How it ended.
    pub outcome: Option<String>,
    /// Rows by table, as JSON.
    pub counts: String,
    /// How much it carries.
    pub mode: ExportMode,
    /// Where it stands.
    pub state: ExportState,
    /// The number of the last change when it began.
    pub changes_upto: Option<i64>,
    /// What it wrote, once it has succeeded.
    pub bytes: Option<i64>,
    /// What was asked for, as the exporter's JSON; a run without it cannot be gone on with.
    pub options: Option<String>,
    /// How far it has come, as the exporter's JSON.
    pub checkpoint: Option<String>,
    /// What somebody asked of it meanwhile.
    pub asked: Option<Asked>,
    /// What it left, with the proof, as the text that was signed.
    pub manifest: Option<String>,
    /// The signature of that text.
    pub signature: Option<Vec<u8>>,
}

/// An export that begins.
#[derive(Debug, Clone, Copy)]
pub struct NewExport<'a> {
    /// Such as `ndjson`.
    pub format: &'a str,
    /// Where it goes, without secrets.
    pub destination: &'a str,
    /// How much it carries.
    pub mode: ExportMode,
    /// The number of the last change.
    pub changes_upto: i64,
    /// What was asked for, as JSON; `None` when it cannot be gone on with.
    pub options: Option<&'a str>,
}

/// How an export ended, or stopped.
#[derive(Debug, Clone, Copy)]
pub enum Ended<'a> {
    /// It is whole at its destination.
    Succeeded {
        /// Rows by table, a JSON object.
        counts: &'a str,
        /// What was written.
        bytes: i64,
        /// What it left.
        manifest: Option<&'a str>,
        /// The signature of that text.
        signature: Option<&'a [u8]>,
    },
    /// It could not go on, for this reason.
    Failed(&'a str),
    /// Somebody stopped it; it can go on.
    Paused,
    /// Somebody gave it up.
    Cancelled,
}

/// What [`crate::exclusive::hold`] holds while a run is at this destination.
#[must_use]
pub fn hold_name(destination: &str) -> String {
    format!("export-{}", hex::encode(&Sha256::digest(destination)[..8]))
}

const START: &str = "
    INSERT INTO export_runs (
        org_id, export_run_id, format, destination, started_at, counts, mode, state, changes_upto, options)
    VALUES ($1, $2, $3, $4, $5, '{}', $6, 'running', $7, $8)";

/// Begin an export.
///
/// # Errors
/// [`StoreError::Conflict`] when the id is taken, or the database's error.
pub async fn start(
    tx: &mut Tx,
    org: OrgId,
    run: &RunId,
    new: &NewExport<'_>,
    now: Millis,
) -> Result<(), StoreError> {
    on_tx!(tx, conn => sqlx::query(START)
        .bind(org.0)
        .bind(&run.0)
        .bind(new.format)
        .bind(new.destination)
        .bind(now.0)
        .bind(new.mode.as_str())
        .bind(new.changes_upto)
        .bind(new.options)
        .execute(conn)
        .await
        .map(drop))?;
    Ok(())
}

const TAKE_UP: &str = "
    UPDATE export_runs SET state = 'running', asked = NULL, finished_at = NULL, outcome = NULL
    WHERE org_id = $1 AND export_run_id = $2 AND state IN ('running', 'paused', 'failed') AND options IS NOT NULL";

/// Go on with a run that has not ended well. Whoever does holds its destination.
///
/// # Errors
/// [`StoreError::NotFound`] when there is no such run that could go on, or the database's error.
pub async fn take_up(tx: &mut Tx, org: OrgId, run: &RunId) -> Result<(), StoreError> {
    let changed = on_tx!(tx, conn => sqlx::query(TAKE_UP)
        .bind(org.0)
        .bind(&run.0)
        .execute(conn)
        .await
        .map(|done| done.rows_affected()))?;
    if changed == 0 { Err(StoreError::NotFound { what: "unfinished export run" }) } else { Ok(()) }
}

const NOTE: &str = "
    UPDATE export_runs SET checkpoint = $3 WHERE org_id = $1 AND export_run_id = $2 RETURNING asked";

/// Note how far a run has come; answers what was asked of it meanwhile.
///
/// # Errors
/// [`StoreError::NotFound`] when it does not exist, or the database's error.
pub async fn note(
    tx: &mut Tx,
    org: OrgId,
    run: &RunId,
    checkpoint: &str,
) -> Result<Option<Asked>, StoreError> {
    let found: Option<Option<String>> = on_tx!(tx, conn => sqlx::query_scalar(NOTE)
        .bind(org.0)
        .bind(&run.0)
        .bind(checkpoint)
        .fetch_optional(conn)
        .await)?;
    let asked = found.ok_or(StoreError::NotFound { what: "export run" })?;
    asked.as_deref().map(Asked::parse_stored).transpose()
}

const ASK: &str = "
    UPDATE export_runs SET asked = $3 WHERE org_id = $1 AND export_run_id = $2 AND state = 'running'";

/// Ask something of a run that is under way; answers whether it is.
///
/// # Errors
/// The database's error.
pub async fn ask(tx: &mut Tx, org: OrgId, run: &RunId, asked: Asked) -> Result<bool, StoreError> {
    let changed = on_tx!(tx, conn => sqlx::query(ASK)
        .bind(org.0)
        .bind(&run.0)
        .bind(asked.as_str())
        .execute(conn)
        .await
        .map(|done| done.rows_affected()))?;
    Ok(changed > 0)
}

const END: &str = "
    UPDATE export_runs SET state = $3, finished_at = $4, outcome = $5, asked = NULL,
        counts = COALESCE($6, counts), bytes = COALESCE($7, bytes),
        manifest = COALESCE($8, manifest), signature = COALESCE($9, signature)
    WHERE org_id = $1 AND export_run_id = $2 AND state IN ('running', 'paused', 'failed')";

/// End or stop a run. One that succeeded replaces what other runs left at its destination; one that was
/// given up forgets what it had written.
///
/// # Errors
/// [`StoreError::NotFound`] when it does not exist or has ended for good, or the database's error.
pub async fn end(
    tx: &mut Tx,
    org: OrgId,
    run: &RunId,
    ended: Ended<'_>,
    now: Millis,
) -> Result<(), StoreError> {
    let failed;
    let (state, at, outcome) = match ended {
        Ended::Succeeded { .. } => (ExportState::Succeeded, Some(now.0), Some("success")),
        Ended::Failed(reason) => {
            failed = format!("failed: {reason}");
            (ExportState::Failed, Some(now.0), Some(failed.as_str()))
        }
        Ended::Paused => (ExportState::Paused, None, None),
        Ended::Cancelled => (ExportState::Cancelled, Some(now.0), Some("cancelled")),
    };
    let (counts, bytes, manifest, signature) = match ended {
        Ended::Succeeded { counts, bytes, manifest, signature } => {
            (Some(counts), Some(bytes), manifest, signature)
        }
        _ => (None, None, None, None),
    };
    let changed = on_tx!(tx, conn => sqlx::query(END)
        .bind(org.0)
        .bind(&run.0)
        .bind(state.as_str())
        .bind(at)
        .bind(outcome)
        .bind(counts)
        .bind(bytes)
        .bind(manifest)
        .bind(signature)
        .execute(conn)
        .await
        .map(|done| done.rows_affected()))?;
    if changed == 0 {
        return Err(StoreError::NotFound { what: "unfinished export run" });
    }
    match ended {
        Ended::Succeeded { .. } => parts::drop_replaced(tx, org, run).await,
        Ended::Cancelled => parts::drop_own(tx, org, run).await,
        Ended::Failed(_) | Ended::Paused => Ok(()),
    }
}

const AMEND: &str = "
    UPDATE export_runs SET manifest = $3, signature = $4
    WHERE org_id = $1 AND export_run_id = $2 AND state = 'succeeded'";

/// Replace the manifest of a run whose destination was changed since by an erasure.
///
/// # Errors
/// [`StoreError::NotFound`] when there is no such run that has succeeded, or the database's error.
pub async fn amend(
    tx: &mut Tx,
    org: OrgId,
    run: &RunId,
    (manifest, signature): (&str, Option<&[u8]>),
) -> Result<(), StoreError> {
    let changed = on_tx!(tx, conn => sqlx::query(AMEND)
        .bind(org.0)
        .bind(&run.0)
        .bind(manifest)
        .bind(signature)
        .execute(conn)
        .await
        .map(|done| done.rows_affected()))?;
    if changed == 0 { Err(StoreError::NotFound { what: "succeeded export run" }) } else { Ok(()) }
}

/// The columns that an [`ExportRow`] is read from.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT export_run_id, format, destination, started_at, finished_at, outcome, counts, mode, state,
                changes_upto, bytes, options, checkpoint, asked, manifest, signature
            FROM export_runs WHERE org_id = $1 ",
            $rest
        )
    };
}

const LIST: &str = select!("ORDER BY export_run_id DESC LIMIT $2");

/// An organization's exports, newest first.
///
/// # Errors
/// The database's error.
pub async fn list(db: &Db, org: OrgId, limit: u32) -> Result<Vec<ExportRun>, StoreError> {
    let rows: Vec<ExportRow> =
        on_db!(db, pool => sqlx::query_as(LIST).bind(org.0).bind(i64::from(limit)).fetch_all(pool).await)?;
    rows.into_iter().map(ExportRow::into_run).collect()
}

const GET: &str = select!("AND export_run_id = $2");

/// One export.
///
/// # Errors
/// The database's error.
pub async fn get(db: &Db, org: OrgId, run: &RunId) -> Result<Option<ExportRun>, StoreError> {
    one(db, GET, org, &run.0).await
}

const UNFINISHED: &str = select!(
    "AND destination = $2 AND state IN ('running', 'paused', 'failed') AND options IS NOT NULL
        AND export_run_id > COALESCE((
            SELECT MAX(export_run_id) FROM export_runs
            WHERE org_id = $1 AND destination = $2 AND state IN ('succeeded', 'cancelled')), '')
    ORDER BY export_run_id DESC LIMIT 1"
);

/// The run at a destination that can go on: the newest, unless a later one has ended there.
///
/// # Errors
/// The database's error.
pub async fn unfinished(db: &Db, org: OrgId, destination: &str) -> Result<Option<ExportRun>, StoreError> {
    one(db, UNFINISHED, org, destination).await
}

const LAST_SUCCEEDED: &str =
    select!("AND destination = $2 AND state = 'succeeded' ORDER BY export_run_id DESC LIMIT 1");

/// The last run that is whole at a destination.
///
/// # Errors
/// The database's error.
pub async fn last_succeeded(db: &Db, org: OrgId, destination: &str) -> Result<Option<ExportRun>, StoreError> {
    one(db, LAST_SUCCEEDED, org, destination).await
}

const LAST_SEALED: &str = select!("AND manifest IS NOT NULL ORDER BY export_run_id DESC LIMIT 1");

/// The newest run that left a manifest, wherever: one that has not ended has none, nor has a copy of one conversation.
///
/// # Errors
/// The database's error.
pub async fn last_sealed(db: &Db, org: OrgId) -> Result<Option<ExportRun>, StoreError> {
    let row: Option<ExportRow> =
        on_db!(db, pool => sqlx::query_as(LAST_SEALED).bind(org.0).fetch_optional(pool).await)?;
    row.map(ExportRow::into_run).transpose()
}

const LATEST: &str = select!("AND destination = $2 ORDER BY export_run_id DESC LIMIT 1");

/// The newest run to a destination, however it stands.
///
/// # Errors
/// The database's error.
pub async fn latest(db: &Db, org: OrgId, destination: &str) -> Result<Option<ExportRun>, StoreError> {
    one(db, LATEST, org, destination).await
}

const STANDING: &str = select!(
    "AND state = 'succeeded' AND export_run_id = (
        SELECT MAX(last.export_run_id) FROM export_runs AS last
        WHERE last.org_id = $1 AND last.state = 'succeeded' AND last.destination = export_runs.destination)
    ORDER BY destination LIMIT $2"
);

/// The last whole run of each destination, by destination: what stands outside.
///
/// # Errors
/// The database's error.
pub async fn standing(db: &Db, org: OrgId, limit: u32) -> Result<Vec<ExportRun>, StoreError> {
    let rows: Vec<ExportRow> = on_db!(db, pool => sqlx::query_as(STANDING)
        .bind(org.0)
        .bind(i64::from(limit))
        .fetch_all(pool)
        .await)?;
    rows.into_iter().map(ExportRow::into_run).collect()
}

async fn one(db: &Db, text: &'static str, org: OrgId, by: &str) -> Result<Option<ExportRun>, StoreError> {
    let row: Option<ExportRow> =
        on_db!(db, pool => sqlx::query_as(text).bind(org.0).bind(by).fetch_optional(pool).await)?;
    row.map(ExportRow::into_run).transpose()
}

impl ExportRow {
    fn into_run(self) -> Result<ExportRun, StoreError> {
        Ok(ExportRun {
            export_run_id: RunId(self.export_run_id),
            format: self.format,
            destination: self.destination,
            started_at: Millis(self.started_at),
            finished_at: self.finished_at.map(Millis),
            outcome: self.outcome,
            counts: self.counts,
            mode: ExportMode::parse_stored(&self.mode)?,
            state: ExportState::parse_stored(&self.state)?,
            changes_upto: self.changes_upto,
            bytes: self.bytes,
            options: self.options,
            checkpoint: self.checkpoint,
            asked: self.asked.as_deref().map(Asked::parse_stored).transpose()?,
            manifest: self.manifest,
            signature: self.signature,
        })
    }
}

const OWN: &[(&str, &str)] = &[
    ("export_runs::START", START),
    ("export_runs::TAKE_UP", TAKE_UP),
    ("export_runs::NOTE", NOTE),
    ("export_runs::ASK", ASK),
    ("export_runs::END", END),
    ("export_runs::AMEND", AMEND),
    ("export_runs::LIST", LIST),
    ("export_runs::GET", GET),
    ("export_runs::UNFINISHED", UNFINISHED),
    ("export_runs::LAST_SUCCEEDED", LAST_SUCCEEDED),
    ("export_runs::LAST_SEALED", LAST_SEALED),
    ("export_runs::LATEST", LATEST),
    ("export_runs::STANDING", STANDING),
];

/// What this module and its parts ask the database.
pub(crate) const STATEMENTS: &[&[(&str, &str)]] = &[OWN, parts::STATEMENTS];

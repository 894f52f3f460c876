//! Export runs: which bulk copies were made, where they went, and how many rows they hold.

use model::{Millis, OrgId, RunId};

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
    }
}

/// One bulk export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportRun {
    /// Ours; sorts by age.
    pub export_run_id: RunId,
    /// Such as `ndjson`.
    pub format: String,
    /// Where it went.
    pub destination: String,
    /// When it was begun.
    pub started_at: Millis,
    /// When it ended; `None` while it is under way or was cut off.
    pub finished_at: Option<Millis>,
    /// How it ended.
    pub outcome: Option<String>,
    /// Rows by table, as JSON.
    pub counts: String,
}

const START: &str = "
    INSERT INTO export_runs (org_id, export_run_id, format, destination, started_at, counts)
    VALUES ($1, $2, $3, $4, $5, '{}')";

/// Begin an export.
///
/// # Errors
/// [`StoreError::Conflict`] when the id is taken, or the database's error.
pub async fn start(
    tx: &mut Tx,
    org: OrgId,
    run: &RunId,
    (format, destination): (&str, &str),
    now: Millis,
) -> Result<(), StoreError> {
    on_tx!(tx, conn => sqlx::query(START)
        .bind(org.0)
        .bind(&run.0)
        .bind(format)
        .bind(destination)
        .bind(now.0)
        .execute(conn)
        .await
        .map(drop))?;
    Ok(())
}

const FINISH: &str = "
    UPDATE export_runs SET finished_at = $3, outcome = $4, counts = $5
    WHERE org_id = $1 AND export_run_id = $2 AND finished_at IS NULL";

/// End an export with its outcome and its counts (a JSON object of rows by table).
///
/// # Errors
/// [`StoreError::NotFound`] when it does not exist or has ended, or the database's error.
pub async fn finish(
    tx: &mut Tx,
    org: OrgId,
    run: &RunId,
    (outcome, counts): (&str, &str),
    now: Millis,
) -> Result<(), StoreError> {
    let changed = on_tx!(tx, conn => sqlx::query(FINISH)
        .bind(org.0)
        .bind(&run.0)
        .bind(now.0)
        .bind(outcome)
        .bind(counts)
        .execute(conn)
        .await
        .map(|done| done.rows_affected()))?;
    if changed == 0 { Err(StoreError::NotFound { what: "unfinished export run" }) } else { Ok(()) }
}

const LIST: &str = "
    SELECT export_run_id, format, destination, started_at, finished_at, outcome, counts
    FROM export_runs WHERE org_id = $1 ORDER BY export_run_id DESC LIMIT $2";

/// An organization's exports, newest first.
///
/// # Errors
/// The database's error.
pub async fn list(db: &Db, org: OrgId, limit: u32) -> Result<Vec<ExportRun>, StoreError> {
    let rows: Vec<ExportRow> =
        on_db!(db, pool => sqlx::query_as(LIST).bind(org.0).bind(i64::from(limit)).fetch_all(pool).await)?;
    Ok(rows.into_iter().map(ExportRun::from).collect())
}

impl From<ExportRow> for ExportRun {
    fn from(row: ExportRow) -> Self {
        Self {
            export_run_id: RunId(row.export_run_id),
            format: row.format,
            destination: row.destination,
            started_at: Millis(row.started_at),
            finished_at: row.finished_at.map(Millis),
            outcome: row.outcome,
            counts: row.counts,
        }
    }
}

pub(crate) const STATEMENTS: &[(&str, &str)] =
    &[("export_runs::START", START), ("export_runs::FINISH", FINISH), ("export_runs::LIST", LIST)];

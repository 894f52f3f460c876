//! Runs: one archive, verification or the like, from its start over any number of processes to its outcome.

use model::{Millis, OrgId, RunId};

use crate::db::{Db, Tx};
use crate::error::StoreError;

row! {
    struct RunRow {
        run_id: String,
        org_id: i64,
        kind: String,
        started_at: i64,
        finished_at: Option<i64>,
        outcome: Option<String>,
        certificate: Option<String>,
    }
}

/// One run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Ours; sorts by age.
    pub run_id: RunId,
    /// Whose data it works on.
    pub org_id: OrgId,
    /// What it does, such as `archive`.
    pub kind: String,
    /// When it was begun, by whichever process.
    pub started_at: Millis,
    /// When it ended; `None` while it is under way or was cut off.
    pub finished_at: Option<Millis>,
    /// How it ended, in the caller's words, such as `complete`.
    pub outcome: Option<String>,
    /// Its certificate as JSON.
    pub certificate: Option<String>,
}

const START: &str = "INSERT INTO runs (run_id, org_id, kind, started_at) VALUES ($1, $2, $3, $4)";

/// Begin a run.
///
/// # Errors
/// [`StoreError::Conflict`] when the id is taken, or the database's error.
pub async fn start(tx: &mut Tx, org: OrgId, kind: &str, now: Millis, run: &RunId) -> Result<(), StoreError> {
    on_tx!(tx, conn => sqlx::query(START).bind(&run.0).bind(org.0).bind(kind).bind(now.0).execute(conn).await.map(drop))?;
    Ok(())
}

const LATEST: &str = "
    SELECT run_id, org_id, kind, started_at, finished_at, outcome, certificate
    FROM runs WHERE org_id = $1 AND kind = $2 ORDER BY run_id DESC LIMIT 1";

/// The newest run of a kind.
///
/// # Errors
/// The database's error.
pub async fn latest(db: &Db, org: OrgId, kind: &str) -> Result<Option<Run>, StoreError> {
    let row: Option<RunRow> =
        on_db!(db, pool => sqlx::query_as(LATEST).bind(org.0).bind(kind).fetch_optional(pool).await)?;
    Ok(row.map(Run::from))
}

const LATEST_UNFINISHED: &str = "
    SELECT run_id, org_id, kind, started_at, finished_at, outcome, certificate
    FROM runs WHERE org_id = $1 AND kind = $2 AND finished_at IS NULL ORDER BY run_id DESC LIMIT 1";

/// The newest run of a kind that has not ended: the one to go on with.
///
/// # Errors
/// The database's error.
pub async fn latest_unfinished(db: &Db, org: OrgId, kind: &str) -> Result<Option<Run>, StoreError> {
    let row: Option<RunRow> = on_db!(db, pool => sqlx::query_as(LATEST_UNFINISHED).bind(org.0).bind(kind).fetch_optional(pool).await)?;
    Ok(row.map(Run::from))
}

const GET: &str = "
    SELECT run_id, org_id, kind, started_at, finished_at, outcome, certificate FROM runs WHERE run_id = $1";

/// One run.
///
/// # Errors
/// The database's error.
pub async fn get(db: &Db, run: &RunId) -> Result<Option<Run>, StoreError> {
    let row: Option<RunRow> =
        on_db!(db, pool => sqlx::query_as(GET).bind(&run.0).fetch_optional(pool).await)?;
    Ok(row.map(Run::from))
}

const FINISH: &str = "
    UPDATE runs SET finished_at = $2, outcome = $3, certificate = $4
    WHERE run_id = $1 AND finished_at IS NULL";

/// End a run.
///
/// # Errors
/// [`StoreError::NotFound`] when it does not exist or has ended, or the database's error.
pub async fn finish(
    tx: &mut Tx,
    run: &RunId,
    outcome: &str,
    certificate: Option<&str>,
    now: Millis,
) -> Result<(), StoreError> {
    let changed = on_tx!(tx, conn => sqlx::query(FINISH)
        .bind(&run.0)
        .bind(now.0)
        .bind(outcome)
        .bind(certificate)
        .execute(conn)
        .await
        .map(|done| done.rows_affected()))?;
    if changed == 0 { Err(StoreError::NotFound { what: "unfinished run" }) } else { Ok(()) }
}

const LIST: &str = "
    SELECT run_id, org_id, kind, started_at, finished_at, outcome, certificate
    FROM runs WHERE org_id = $1 ORDER BY run_id DESC LIMIT $2";

/// An organization's runs, newest first.
///
/// # Errors
/// The database's error.
pub async fn list(db: &Db, org: OrgId, limit: u32) -> Result<Vec<Run>, StoreError> {
    let rows: Vec<RunRow> =
        on_db!(db, pool => sqlx::query_as(LIST).bind(org.0).bind(i64::from(limit)).fetch_all(pool).await)?;
    Ok(rows.into_iter().map(Run::from).collect())
}

impl From<RunRow> for Run {
    fn from(row: RunRow) -> Self {
        Self {
            run_id: RunId(row.run_id),
            org_id: OrgId(row.org_id),
            kind: row.kind,
            started_at: Millis(row.started_at),
            finished_at: row.finished_at.map(Millis),
            outcome: row.outcome,
            certificate: row.certificate,
        }
    }
}

pub(crate) const STATEMENTS: &[(&str, &str)] = &[
    ("runs::START", START),
    ("runs::LATEST", LATEST),
    ("runs::LATEST_UNFINISHED", LATEST_UNFINISHED),
    ("runs::GET", GET),
    ("runs::FINISH", FINISH),
    ("runs::LIST", LIST),
];

//! The history of jobs: a line for each run, kept for whoever asks what happened.

use model::{JobId, Millis, OrgId};

use super::ClaimedJob;
use crate::db::{Db, Tx};
use crate::error::StoreError;
use crate::mirror::state::Pair;

/// Runs deleted in one call of [`prune`].
const PRUNE_MAX: i64 = 10_000;

row! {
    struct RunRow {
        job_id: String,
        kind: String,
        key: String,
        worker_id: String,
        attempt: i64,
        signals: i64,
        claimed_at: i64,
        ended_at: i64,
        outcome: String,
        error: Option<String>,
        trace: Option<String>,
    }
}

/// One run of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// The job.
    pub job_id: JobId,
    /// What was done.
    pub kind: String,
    /// What it was done to.
    pub key: String,
    /// By whom.
    pub worker: model::WorkerId,
    /// Which attempt it was, from 1.
    pub attempt: i64,
    /// How many signals it stood for.
    pub signals: i64,
    /// When it was claimed.
    pub claimed_at: Millis,
    /// When it ended.
    pub ended_at: Millis,
    /// What came of it: the job's own word, or `retry`, `dead`, `worker_lost`.
    pub outcome: String,
    /// Why it failed.
    pub error: Option<String>,
    /// The trace of its last signal.
    pub trace: Option<String>,
}

pub(super) struct Insert<'a> {
    pub(super) job: &'a ClaimedJob,
    pub(super) outcome: &'a str,
    pub(super) error: Option<&'a str>,
    pub(super) now: i64,
}

bulk! {
    /// One line a run.
    INSERT, pub(super) async fn record(run: Insert<'_>) = "INSERT INTO job_runs" (
        job_id text = run.job.job_id.0.as_str(),
        lease_number int = run.job.lease_number,
        org_id int = run.job.org.0,
        kind text = run.job.kind.as_str(),
        key text = run.job.key.as_str(),
        worker_id text = run.job.worker.0.as_str(),
        attempt int = run.job.attempt,
        signals int = run.job.signals,
        claimed_at int = run.job.claimed_at.0,
        ended_at int = run.now,
        outcome text = run.outcome,
        error text = run.error,
        trace text = run.job.trace.as_deref(),
    ) ""
}

const OF_KEY: &str = "
    SELECT job_id, kind, key, worker_id, attempt, signals, claimed_at, ended_at, outcome, error, trace
    FROM job_runs WHERE org_id = $1 AND kind = $2 AND key = $3 ORDER BY ended_at DESC, lease_number DESC LIMIT $4";

/// The last runs of the jobs of a key, newest first.
///
/// # Errors
/// The database's error.
pub async fn runs_of_key(
    db: &Db,
    org: OrgId,
    (kind, key): (&str, &str),
    limit: u32,
) -> Result<Vec<Run>, StoreError> {
    let rows: Vec<RunRow> = on_db!(db, pool => sqlx::query_as(OF_KEY)
        .bind(org.0)
        .bind(kind)
        .bind(key)
        .bind(i64::from(limit))
        .fetch_all(pool)
        .await)?;
    Ok(rows.into_iter().map(Run::from).collect())
}

impl From<RunRow> for Run {
    fn from(row: RunRow) -> Self {
        Self {
            job_id: JobId(row.job_id),
            kind: row.kind,
            key: row.key,
            worker: model::WorkerId(row.worker_id),
            attempt: row.attempt,
            signals: row.signals,
            claimed_at: Millis(row.claimed_at),
            ended_at: Millis(row.ended_at),
            outcome: row.outcome,
            error: row.error,
            trace: row.trace,
        }
    }
}

/// Job ids begin with the time at which the job was made, so the oldest come first in the primary key.
const PRUNE: Pair = Pair {
    sqlite: "
    DELETE FROM job_runs WHERE (job_id, lease_number) IN (
        SELECT job_id, lease_number FROM job_runs WHERE job_id < $1 AND ended_at < $2 ORDER BY job_id LIMIT $3)",
    postgres: "
    DELETE FROM job_runs USING (
        SELECT job_id, lease_number FROM job_runs WHERE job_id < $1 AND ended_at < $2 ORDER BY job_id LIMIT $3) AS old
    WHERE job_runs.job_id = old.job_id AND job_runs.lease_number = old.lease_number",
};

/// Delete some of the runs that ended before `before`; answers how many. Call again while there are any.
///
/// # Errors
/// The database's error.
pub async fn prune(tx: &mut Tx, before: Millis) -> Result<u64, StoreError> {
    let text = PRUNE.of(tx);
    Ok(on_tx!(tx, conn => sqlx::query(text)
        .bind(JobId::first_of(before).0)
        .bind(before.0)
        .bind(PRUNE_MAX)
        .execute(conn)
        .await
        .map(|done| done.rows_affected()))?)
}

pub(super) const STATEMENTS: &[(&str, &str)] = &[("queue::history::OF_KEY", OF_KEY)];
pub(super) const PAIRS: &[(&str, &Pair)] = &[("queue::history::PRUNE", &PRUNE)];

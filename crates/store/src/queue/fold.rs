//! What happens when a job that ran goes back to waiting while another of its key waits already.

use model::{JobId, Millis};

use super::JobRow;
use super::enqueue::COOL_MS;
use crate::db::Tx;
use crate::error::StoreError;

/// How a job that ran waits again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Back {
    pub(super) due_at: Millis,
    pub(super) attempts: i64,
    pub(super) error_class: Option<String>,
    pub(super) error: Option<String>,
}

const SIBLING: &str = "
    DELETE FROM jobs WHERE org_id = $1 AND kind = $2 AND key = $3 AND state = 'waiting'
    RETURNING job_id, org_id, kind, key, priority, payload, due_at, enqueued_at, signalled_at, signals, attempts,
        lease_number, worker_id, claimed_at, trace";
const WAIT: &str = "
    UPDATE jobs SET state = 'waiting', worker_id = NULL, lease_number = $3, due_at = $4, attempts = $5, priority = $6,
        signals = $7, signalled_at = $8, payload = $9, trace = $10, error_class = $11, error = $12
    WHERE job_id = $1 AND lease_number = $2 AND state = 'running'";

/// Put a running job back, taking in the one of its key that waits. The caller has made sure that the job is still held.
pub(super) async fn put_back(tx: &mut Tx, row: JobRow, back: Back) -> Result<(), StoreError> {
    let sibling: Option<JobRow> = on_tx!(tx, conn => sqlx::query_as(SIBLING)
        .bind(row.org_id)
        .bind(&row.kind)
        .bind(&row.key)
        .fetch_optional(conn)
        .await)?;
    let (job, lease_number) = (JobId(row.job_id.clone()), row.lease_number);
    let (row, back) = match sibling {
        Some(sibling) => merge(row, back, sibling),
        None => (row, back),
    };
    let changed = on_tx!(tx, conn => sqlx::query(WAIT)
        .bind(&job.0)
        .bind(lease_number)
        .bind(lease_number + 1)
        .bind(back.due_at.0)
        .bind(back.attempts)
        .bind(row.priority)
        .bind(row.signals)
        .bind(row.signalled_at)
        .bind(&row.payload)
        .bind(row.trace.as_deref())
        .bind(back.error_class.as_deref())
        .bind(back.error.as_deref())
        .execute(conn)
        .await
        .map(|done| done.rows_affected()))?;
    if changed == 1 { Ok(()) } else { Err(StoreError::LeaseLost) }
}

/// The same law as for signals: the newer one's payload, and after a failure the retries start over, but not at once.
fn merge(mut row: JobRow, mut back: Back, sibling: JobRow) -> (JobRow, Back) {
    row.priority = row.priority.min(sibling.priority);
    row.signals += sibling.signals;
    row.signalled_at = row.signalled_at.max(sibling.signalled_at);
    row.payload = sibling.payload;
    row.trace = sibling.trace.or(row.trace);
    let soonest = if back.attempts > 0 { row.claimed_at.unwrap_or_default() + COOL_MS } else { 0 };
    back.due_at = back.due_at.min(Millis(sibling.due_at.max(soonest)));
    back.attempts = back.attempts.min(1);
    (row, back)
}

pub(super) const STATEMENTS: &[(&str, &str)] =
    &[("queue::fold::SIBLING", SIBLING), ("queue::fold::WAIT", WAIT)];

//! SQLite: a turn as one transaction on the thread for that.

use model::{JobId, Millis, WorkerId};
use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use super::{Claim, Claimed, Done, HELD, Turn, Turned, in_order};
use crate::error::StoreError;
use crate::pauses::Pauses;
use crate::queue::lanes::{self, Lanes};
use crate::queue::shares::Shares;
use crate::queue::{ClaimedJob, JobRow};
use crate::workers;

/// `?1` worker, `?2` now, `?3` priority, `?4` organization, `?5` kind, `?6` how many.
const TAKE: &str = "
    UPDATE jobs SET state = 'running', worker_id = ?1, claimed_at = ?2, lease_number = lease_number + 1,
        attempts = attempts + 1
    WHERE job_id IN (
        SELECT next.job_id FROM jobs AS next INDEXED BY jobs_due
        WHERE next.state = 'waiting' AND next.priority = ?3 AND next.org_id = ?4 AND next.kind = ?5
          AND next.due_at <= ?2 AND NOT EXISTS (
            SELECT 1 FROM jobs AS held WHERE held.state = 'running' AND held.org_id = next.org_id
              AND held.kind = next.kind AND held.key = next.key)
        ORDER BY next.due_at LIMIT ?6)
    RETURNING job_id, org_id, kind, key, priority, payload, due_at, enqueued_at, signalled_at, signals, attempts,
        lease_number, worker_id, claimed_at, trace";
/// Tells the end of a run, if the job is still held: `?1` job, `?2` lease number, `?3` worker, `?4` now, `?5` outcome.
const RECORD: &str = "
    INSERT INTO job_runs (job_id, lease_number, org_id, kind, key, worker_id, attempt, signals, claimed_at, ended_at,
        outcome, trace)
    SELECT job_id, lease_number, org_id, kind, key, worker_id, attempts, signals, claimed_at, ?4, ?5, trace
    FROM jobs WHERE job_id = ?1 AND lease_number = ?2 AND worker_id = ?3 AND state = 'running'";
const COMPLETE: &str = "DELETE FROM jobs WHERE job_id = ?1";

pub(super) fn take<T>(
    connection: &mut Connection,
    plan: impl FnOnce() -> (Turn, T),
) -> Result<(Turned, T), StoreError> {
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let (turn, told) = plan();
    let now = turn.now;
    workers::check_sqlite(&tx, &turn.claim.worker, now)?;
    let lost = complete(&tx, &turn.done, now)?;
    let held = if turn.looks_back { held(&tx, &turn.claim.worker)? } else { Vec::new() };
    let claimed = if turn.claim.limit > 0 { claim(&tx, &turn.claim, now)? } else { Claimed::default() };
    tx.commit()?;
    Ok((Turned { lost, held, claimed }, told))
}

/// Complete what is still held; answers what is not.
fn complete(tx: &Transaction<'_>, done: &[Done], now: Millis) -> Result<Vec<JobId>, StoreError> {
    let (mut record, mut delete) = (tx.prepare_cached(RECORD)?, tx.prepare_cached(COMPLETE)?);
    let mut lost = Vec::new();
    for Done { job, outcome } in done {
        let (id, worker) = (&job.job_id.0, &job.worker.0);
        if record.execute(params![id, job.lease_number, worker, now.0, outcome])? == 1 {
            delete.execute([id])?;
        } else {
            lost.push(job.job_id.clone());
        }
    }
    Ok(lost)
}

fn held(tx: &Transaction<'_>, worker: &WorkerId) -> Result<Vec<ClaimedJob>, StoreError> {
    let mut statement = tx.prepare_cached(HELD)?;
    let rows = statement.query_and_then([&worker.0], |row| JobRow::try_from(row))?;
    Ok(in_order(rows.collect::<Result<_, _>>()?))
}

fn claim(tx: &Transaction<'_>, ask: &Claim, now: Millis) -> Result<Claimed, StoreError> {
    let pauses = Pauses::read_sqlite(tx, now)?;
    let Lanes { due, next_due } = lanes::look_sqlite(tx, ask.after, now)?;
    let mut shares = Shares::of(ask, due, &pauses);
    let mut rows: Vec<JobRow> = Vec::new();
    let mut statement = tx.prepare_cached(TAKE)?;
    while let Some(share) = shares.next() {
        let (lane, jobs) = (&share.lane, i64::try_from(share.jobs).unwrap_or(i64::MAX));
        let bound = params![ask.worker.0, now.0, lane.priority, lane.org.0, lane.kind, jobs];
        let taken = statement.query_and_then(bound, |row| JobRow::try_from(row))?;
        let before = rows.len();
        for row in taken {
            rows.push(row?);
        }
        shares.took(share, rows.len() - before);
    }
    Ok(Claimed { jobs: in_order(rows), next_due })
}

pub(crate) const STATEMENTS: &[(&str, &str)] = &[
    ("queue::turn::sqlite::TAKE", TAKE),
    ("queue::turn::sqlite::RECORD", RECORD),
    ("queue::turn::sqlite::COMPLETE", COMPLETE),
];

//! How a claimed job ends: completed, to be tried again, dead, handed back, or taken over from a worker that is gone.
//!
//! Every statement here is fenced: it touches the job only while the claim still holds, and the first thing a settlement
//! does is to look. A settlement that answers [`StoreError::LeaseLost`] has written nothing.

use std::collections::HashSet;

use model::{JobId, Millis};

use super::fold::{Back, put_back};
use super::history::{self, Insert};
use super::{ClaimedJob, JobRow};
use crate::db::Tx;
use crate::error::StoreError;
use crate::mirror::state::Pair;
use crate::wake::Channel;

/// Why a run failed. Neither part holds anything personal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// One word of a closed set, for counting.
    pub class: &'static str,
    /// A sentence for a person.
    pub reason: String,
}

impl Failure {
    fn line(&self) -> String {
        format!("{}: {}", self.class, self.reason)
    }
}

/// `$1` the jobs as JSON (`[[job_id, lease_number], …]`), `$2` worker, `$3` now.
///
/// PostgreSQL gets the ids as an array and looks their numbers up: a join that is planned while the table is empty reads all of it
/// once it is full. `COALESCE` hides the state from the indexes of what runs, where each completed job lies on until it is cleaned up.
const COMPLETE: Pair = Pair {
    sqlite: "
    DELETE FROM jobs WHERE (job_id, lease_number) IN (SELECT value ->> 0, value ->> 1 FROM json_each($1))
        AND state = 'running' AND worker_id = $2
        AND EXISTS (SELECT 1 FROM workers WHERE workers.worker_id = $2 AND lease_until > $3)
    RETURNING job_id",
    postgres: "
    DELETE FROM jobs
    WHERE job_id = ANY(ARRAY(SELECT value ->> 0 FROM json_array_elements(CAST($1 AS json))))
        AND lease_number = CAST((SELECT jsonb_object_agg(value ->> 0, value -> 1)
            FROM jsonb_array_elements(CAST($1 AS jsonb))) ->> job_id AS BIGINT)
        AND COALESCE(state, '') = 'running' AND worker_id = $2
        AND EXISTS (SELECT 1 FROM workers WHERE workers.worker_id = $2 AND lease_until > $3)
    RETURNING job_id",
};

/// Complete a job in the transaction of what it wrote, with its outcome in one word.
///
/// # Errors
/// [`StoreError::LeaseLost`] when the job is no longer held: the transaction must be dropped. Or the database's error.
pub async fn complete(tx: &mut Tx, job: &ClaimedJob, outcome: &str, now: Millis) -> Result<(), StoreError> {
    let lost = complete_many(tx, &[(job, outcome)], now).await?;
    if lost.is_empty() { Ok(()) } else { Err(StoreError::LeaseLost) }
}

/// Complete jobs of one worker. Answers those that were no longer held; they are left alone.
pub(super) async fn complete_many(
    tx: &mut Tx,
    done: &[(&ClaimedJob, &str)],
    now: Millis,
) -> Result<Vec<JobId>, StoreError> {
    let Some((first, _)) = done.first() else { return Ok(Vec::new()) };
    let text = COMPLETE.of(tx);
    let deleted: Vec<String> = on_tx!(tx, conn => sqlx::query_scalar(text)
        .bind(json_leases(done.iter().map(|(job, _)| *job)))
        .bind(&first.worker.0)
        .bind(now.0)
        .fetch_all(conn)
        .await)?;
    let deleted: HashSet<&str> = deleted.iter().map(String::as_str).collect();
    let is_done = |job: &ClaimedJob| deleted.contains(job.job_id.0.as_str());
    let runs: Vec<Insert<'_>> = done
        .iter()
        .filter(|(job, _)| is_done(job))
        .map(|(job, outcome)| Insert { job, outcome, error: None, now: now.0 })
        .collect();
    history::record(tx, &runs).await?;
    Ok(done.iter().filter(|(job, _)| !is_done(job)).map(|(job, _)| job.job_id.clone()).collect())
}

/// Ids and numbers are ours: neither holds anything that JSON escapes.
fn json_leases<'a>(jobs: impl Iterator<Item = &'a ClaimedJob>) -> String {
    let pairs: Vec<String> = jobs.map(|job| format!("[\"{}\",{}]", job.job_id.0, job.lease_number)).collect();
    format!("[{}]", pairs.join(","))
}

/// `$1` job, `$2` lease number, `$3` worker, `$4` now.
const HELD: Pair = Pair {
    sqlite: "
    SELECT COUNT(*) FROM jobs WHERE job_id = $1 AND lease_number = $2 AND worker_id = $3 AND state = 'running'
        AND EXISTS (SELECT 1 FROM workers WHERE workers.worker_id = $3 AND lease_until > $4)",
    postgres: "
    SELECT COUNT(*) FROM (
        SELECT 1 FROM jobs WHERE job_id = $1 AND lease_number = $2 AND worker_id = $3 AND state = 'running'
            AND EXISTS (SELECT 1 FROM workers WHERE workers.worker_id = $3 AND lease_until > $4)
        FOR UPDATE OF jobs) AS held",
};

async fn is_held(tx: &mut Tx, job: &ClaimedJob, now: Millis) -> Result<bool, StoreError> {
    let text = HELD.of(tx);
    let held: i64 = on_tx!(tx, conn => sqlx::query_scalar(text)
        .bind(&job.job_id.0)
        .bind(job.lease_number)
        .bind(&job.worker.0)
        .bind(now.0)
        .fetch_one(conn)
        .await)?;
    Ok(held == 1)
}

/// Try a job again at `due_at`. It takes in the one of its key that waits, if there is one.
///
/// # Errors
/// [`StoreError::LeaseLost`] when it is no longer held; [`StoreError::Conflict`] when a signal for its key came at the same
/// moment (PostgreSQL): worth another try in a new transaction. Or the database's error.
pub async fn retry(
    tx: &mut Tx,
    job: &ClaimedJob,
    failure: &Failure,
    due_at: Millis,
    now: Millis,
) -> Result<(), StoreError> {
    if !is_held(tx, job, now).await? {
        return Err(StoreError::LeaseLost);
    }
    let back = Back {
        due_at,
        attempts: job.attempt,
        error_class: Some(failure.class.to_owned()),
        error: Some(failure.reason.clone()),
    };
    put_back(tx, JobRow::of(job), back).await?;
    let line = failure.line();
    history::record(tx, &[Insert { job, outcome: "retry", error: Some(&line), now: now.0 }]).await?;
    tx.ring(Channel::Jobs);
    Ok(())
}

const BURY: &str = "
    UPDATE jobs SET state = 'dead', worker_id = NULL, lease_number = lease_number + 1, error_class = $3, error = $4
    WHERE job_id = $1 AND lease_number = $2 AND state = 'running'";

/// Make a job a dead letter.
///
/// # Errors
/// [`StoreError::LeaseLost`] when it is no longer held, or the database's error.
pub async fn bury(tx: &mut Tx, job: &ClaimedJob, failure: &Failure, now: Millis) -> Result<(), StoreError> {
    if !is_held(tx, job, now).await? {
        return Err(StoreError::LeaseLost);
    }
    bury_held(tx, job, failure).await?;
    let line = failure.line();
    history::record(tx, &[Insert { job, outcome: "dead", error: Some(&line), now: now.0 }]).await.map(drop)
}

async fn bury_held(tx: &mut Tx, job: &ClaimedJob, failure: &Failure) -> Result<(), StoreError> {
    on_tx!(tx, conn => sqlx::query(BURY)
        .bind(&job.job_id.0)
        .bind(job.lease_number)
        .bind(failure.class)
        .bind(&failure.reason)
        .execute(conn)
        .await
        .map(drop))?;
    Ok(())
}

/// Put jobs back as if they had not been claimed: the attempt does not count, and no run is recorded. Those no longer held
/// are left alone; answers how many were put back.
///
/// # Errors
/// [`StoreError::Conflict`] as with [`retry`], or the database's error.
pub async fn hand_back(tx: &mut Tx, jobs: &[ClaimedJob], now: Millis) -> Result<u64, StoreError> {
    let mut handed = 0;
    for job in jobs {
        if is_held(tx, job, now).await? {
            let attempts = job.attempt - 1;
            let back = Back { due_at: job.due_at, attempts, error_class: None, error: None };
            put_back(tx, JobRow::of(job), back).await?;
            handed += 1;
        }
    }
    if handed > 0 {
        tx.ring(Channel::Jobs);
    }
    Ok(handed)
}

/// Running jobs whose worker is not registered (any more); their index holds running jobs only.
const ORPHANS: Pair = Pair {
    sqlite: "
    SELECT job_id, org_id, kind, key, priority, payload, due_at, enqueued_at, signalled_at, signals, attempts,
        lease_number, worker_id, claimed_at, trace
    FROM jobs WHERE state = 'running' AND worker_id NOT IN (SELECT worker_id FROM workers)",
    postgres: "
    SELECT job_id, org_id, kind, key, priority, payload, due_at, enqueued_at, signalled_at, signals, attempts,
        lease_number, worker_id, claimed_at, trace
    FROM jobs WHERE state = 'running' AND worker_id NOT IN (SELECT worker_id FROM workers)
    FOR UPDATE SKIP LOCKED",
};

/// Put the jobs of workers that are gone back, due at once; those that used up their attempts become dead letters. Answers
/// how many.
pub(crate) async fn take_over(tx: &mut Tx, attempts_max: i64, now: Millis) -> Result<u64, StoreError> {
    let text = ORPHANS.of(tx);
    let rows: Vec<JobRow> = on_tx!(tx, conn => sqlx::query_as(text).fetch_all(conn).await)?;
    let failure = Failure { class: "worker_lost", reason: "the worker that ran it ended".to_owned() };
    for row in &rows {
        let job = row.clone().into_claimed();
        if job.attempt >= attempts_max {
            bury_held(tx, &job, &failure).await?;
        } else {
            let back = Back {
                due_at: job.due_at.min(now),
                attempts: job.attempt,
                error_class: Some(failure.class.to_owned()),
                error: Some(failure.reason.clone()),
            };
            put_back(tx, row.clone(), back).await?;
        }
        history::record(
            tx,
            &[Insert { job: &job, outcome: failure.class, error: Some(&failure.reason), now: now.0 }],
        )
        .await?;
    }
    if !rows.is_empty() {
        tx.ring(Channel::Jobs);
    }
    Ok(rows.len() as u64)
}

impl JobRow {
    fn of(job: &ClaimedJob) -> Self {
        Self {
            job_id: job.job_id.0.clone(),
            org_id: job.org.0,
            kind: job.kind.clone(),
            key: job.key.clone(),
            priority: job.priority,
            payload: job.payload.clone(),
            due_at: job.due_at.0,
            enqueued_at: job.enqueued_at.0,
            signalled_at: job.signalled_at.0,
            signals: job.signals,
            attempts: job.attempt,
            lease_number: job.lease_number,
            worker_id: Some(job.worker.0.clone()),
            claimed_at: Some(job.claimed_at.0),
            trace: job.trace.clone(),
        }
    }
}

pub(super) const STATEMENTS: &[(&str, &str)] = &[("queue::settle::BURY", BURY)];
pub(super) const PAIRS: &[(&str, &Pair)] = &[
    ("queue::settle::COMPLETE", &COMPLETE),
    ("queue::settle::HELD", &HELD),
    ("queue::settle::ORPHANS", &ORPHANS),
];

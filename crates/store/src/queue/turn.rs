//! A worker's turn: one transaction that completes what has ended and claims what is next.
//!
//! This is what the queue does most, and on SQLite everybody else who writes waits meanwhile. So each engine has its own: what costs
//! is the way to the database and back. On SQLite a turn is one message to the thread that takes whole transactions
//! ([`crate::db::thread`]), and its commit is not synced. What a power cut undoes of it nobody has been told: a claim whose worker is
//! gone as well, and a completion of a job that runs again then, as after any worker's death. Whatever the job wrote was synced
//! with its own commit.

mod postgres;
mod sqlite;

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{JobId, Millis, OrgId, WorkerId};

use super::{ClaimedJob, JobRow};
use crate::db::{Db, Pools};
use crate::error::StoreError;

pub(crate) use postgres::STATEMENTS as POSTGRES;
pub(crate) use sqlite::STATEMENTS as SQLITE;

/// What a worker asks for.
#[derive(Debug, Clone)]
pub struct Claim {
    /// Who asks; its lease must live.
    pub worker: WorkerId,
    /// How many jobs at the most. With 0 nothing is looked at.
    pub limit: usize,
    /// The kinds it can run.
    pub kinds: Arc<[&'static str]>,
    /// How many jobs of one organization it may hold.
    pub per_org_max: usize,
    /// How many it holds of each now.
    pub held: BTreeMap<OrgId, usize>,
    /// The organization served last: the next after it comes first.
    pub after: OrgId,
}

/// What a claim found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Claimed {
    /// The most urgent first.
    pub jobs: Vec<ClaimedJob>,
    /// When the first waiting job becomes due that is not yet; paused ones count too.
    pub next_due: Option<Millis>,
}

/// A job that has ended and wrote nothing of its own, or committed that before.
#[derive(Debug, Clone)]
pub struct Done {
    /// The job.
    pub job: Arc<ClaimedJob>,
    /// What came of it, in one word.
    pub outcome: String,
}

/// What a turn is to do.
#[derive(Debug, Clone)]
pub struct Turn {
    /// The time.
    pub now: Millis,
    /// What has ended, of the worker that asks.
    pub done: Vec<Done>,
    /// Whether to tell what the worker holds.
    pub looks_back: bool,
    /// What to claim.
    pub claim: Claim,
}

/// What a turn did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Turned {
    /// Jobs of `done` that were no longer held; they were left alone.
    pub lost: Vec<JobId>,
    /// What the worker held after those of `done` had been completed and before it claimed, as the store has it, if that was asked. It
    /// may be more than the worker knows of: a claim whose commit was not answered, for the connection broke, may have been made all
    /// the same. While such a worker lives, nobody else takes those jobs over.
    pub held: Vec<ClaimedJob>,
    /// What was claimed.
    pub claimed: Claimed,
}

/// Take a turn, in a transaction of its own. What it does is decided by `plan` once others who write have been waited for; whatever
/// else that answers is handed on.
///
/// Claimed are jobs that are due: the most urgent priority first, within it organizations in turn, within each the kinds in turn,
/// the earliest due first. Never a key that is running, never what is paused.
///
/// # Errors
/// [`StoreError::LeaseLost`] when the worker is no longer registered, or the database's error; nothing was done then, unless only the
/// answer was lost.
pub async fn turn<T: Send + 'static>(
    db: &Db,
    plan: impl FnOnce() -> (Turn, T) + Send + 'static,
) -> Result<(Turned, T), StoreError> {
    match &db.pools {
        Pools::Sqlite { thread, .. } => {
            thread.run_unsettled(move |connection| sqlite::take(connection, plan)).await
        }
        Pools::Postgres(_) => postgres::take(db, plan).await,
    }
}

/// Claim, in a turn that does nothing else.
///
/// # Errors
/// Those of [`turn`].
pub async fn claim(db: &Db, claim: Claim, now: Millis) -> Result<Claimed, StoreError> {
    let plan = move || (Turn { now, done: Vec::new(), looks_back: false, claim }, ());
    turn(db, plan).await.map(|(turned, ())| turned.claimed)
}

const HELD: &str = "
    SELECT job_id, org_id, kind, key, priority, payload, due_at, enqueued_at, signalled_at, signals, attempts,
        lease_number, worker_id, claimed_at, trace
    FROM jobs WHERE state = 'running' AND worker_id = $1";

/// Rows as jobs, the most urgent first.
fn in_order(rows: Vec<JobRow>) -> Vec<ClaimedJob> {
    let mut jobs: Vec<ClaimedJob> = rows.into_iter().map(JobRow::into_claimed).collect();
    jobs.sort_by(|a, b| (a.priority, a.due_at, &a.job_id).cmp(&(b.priority, b.due_at, &b.job_id)));
    jobs
}

pub(super) const STATEMENTS: &[(&str, &str)] = &[("queue::turn::HELD", HELD)];

//! Putting jobs on the queue, in the transaction that made them necessary.

use std::collections::{BTreeMap, HashSet};

use model::{JobId, Millis, OrgId};

use crate::db::Tx;
use crate::error::StoreError;
use crate::wake::Channel;

/// A job to be put on the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewJob {
    /// A new id; not used when the job folds into one that waits. Of jobs that are put together another may get it.
    pub job_id: JobId,
    /// What is done: a kind of the registry.
    pub kind: String,
    /// Whose data it works on.
    pub org: OrgId,
    /// What it is done to: of one key one job waits and one runs. Ids only, never personal data.
    pub key: String,
    /// One of [`crate::queue::priority`].
    pub priority: i64,
    /// Not before.
    pub due_at: Millis,
    /// Where to look, as JSON in the kind's shape.
    pub payload: String,
    /// How many signals it stands for, at least 1.
    pub signals: i64,
    /// The trace of what led to it.
    pub trace: Option<String>,
}

/// What became of jobs that were put on the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Enqueued {
    /// Jobs that wait now and did not before.
    pub inserted: u64,
    /// Signals that went into a job that waited already, or into another of the same call.
    pub folded: u64,
}

/// A job whose last attempt failed runs again no sooner than this after it, whatever signals come, in milliseconds. Until
/// then signals would only hammer what is broken.
pub(crate) const COOL_MS: i64 = 60_000;

pub(super) struct Insert<'a> {
    pub(super) job: &'a NewJob,
    pub(super) lease_number: i64,
    pub(super) now: i64,
}

bulk_returning! {
    /// New jobs, and signals for jobs that wait. Answers the id of each row's job.
    ///
    /// A job that has failed before (`attempts > 0`) cools down, and its retries start over: a new signal is new hope.
    INSERT, async fn insert(new: Insert<'_>) = "INSERT INTO jobs" (
        job_id text = new.job.job_id.0.as_str(),
        org_id int = new.job.org.0,
        kind text = new.job.kind.as_str(),
        key text = new.job.key.as_str(),
        priority int = new.job.priority,
        state text = "waiting",
        payload text = new.job.payload.as_str(),
        due_at int = new.job.due_at.0,
        enqueued_at int = new.now,
        signalled_at int = new.now,
        signals int = new.job.signals,
        attempts int = 0_i64,
        lease_number int = new.lease_number,
        trace text = new.job.trace.as_deref(),
    ) "ON CONFLICT (org_id, kind, key) WHERE state = 'waiting' DO UPDATE SET
        due_at = CASE
            WHEN jobs.attempts > 0 AND jobs.due_at > COALESCE(jobs.claimed_at, 0) + 60000
                AND excluded.due_at < COALESCE(jobs.claimed_at, 0) + 60000
                THEN COALESCE(jobs.claimed_at, 0) + 60000
            WHEN excluded.due_at < jobs.due_at AND (jobs.attempts = 0
                OR excluded.due_at >= COALESCE(jobs.claimed_at, 0) + 60000) THEN excluded.due_at
            ELSE jobs.due_at END,
        attempts = CASE WHEN jobs.attempts > 1 THEN 1 ELSE jobs.attempts END,
        priority = CASE WHEN excluded.priority < jobs.priority THEN excluded.priority ELSE jobs.priority END,
        signals = jobs.signals + excluded.signals,
        signalled_at = excluded.signalled_at,
        payload = excluded.payload,
        trace = COALESCE(excluded.trace, jobs.trace)
    RETURNING job_id"
}

/// Put jobs on the queue. A job whose key has one waiting folds into it: earliest due time, most urgent priority, signals
/// added, payload and trace of the newest. Belongs in the transaction that made the jobs necessary; rings
/// [`Channel::Jobs`] if any is due. The jobs get the ids that were given, dealt out anew.
///
/// # Errors
/// The database's error.
pub async fn enqueue(tx: &mut Tx, jobs: &[NewJob], now: Millis) -> Result<Enqueued, StoreError> {
    let distinct = in_order(fold_all(jobs));
    let inserts: Vec<Insert<'_>> =
        distinct.iter().map(|job| Insert { job, lease_number: 0, now: now.0 }).collect();
    insert_all(tx, &inserts, now)
        .await
        .map(|inserted| Enqueued { inserted, folded: jobs.len() as u64 - inserted })
}

/// Insert rows of distinct keys, sorted by key so that two transactions never wait for each other; answers how many wait
/// now that did not before.
pub(super) async fn insert_all(tx: &mut Tx, rows: &[Insert<'_>], now: Millis) -> Result<u64, StoreError> {
    if rows.is_empty() {
        return Ok(0);
    }
    let ids: HashSet<&str> = rows.iter().map(|row| row.job.job_id.0.as_str()).collect();
    let returned = insert(tx, rows).await?;
    if rows.iter().any(|row| row.job.due_at <= now) {
        tx.ring(Channel::Jobs);
    }
    Ok(returned.iter().filter(|id| ids.contains(id.as_str())).count() as u64)
}

type Key<'a> = (i64, &'a str, &'a str);

/// One job a key, in key order.
fn fold_all(jobs: &[NewJob]) -> BTreeMap<Key<'_>, NewJob> {
    let mut distinct: BTreeMap<Key<'_>, NewJob> = BTreeMap::new();
    for job in jobs {
        let key = (job.org.0, job.kind.as_str(), job.key.as_str());
        match distinct.entry(key) {
            std::collections::btree_map::Entry::Vacant(place) => {
                place.insert(job.clone());
            }
            std::collections::btree_map::Entry::Occupied(mut place) => fold(place.get_mut(), job),
        }
    }
    distinct
}

/// With ids in the order of keys: jobs that are put together then lie beside each other in every index, and whoever claims or
/// completes many of them writes few pages.
fn in_order(distinct: BTreeMap<Key<'_>, NewJob>) -> Vec<NewJob> {
    let mut jobs: Vec<NewJob> = distinct.into_values().collect();
    let mut ids: Vec<JobId> = jobs.iter().map(|job| job.job_id.clone()).collect();
    ids.sort_unstable();
    jobs.iter_mut().zip(ids).for_each(|(job, id)| job.job_id = id);
    jobs
}

fn fold(waiting: &mut NewJob, newer: &NewJob) {
    waiting.due_at = waiting.due_at.min(newer.due_at);
    waiting.priority = waiting.priority.min(newer.priority);
    waiting.signals += newer.signals;
    waiting.payload.clone_from(&newer.payload);
    if newer.trace.is_some() {
        waiting.trace.clone_from(&newer.trace);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_statement_cools_down_as_long_as_the_constant_says() {
        let (text, _) = INSERT.sqlite(1);
        assert_eq!(text.matches(&format!("+ {COOL_MS}")).count(), 4);
    }

    #[test]
    fn what_is_put_together_has_its_ids_in_the_order_of_keys() {
        let job = |id: &str, org: i64, key: &str| NewJob {
            job_id: JobId(id.to_owned()),
            kind: "k".to_owned(),
            org: OrgId(org),
            key: key.to_owned(),
            priority: 0,
            due_at: Millis(1),
            payload: "{}".to_owned(),
            signals: 1,
            trace: None,
        };
        let put = [job("c", 1, "x"), job("a", 2, "w"), job("d", 1, "y"), job("b", 1, "x")];
        let jobs = in_order(fold_all(&put));
        let told: Vec<(&str, i64, &str, i64)> =
            jobs.iter().map(|job| (&*job.job_id.0, job.org.0, &*job.key, job.signals)).collect();
        assert_eq!(told, [("a", 1, "x", 2), ("c", 1, "y", 1), ("d", 2, "w", 1)]);
    }
}

//! Dead letters: jobs that used up their attempts, kept with their reason until somebody replays them.

use model::{JobId, Millis, OrgId};

use super::enqueue::{Enqueued, Insert, NewJob, insert_all};
use crate::db::{Db, Tx};
use crate::error::StoreError;
use crate::mirror::state::Pair;

row! {
    struct DeadRow {
        job_id: String,
        org_id: i64,
        kind: String,
        key: String,
        priority: i64,
        payload: String,
        enqueued_at: i64,
        signalled_at: i64,
        signals: i64,
        attempts: i64,
        lease_number: i64,
        claimed_at: Option<i64>,
        error_class: Option<String>,
        error: Option<String>,
        trace: Option<String>,
    }
}

/// A job that will not be tried again by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// Its id.
    pub job_id: JobId,
    /// Whose data it was to work on.
    pub org: OrgId,
    /// What was to be done.
    pub kind: String,
    /// What it was to be done to.
    pub key: String,
    /// Where to look, as JSON.
    pub payload: String,
    /// When its first signal came.
    pub enqueued_at: Millis,
    /// When its last signal came.
    pub signalled_at: Millis,
    /// How many signals it stands for.
    pub signals: i64,
    /// How often it was tried.
    pub attempts: i64,
    /// When it was tried last.
    pub tried_at: Option<Millis>,
    /// Why it failed last: one word of a closed set.
    pub error_class: String,
    /// Why it failed last, for a person.
    pub error: String,
    /// The trace of its last signal.
    pub trace: Option<String>,
}

const LIST: &str = "
    SELECT job_id, org_id, kind, key, priority, payload, enqueued_at, signalled_at, signals, attempts, lease_number,
        claimed_at, error_class, error, trace
    FROM jobs WHERE state = 'dead' AND org_id = $1 AND job_id > $2 ORDER BY job_id LIMIT $3";

/// An organization's dead letters after `after` (`None` from the beginning), the oldest first.
///
/// # Errors
/// The database's error.
pub async fn dead_letters(
    db: &Db,
    org: OrgId,
    after: Option<&JobId>,
    limit: u32,
) -> Result<Vec<DeadLetter>, StoreError> {
    let after = after.map_or("", |id| id.0.as_str());
    let rows: Vec<DeadRow> = on_db!(db, pool => sqlx::query_as(LIST)
        .bind(org.0)
        .bind(after)
        .bind(i64::from(limit))
        .fetch_all(pool)
        .await)?;
    Ok(rows.into_iter().map(DeadLetter::from).collect())
}

impl From<DeadRow> for DeadLetter {
    fn from(row: DeadRow) -> Self {
        Self {
            job_id: JobId(row.job_id),
            org: OrgId(row.org_id),
            kind: row.kind,
            key: row.key,
            payload: row.payload,
            enqueued_at: Millis(row.enqueued_at),
            signalled_at: Millis(row.signalled_at),
            signals: row.signals,
            attempts: row.attempts,
            tried_at: row.claimed_at.map(Millis),
            error_class: row.error_class.unwrap_or_default(),
            error: row.error.unwrap_or_default(),
            trace: row.trace,
        }
    }
}

/// Which dead letters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeadSelection {
    /// This one.
    One(OrgId, JobId),
    /// All of an organization.
    All(OrgId),
    /// All of an organization and a kind.
    Kind(OrgId, String),
}

/// Dead letters replayed in one call.
const REPLAY_MAX: i64 = 1_000;

/// `$1` organization, `$2` job or NULL, `$3` kind or NULL, `$4` how many.
const TAKE: Pair = Pair {
    sqlite: "
    DELETE FROM jobs WHERE job_id IN (
        SELECT job_id FROM jobs WHERE state = 'dead' AND org_id = $1 AND ($2 IS NULL OR job_id = $2)
            AND ($3 IS NULL OR kind = $3) ORDER BY job_id LIMIT $4)
    RETURNING job_id, org_id, kind, key, priority, payload, enqueued_at, signalled_at, signals, attempts, lease_number,
        claimed_at, error_class, error, trace",
    postgres: "
    DELETE FROM jobs WHERE job_id = ANY(ARRAY(
        SELECT job_id FROM jobs WHERE state = 'dead' AND org_id = $1
            AND (CAST($2 AS TEXT) IS NULL OR job_id = CAST($2 AS TEXT))
            AND (CAST($3 AS TEXT) IS NULL OR kind = CAST($3 AS TEXT)) ORDER BY job_id LIMIT $4 FOR UPDATE))
    RETURNING job_id, org_id, kind, key, priority, payload, enqueued_at, signalled_at, signals, attempts, lease_number,
        claimed_at, error_class, error, trace",
};

/// Put dead letters back on the queue, due at once and with all their attempts, up to a thousand a call: one whose key has
/// a job waiting folds into it. Call again until the sum of what it answers is 0.
///
/// # Errors
/// The database's error.
pub async fn replay_dead(
    tx: &mut Tx,
    selection: &DeadSelection,
    now: Millis,
) -> Result<Enqueued, StoreError> {
    let (org, job, kind) = match selection {
        DeadSelection::One(org, job) => (org, Some(job.0.as_str()), None),
        DeadSelection::All(org) => (org, None, None),
        DeadSelection::Kind(org, kind) => (org, None, Some(kind.as_str())),
    };
    let text = TAKE.of(tx);
    let mut rows: Vec<DeadRow> = on_tx!(tx, conn => sqlx::query_as(text)
        .bind(org.0)
        .bind(job)
        .bind(kind)
        .bind(REPLAY_MAX)
        .fetch_all(conn)
        .await)?;
    rows.sort_by(|a, b| (&a.kind, &a.key, &a.job_id).cmp(&(&b.kind, &b.key, &b.job_id)));
    let all = rows.len() as u64;
    let mut batch: Vec<(NewJob, i64)> = Vec::with_capacity(rows.len());
    for row in rows {
        match batch.last_mut() {
            Some((job, _)) if job.kind == row.kind && job.key == row.key => job.signals += row.signals,
            _ => {
                let lease_number = row.lease_number;
                batch.push((row.into_new(now), lease_number));
            }
        }
    }
    let inserts: Vec<Insert<'_>> =
        batch.iter().map(|(job, lease)| Insert { job, lease_number: *lease, now: now.0 }).collect();
    let inserted = insert_all(tx, &inserts, now).await?;
    Ok(Enqueued { inserted, folded: all - inserted })
}

impl DeadRow {
    fn into_new(self, now: Millis) -> NewJob {
        NewJob {
            job_id: JobId(self.job_id),
            kind: self.kind,
            org: OrgId(self.org_id),
            key: self.key,
            priority: self.priority,
            due_at: now,
            payload: self.payload,
            signals: self.signals,
            trace: self.trace,
        }
    }
}

pub(super) const STATEMENTS: &[(&str, &str)] = &[("queue::dead::LIST", LIST)];
pub(super) const PAIRS: &[(&str, &Pair)] = &[("queue::dead::TAKE", &TAKE)];

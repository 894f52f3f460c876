//! Looking at the queue: the jobs of an organization, one state at a time, as many as a person reads.

use model::{JobId, Millis, OrgId};

use super::dead::DeadSelection;
use crate::db::{Db, Tx};
use crate::error::StoreError;

/// Jobs listed at once, at most.
pub const LIST_MAX: u32 = 1_000;

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum JobState {
    /// It waits for its time and a worker.
    Waiting,
    /// A worker holds it.
    Running,
    /// It will not be tried again by itself.
    Dead,
}

impl JobState {
    /// The stored word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Dead => "dead",
        }
    }
}

/// A job, as somebody who looks at the queue sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedJob {
    /// Its id.
    pub job_id: JobId,
    /// What it does.
    pub kind: String,
    /// To what.
    pub key: String,
    /// Its priority.
    pub priority: i64,
    /// Not before.
    pub due_at: Millis,
    /// When its first signal came.
    pub enqueued_at: Millis,
    /// When its last signal came.
    pub signalled_at: Millis,
    /// How many signals it stands for.
    pub signals: i64,
    /// How often it was tried.
    pub attempts: i64,
    /// Who held it last.
    pub worker_id: Option<String>,
    /// Since when, or when last.
    pub claimed_at: Option<Millis>,
    /// Why it failed last: one word of a closed set.
    pub error_class: Option<String>,
    /// Why it failed last, for a person.
    pub error: Option<String>,
}

/// Which jobs of an organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Which {
    /// In this state.
    pub state: JobState,
    /// Only of this kind.
    pub kind: Option<String>,
    /// Only this one.
    pub job: Option<JobId>,
    /// Only those made after this one.
    pub after: Option<JobId>,
}

impl Which {
    /// All of a state.
    #[must_use]
    pub const fn all(state: JobState) -> Self {
        Self { state, kind: None, job: None, after: None }
    }
}

row! {
    struct ListedRow {
        job_id: String,
        kind: String,
        key: String,
        priority: i64,
        due_at: i64,
        enqueued_at: i64,
        signalled_at: i64,
        signals: i64,
        attempts: i64,
        worker_id: Option<String>,
        claimed_at: Option<i64>,
        error_class: Option<String>,
        error: Option<String>,
    }
}

/// The state is part of the text, so that its index serves.
macro_rules! jobs_of {
    ($state:literal) => {
        concat!(
            " FROM jobs WHERE state = '",
            $state,
            "' AND org_id = $1 AND (CAST($2 AS TEXT) = '' OR kind = $2)
                AND (CAST($3 AS TEXT) = '' OR job_id = $3) AND job_id > $4"
        )
    };
}

/// The columns of a [`ListedRow`].
macro_rules! listed {
    ($state:literal, $order:literal) => {
        concat!(
            "SELECT job_id, kind, key, priority, due_at, enqueued_at, signalled_at, signals, attempts, worker_id,
                claimed_at, error_class, error",
            jobs_of!($state),
            " ORDER BY ",
            $order,
            " LIMIT $5"
        )
    };
}

const LIST_WAITING: &str = listed!("waiting", "priority, due_at, job_id");
const LIST_RUNNING: &str = listed!("running", "claimed_at, job_id");
const LIST_DEAD: &str = listed!("dead", "job_id");
const COUNT_WAITING: &str = concat!("SELECT COUNT(*)", jobs_of!("waiting"));
const COUNT_RUNNING: &str = concat!("SELECT COUNT(*)", jobs_of!("running"));
const COUNT_DEAD: &str = concat!("SELECT COUNT(*)", jobs_of!("dead"));

/// Jobs of an organization, at most `limit` and [`LIST_MAX`]: the waiting in the order in which they are due, the running
/// since longest first, the dead in the order in which they were made.
///
/// # Errors
/// The database's error.
pub async fn list(db: &Db, org: OrgId, which: &Which, limit: u32) -> Result<Vec<ListedJob>, StoreError> {
    let text = match which.state {
        JobState::Waiting => LIST_WAITING,
        JobState::Running => LIST_RUNNING,
        JobState::Dead => LIST_DEAD,
    };
    let rows: Vec<ListedRow> = on_db!(db, pool => sqlx::query_as(text)
        .bind(org.0)
        .bind(which.kind.as_deref().unwrap_or_default())
        .bind(which.job.as_ref().map_or("", |job| job.0.as_str()))
        .bind(which.after.as_ref().map_or("", |job| job.0.as_str()))
        .bind(i64::from(limit.min(LIST_MAX)))
        .fetch_all(pool)
        .await)?;
    Ok(rows.into_iter().map(ListedJob::from).collect())
}

/// How many there are.
///
/// # Errors
/// The database's error.
pub async fn count(db: &Db, org: OrgId, which: &Which) -> Result<i64, StoreError> {
    let text = match which.state {
        JobState::Waiting => COUNT_WAITING,
        JobState::Running => COUNT_RUNNING,
        JobState::Dead => COUNT_DEAD,
    };
    Ok(on_db!(db, pool => sqlx::query_scalar(text)
        .bind(org.0)
        .bind(which.kind.as_deref().unwrap_or_default())
        .bind(which.job.as_ref().map_or("", |job| job.0.as_str()))
        .bind(which.after.as_ref().map_or("", |job| job.0.as_str()))
        .fetch_one(pool)
        .await)?)
}

const DISCARD: &str = "
    DELETE FROM jobs WHERE state = 'dead' AND org_id = $1 AND (CAST($2 AS TEXT) = '' OR job_id = $2)
        AND (CAST($3 AS TEXT) = '' OR kind = $3)";

/// Delete dead letters for good; answers how many. Their runs stay in the history until they are pruned.
///
/// # Errors
/// The database's error.
pub async fn discard_dead(tx: &mut Tx, selection: &DeadSelection) -> Result<u64, StoreError> {
    let (org, job, kind) = match selection {
        DeadSelection::One(org, job) => (org, job.0.as_str(), ""),
        DeadSelection::All(org) => (org, "", ""),
        DeadSelection::Kind(org, kind) => (org, "", kind.as_str()),
    };
    Ok(on_tx!(tx, conn => sqlx::query(DISCARD)
        .bind(org.0)
        .bind(job)
        .bind(kind)
        .execute(conn)
        .await
        .map(|done| done.rows_affected()))?)
}

impl From<ListedRow> for ListedJob {
    fn from(row: ListedRow) -> Self {
        Self {
            job_id: JobId(row.job_id),
            kind: row.kind,
            key: row.key,
            priority: row.priority,
            due_at: Millis(row.due_at),
            enqueued_at: Millis(row.enqueued_at),
            signalled_at: Millis(row.signalled_at),
            signals: row.signals,
            attempts: row.attempts,
            worker_id: row.worker_id,
            claimed_at: row.claimed_at.map(Millis),
            error_class: row.error_class,
            error: row.error,
        }
    }
}

pub(super) const STATEMENTS: &[(&str, &str)] = &[
    ("queue::list::LIST_WAITING", LIST_WAITING),
    ("queue::list::LIST_RUNNING", LIST_RUNNING),
    ("queue::list::LIST_DEAD", LIST_DEAD),
    ("queue::list::COUNT_WAITING", COUNT_WAITING),
    ("queue::list::COUNT_RUNNING", COUNT_RUNNING),
    ("queue::list::COUNT_DEAD", COUNT_DEAD),
    ("queue::list::DISCARD", DISCARD),
];

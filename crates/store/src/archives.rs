//! Archives as somebody who does not make them sees them: asked for, waiting, under way, done.
//!
//! Whoever asks puts a job on the queue; a worker makes the archive. How far it is shows in what the mirror holds.

use model::{Clock, Entropy, JobId, Millis, OrgId};

use crate::db::{Db, Tx};
use crate::error::StoreError;
use crate::queue::{self, JobState, NewJob, priority};
use crate::runs::{self, Run};
use crate::signals::ALL;

/// The kind of job that makes an archive, and the kind of its run.
pub const KIND: &str = "archive";

/// Ask for an archive; one that waits already is the one. Belongs in the transaction of the audit's entry.
///
/// # Errors
/// The database's error.
pub async fn ask(
    tx: &mut Tx,
    org: OrgId,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
) -> Result<(), StoreError> {
    let now = clock.now();
    let job = NewJob {
        job_id: JobId::new(clock, entropy),
        kind: KIND.to_owned(),
        org,
        key: ALL.to_owned(),
        priority: priority::BACKFILL,
        due_at: now,
        payload: "{}".to_owned(),
        signals: 1,
        trace: None,
    };
    queue::enqueue(tx, &[job], now).await.map(drop)
}

/// The job that makes an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchiveJob {
    /// Where it stands.
    pub state: JobState,
    /// Since when a worker holds it, or when one held it last.
    pub claimed_at: Option<Millis>,
    /// Why it failed last, for a person.
    pub error: Option<String>,
}

/// How an organization's archives stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The job, where one waits, runs or was given up, in that order of weight: running, waiting, dead.
    pub job: Option<ArchiveJob>,
    /// The newest run, whoever made it.
    pub run: Option<Run>,
    /// Conversations that the mirror holds.
    pub conversations: i64,
    /// Their messages.
    pub messages: i64,
}

/// All states in one statement: a job that is claimed meanwhile is seen in one of them.
const JOB: &str = "
    SELECT weight, claimed_at, error FROM (
        SELECT 1 AS weight, claimed_at, error FROM jobs WHERE state = 'running' AND org_id = $1 AND kind = $2
        UNION ALL
        SELECT 2 AS weight, claimed_at, error FROM jobs WHERE state = 'waiting' AND org_id = $1 AND kind = $2
        UNION ALL
        SELECT 3 AS weight, claimed_at, error FROM jobs WHERE state = 'dead' AND org_id = $1 AND kind = $2
    ) AS found ORDER BY weight LIMIT 1";

const HELD: &str = "
    SELECT COUNT(*) AS conversations, CAST(COALESCE(SUM(message_count), 0) AS BIGINT) AS messages
    FROM conversations WHERE org_id = $1";

/// How an organization's archives stand now.
///
/// # Errors
/// The database's error.
pub async fn standing(db: &Db, org: OrgId) -> Result<Standing, StoreError> {
    let found: Option<(i32, Option<i64>, Option<String>)> =
        on_db!(db, pool => sqlx::query_as(JOB).bind(org.0).bind(KIND).fetch_optional(pool).await)?;
    let job = found.map(|(weight, claimed_at, error)| ArchiveJob {
        state: match weight {
            1 => JobState::Running,
            2 => JobState::Waiting,
            _ => JobState::Dead,
        },
        claimed_at: claimed_at.map(Millis),
        error,
    });
    let run = runs::latest(db, org, KIND).await?;
    let (conversations, messages): (i64, i64) =
        on_db!(db, pool => sqlx::query_as(HELD).bind(org.0).fetch_one(pool).await)?;
    Ok(Standing { job, run, conversations, messages })
}

pub(crate) const STATEMENTS: &[(&str, &str)] = &[("archives::JOB", JOB), ("archives::HELD", HELD)];

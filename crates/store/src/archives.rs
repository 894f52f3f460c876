//! Archives as somebody who does not make them sees them: asked for, waiting, under way, done.
//!
//! Whoever asks puts a job on the queue; a worker makes the archive. How far it is shows in what the mirror holds.

use model::{Clock, Entropy, JobId, OrgId};

use crate::db::{Db, Tx};
use crate::error::StoreError;
use crate::queue::{self, JobState, ListedJob, NewJob, Which, priority};
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

/// How an organization's archives stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The job, where one waits, runs or was given up, in that order of weight: running, waiting, dead.
    pub job: Option<(JobState, ListedJob)>,
    /// The newest run, whoever made it.
    pub run: Option<Run>,
    /// Conversations that the mirror holds.
    pub conversations: i64,
    /// Their messages.
    pub messages: i64,
}

const HELD: &str = "
    SELECT COUNT(*) AS conversations, CAST(COALESCE(SUM(message_count), 0) AS BIGINT) AS messages
    FROM conversations WHERE org_id = $1";

/// How an organization's archives stand now.
///
/// # Errors
/// The database's error.
pub async fn standing(db: &Db, org: OrgId) -> Result<Standing, StoreError> {
    let mut job = None;
    for state in [JobState::Running, JobState::Waiting, JobState::Dead] {
        let which = Which { kind: Some(KIND.to_owned()), ..Which::all(state) };
        if let Some(found) = queue::list(db, org, &which, 1).await?.pop() {
            job = Some((state, found));
            break;
        }
    }
    let run = runs::latest(db, org, KIND).await?;
    let (conversations, messages): (i64, i64) =
        on_db!(db, pool => sqlx::query_as(HELD).bind(org.0).fetch_one(pool).await)?;
    Ok(Standing { job, run, conversations, messages })
}

pub(crate) const STATEMENTS: &[(&str, &str)] = &[("archives::HELD", HELD)];

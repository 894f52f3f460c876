//! Settling runs that did not complete: each in a transaction of its own, for one that fails must not undo another.

use std::sync::Arc;

use model::Millis;
use store::audit::{self, Action, NewEntry, Object, Who};
use store::pauses::{self, Pause, Scope};
use store::queue::{self, ClaimedJob, Failure};
use store::{StoreError, Tx};

use super::retry::delay_ms;
use crate::job::{Class, JobError};
use crate::node::Node;

/// How often a settlement is tried that met another transaction, before the turn is given up.
const TRIES_MAX: u32 = 3;

/// The outcome of a run that had nothing left to be done with.
const MOOT: &str = "moot";

/// A run that failed, and how.
pub(super) struct Failed {
    pub(super) kind: &'static str,
    pub(super) job: Arc<ClaimedJob>,
    pub(super) error: JobError,
}

/// Write down what comes next. A lost lease is no error: whoever has the job now decides.
pub(super) async fn settle(node: &Node, failed: &Failed) -> Result<(), StoreError> {
    let mut tries_left = TRIES_MAX;
    loop {
        let mut tx = node.db.begin().await?;
        tries_left -= 1;
        let written = match write(node, &mut tx, failed).await {
            Ok(()) => tx.commit().await,
            Err(error) => {
                tx.rollback().await?;
                Err(error)
            }
        };
        match written {
            Err(StoreError::LeaseLost) => {
                node.metrics.queue_leases_lost.of(failed.kind).inc();
                return Ok(());
            }
            Err(StoreError::Conflict { .. } | StoreError::Contention) if tries_left > 0 => {}
            other => return other,
        }
    }
}

async fn write(node: &Node, tx: &mut Tx, failed: &Failed) -> Result<(), StoreError> {
    let (job, now) = (&failed.job, node.clock.now());
    match &failed.error {
        JobError::Retry { class, reason, after_ms } => {
            let failure = failure(*class, reason);
            if job.attempt >= node.limits.attempts_max {
                return bury(node, tx, failed, &failure, now).await;
            }
            let delay = delay_ms(job.attempt, node.entropy.as_ref());
            let delay = after_ms.map_or(delay, |ms| i64::try_from(ms).unwrap_or(i64::MAX));
            tracing::info!(
                job.id = %job.job_id, job.kind = failed.kind, job.attempt = job.attempt, delay_ms = delay,
                error = %failed.error, "A job failed and will be tried again"
            );
            queue::retry(tx, job, &failure, now.plus(delay), now).await?;
            node.metrics.queue_jobs_retried.of(failed.kind).inc();
        }
        JobError::Fail { class, reason } => bury(node, tx, failed, &failure(*class, reason), now).await?,
        JobError::Pause { reason, until } => {
            let pause =
                Pause { scope: Scope::org(job.org), reason: reason.clone(), since: now, until: *until };
            pauses::pause(tx, &pause).await?;
            let who = Who::node();
            let entry = NewEntry::done(now, &who, Action::PauseSet, Object::org(job.org)).org(job.org);
            audit::append(tx, &entry.because("job_asked"))?;
            queue::hand_back(tx, std::slice::from_ref(job.as_ref()), now).await?;
            tracing::warn!(org.id = %job.org, reason, "Paused an organization");
        }
        JobError::Moot { reason } => {
            queue::complete(tx, job, MOOT, now).await?;
            tracing::debug!(org.id = %job.org, job.kind = failed.kind, reason, "A job is moot");
        }
        JobError::Stopped => {
            queue::hand_back(tx, std::slice::from_ref(job.as_ref()), now).await?;
            node.metrics.queue_jobs_handed_back.of(failed.kind).inc();
        }
        JobError::LeaseLost => return Err(StoreError::LeaseLost),
    }
    Ok(())
}

async fn bury(
    node: &Node,
    tx: &mut Tx,
    failed: &Failed,
    failure: &Failure,
    now: Millis,
) -> Result<(), StoreError> {
    let job = &failed.job;
    queue::bury(tx, job, failure, now).await?;
    node.metrics.queue_jobs_buried.of(failed.kind).inc();
    tracing::error!(
        job.id = %job.job_id, job.kind = failed.kind, job.attempts = job.attempt, class = failure.class,
        "A job became a dead letter"
    );
    Ok(())
}

fn failure(class: Class, reason: &str) -> Failure {
    Failure { class: class.as_str(), reason: reason.to_owned() }
}

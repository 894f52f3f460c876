//! How jobs ask Drift: with the organization's client at the job's priority, and what a failed call means for the job.

use drift::{Class, Client, Priority};
use store::notices::{self, NewNotice};
use store::queue::priority;

use crate::clients::ClientError;
use crate::job::{Class as Cause, Finished, JobContext, JobError};

/// The kind of notices about scopes that are missing.
pub(crate) const NOTICE: &str = "scope";
/// After a connection was replaced under a call, in milliseconds.
const REPLACED_MS: u64 = 1_000;

/// The organization's client at the priority of the job.
///
/// # Errors
/// [`JobError::Pause`] when the organization is not connected, or Drift refuses the connection; [`JobError::Moot`] when
/// somebody gave it up.
pub(super) async fn client(ctx: &JobContext) -> Result<Client, JobError> {
    let client = ctx.node.clients.client(ctx.job.org).await.map_err(unopened)?;
    Ok(client.at(match ctx.job.priority {
        priority::LIVE => Priority::Live,
        priority::ASKED => Priority::Asked,
        priority::SWEEP => Priority::Sweep,
        _ => Priority::Backfill,
    }))
}

/// What a failed call means for the job. A refused token pauses the organization, and is written down.
pub(super) async fn failed(ctx: &JobContext, error: drift::Error) -> JobError {
    match error.class() {
        Class::Auth => unopened(ctx.node.clients.refused(ctx.job.org, &error).await),
        _ => JobError::from_call(error),
    }
}

/// A call that was refused for want of a scope: no attempt mends that, and other jobs go on. A person is told; the job
/// ends.
pub(super) async fn refused(ctx: &JobContext, error: &drift::Error) -> Result<Finished, JobError> {
    let scope = match error {
        drift::Error::Forbidden { scope: Some(scope), .. } => scope.to_string(),
        _ => "unknown".to_owned(),
    };
    let message = format!(
        "Drift refuses {}: the token lacks the scope {scope}; tick it on the app's page at dev.drift.com and connect again",
        ctx.job.kind
    );
    let mut tx = ctx.begin().await?;
    let notice = NewNotice { org: ctx.job.org, kind: NOTICE, subject: &scope, message: &message };
    notices::raise(&mut tx, &notice, ctx.node.clock.now()).await?;
    end(ctx, tx, "refused").await
}

/// Complete the job in its transaction, and count it.
pub(super) async fn end(
    ctx: &JobContext,
    tx: store::Tx,
    outcome: &'static str,
) -> Result<Finished, JobError> {
    let finished = ctx.finish(tx, outcome).await?;
    count(ctx, outcome);
    Ok(finished)
}

/// End the job, which wrote nothing, and count it.
pub(super) fn done(ctx: &JobContext, outcome: &'static str) -> Finished {
    count(ctx, outcome);
    ctx.done(outcome)
}

fn count(ctx: &JobContext, outcome: &'static str) {
    let (metrics, kind) = (&ctx.node.metrics, super::word(&ctx.job.kind));
    metrics.refresh_runs.of(kind, outcome).inc();
    metrics.refresh_signals.of(kind).inc_by(ctx.job.signals.unsigned_abs());
}

fn unopened(error: ClientError) -> JobError {
    match error {
        ClientError::Closed { .. } => JobError::Pause { reason: error.to_string(), until: None },
        ClientError::GivenUp => JobError::Moot { reason: error.to_string() },
        ClientError::Replaced => JobError::Retry {
            class: Cause::Unauthorized,
            reason: error.to_string(),
            after_ms: Some(REPLACED_MS),
        },
        ClientError::Engine(error) => JobError::retry(Cause::Store, crate::error::chain(&error)),
    }
}

//! Running one job: under its span, its deadline, and with a panic counted as a failure.

use std::sync::Arc;

use store::queue::ClaimedJob;
use tracing::Instrument as _;

use crate::job::{Class, End, JobContext, JobError, Kind};
use crate::node::Node;

/// How a run ended, as far as the worker has something to do about it.
#[derive(Debug)]
pub(super) enum Ending {
    /// It committed by itself.
    Committed,
    /// To be completed.
    Owed(String),
    /// To be tried again, paused, buried or handed back.
    Failed(JobError),
}

/// Run a claimed job to its end.
pub(super) async fn execute(node: Arc<Node>, kind: Kind, job: Arc<ClaimedJob>) -> Ending {
    let span = tracing::info_span!(
        "job",
        job.id = %job.job_id,
        job.kind = kind.name,
        org.id = %job.org,
        trace = job.trace.as_deref(),
    );
    let (clock, metrics) = (Arc::clone(&node.clock), Arc::clone(&node.metrics));
    let began = clock.now();
    let ctx = JobContext { node, job };
    let run = drift::deadline(clock.as_ref(), kind.deadline_ms, (kind.run)(&ctx));
    let ended = run.instrument(span).await;
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of one run")]
    metrics.queue_run_seconds.of(kind.name).observe(clock.now().since(began).max(0) as f64 / 1_000.0);
    match ended {
        Ok(Ok(finished)) => match finished.0 {
            End::Committed => Ending::Committed,
            End::Owed(outcome) => Ending::Owed(outcome),
        },
        Ok(Err(error)) => Ending::Failed(error),
        Err(elapsed) => {
            let reason = format!("it did not end within {} s", elapsed.ms / 1_000);
            Ending::Failed(JobError::retry(Class::TimedOut, reason))
        }
    }
}

/// What became of a task that gave no answer: it panicked, or was aborted.
pub(super) fn unanswered(error: &tokio::task::JoinError) -> Ending {
    Ending::Failed(if error.is_panic() {
        JobError::retry(Class::Panicked, "panicked")
    } else {
        JobError::Stopped
    })
}

//! Make an archive, or go on with the one that was begun: the same run that the command makes, with the same certificate.
//!
//! Everything is committed as it comes, so a run that ends before its time (a stop, a deadline, a worker's death) goes on where
//! it was. An archive that another process makes at the moment is as good: the job then has nothing to do.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use store::archives;
use store::queue::priority;
use store::signals;

use super::asking;
use crate::archive::{self, Ask};
use crate::error::{EngineError, chain};
use crate::job::{Class, Finished, Job, JobContext, JobError};
use crate::progress::Progress;
use crate::{CallCounter, Context};

/// Archive an organization.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Archive {}

impl Job for Archive {
    const KIND: &'static str = archives::KIND;
    const PRIORITY: i64 = priority::BACKFILL;
    /// A million conversations take days at 600 calls a minute; a run that is cut off goes on.
    const DEADLINE_MS: u64 = 24 * 60 * 60 * 1_000;

    fn key(&self) -> String {
        signals::ALL.to_owned()
    }

    async fn run(&self, ctx: &JobContext) -> Result<Finished, JobError> {
        let calls = Arc::new(CallCounter::default());
        let node = &ctx.node;
        let work = Context {
            db: node.db.clone(),
            drift: asking::client(ctx).await?.heard_by(calls.clone()),
            org: ctx.org(),
            clock: Arc::clone(&node.clock),
            entropy: Arc::clone(&node.entropy),
            progress: Progress::new().0,
            calls,
            limits: node.limits.archive,
            stop: node.stop.clone(),
        };
        match Box::pin(archive::run(&work, Ask::Changed)).await {
            Ok(outcome) if outcome.certificate.complete => Ok(asking::done(ctx, "complete")),
            Ok(_) => Ok(asking::done(ctx, "incomplete")),
            Err(EngineError::Busy { .. }) => Ok(asking::done(ctx, "elsewhere")),
            Err(EngineError::Stopped) => Err(JobError::Stopped),
            Err(EngineError::Unauthorized { source, .. }) => Err(asking::failed(ctx, source).await),
            Err(EngineError::Store { source, .. }) => Err(JobError::from_store(source)),
            Err(EngineError::Unreachable { source, .. } | EngineError::Api { source, .. }) => {
                Err(asking::failed(ctx, source).await)
            }
            Err(other) => Err(JobError::retry(Class::Other, chain(&other))),
        }
    }
}

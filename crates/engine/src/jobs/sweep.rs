//! Read the recently updated conversations with an overlap, and signal what differs: whatever was lost, doubled, delayed or
//! reordered on its way here, the mirror is right after this.

use drift::Class;
use serde::{Deserialize, Serialize};
use store::queue::priority;
use store::signals;

use super::asking;
use crate::job::{Finished, Job, JobContext, JobError};
use crate::sweeping::{self, Look, LookError, Scope};

/// How far before the last reading a sweep reads again, in milliseconds.
const OVERLAP_MS: i64 = 24 * 60 * 60 * 1_000;

/// Sweep an organization.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Sweep {}

impl Job for Sweep {
    const KIND: &'static str = "sweep";
    const PRIORITY: i64 = priority::SWEEP;
    const DEADLINE_MS: u64 = 60 * 60 * 1_000;

    fn key(&self) -> String {
        signals::ALL.to_owned()
    }

    async fn run(&self, ctx: &JobContext) -> Result<Finished, JobError> {
        let drift = asking::client(ctx).await?;
        let scope = Scope::Since(sweeping::since(ctx, OVERLAP_MS).await?);
        let (mut look, token) = Look::begin(ctx, Self::KIND, scope).await?;
        match look.read(&drift, token).await {
            Ok(()) => {}
            Err(LookError::Job(error)) => return Err(error),
            Err(LookError::Call(error)) if error.class() == Class::Scope => {
                return asking::refused(ctx, &error).await;
            }
            Err(LookError::Call(error)) => return Err(asking::failed(ctx, error).await),
        }
        let mut tx = ctx.begin().await?;
        look.conclude(&mut tx).await?;
        asking::end(ctx, tx, "done").await
    }
}

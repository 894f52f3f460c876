//! Hold the whole conversation list against the mirror: what differs is signalled, and so is what the mirror holds and the list
//! does not show, which a refresh then finds gone, or only hidden from the list. Costs the list's pages and no more.

use drift::Class;
use serde::{Deserialize, Serialize};
use store::queue::priority;
use store::signals;

use super::asking;
use crate::job::{Finished, Job, JobContext, JobError};
use crate::sweeping::{Look, LookError, Scope};

/// Compare an organization's whole list with its mirror.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Compare {}

impl Job for Compare {
    const KIND: &'static str = "compare";
    const PRIORITY: i64 = priority::SWEEP;
    /// A million conversations are 20,000 pages, half an hour at 600 calls a minute without anybody else.
    const DEADLINE_MS: u64 = 6 * 60 * 60 * 1_000;

    fn key(&self) -> String {
        signals::ALL.to_owned()
    }

    async fn run(&self, ctx: &JobContext) -> Result<Finished, JobError> {
        let drift = asking::client(ctx).await?;
        let (mut look, token) = Look::begin(ctx, Self::KIND, Scope::Whole).await?;
        match look.read(&drift, token).await {
            Ok(()) => {}
            Err(LookError::Job(error)) => return Err(error),
            Err(LookError::Call(error)) if error.class() == Class::Scope => {
                return asking::refused(ctx, &error).await;
            }
            Err(LookError::Call(error)) => return Err(asking::failed(ctx, error).await),
        }
        look.unlisted().await?;
        let mut tx = ctx.begin().await?;
        look.conclude(&mut tx).await?;
        asking::end(ctx, tx, "done").await
    }
}

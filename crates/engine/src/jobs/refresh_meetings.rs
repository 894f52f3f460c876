//! Fetch the meetings that Drift still lists, and keep them: it lists 30 days back, so this runs daily whatever is signalled.

use drift::Class;
use model::record::Meeting;
use serde::{Deserialize, Serialize};
use store::directory;
use store::queue::priority;
use store::signals::{self, kind};

use super::asking;
use crate::convert;
use crate::job::{Finished, Job, JobContext, JobError};

/// Fetch the meetings.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RefreshMeetings {}

impl Job for RefreshMeetings {
    const KIND: &'static str = kind::REFRESH_MEETINGS;
    const PRIORITY: i64 = priority::SWEEP;

    fn key(&self) -> String {
        signals::ALL.to_owned()
    }

    async fn run(&self, ctx: &JobContext) -> Result<Finished, JobError> {
        let drift = asking::client(ctx).await?;
        let now = ctx.node.clock.now();
        match convert::all_meetings(&drift, now).await {
            Ok(found) => {
                let meetings: Vec<Meeting> = found.into_iter().map(convert::meeting).collect();
                let mut tx = ctx.begin().await?;
                let written = directory::apply_meetings(&mut tx, ctx.job.org, &meetings, now).await?;
                asking::end(ctx, tx, if written > 0 { "changed" } else { "unchanged" }).await
            }
            Err(error) if error.class() == Class::Scope => asking::refused(ctx, &error).await,
            Err(error) => Err(asking::failed(ctx, error).await),
        }
    }
}

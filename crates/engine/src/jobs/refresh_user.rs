//! Bring one Drift user up to date: who came or went, or changed a name.

use drift::Class;
use model::UserId;
use serde::{Deserialize, Serialize};
use store::directory::{self, Listing};
use store::queue::priority;
use store::signals::kind;

use super::asking;
use crate::convert;
use crate::job::{Finished, Job, JobContext, JobError};

/// Bring one user up to date.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RefreshUser {
    /// Which one.
    pub user: UserId,
}

impl Job for RefreshUser {
    const KIND: &'static str = kind::REFRESH_USER;
    const PRIORITY: i64 = priority::LIVE;

    fn key(&self) -> String {
        self.user.to_string()
    }

    async fn run(&self, ctx: &JobContext) -> Result<Finished, JobError> {
        let drift = asking::client(ctx).await?;
        match drift.user(self.user).await {
            Ok(found) => {
                let mut tx = ctx.begin().await?;
                let users = [convert::user(found)];
                let now = ctx.node.clock.now();
                let written =
                    directory::apply_users(&mut tx, ctx.job.org, &users, Listing::Partial, now).await?;
                asking::end(ctx, tx, if written > 0 { "changed" } else { "unchanged" }).await
            }
            // A user who left stays as last seen; a complete list marks them.
            Err(error) if error.class() == Class::Gone => Ok(asking::done(ctx, "gone")),
            Err(error) if error.class() == Class::Scope => asking::refused(ctx, &error).await,
            Err(error) => Err(asking::failed(ctx, error).await),
        }
    }
}

//! Bring one contact up to date with Drift. Drift lists contacts nowhere, so each is asked for by id.

use drift::Class;
use model::ContactId;
use serde::{Deserialize, Serialize};
use store::directory;
use store::queue::priority;
use store::signals::kind;

use super::asking;
use crate::convert;
use crate::job::{Finished, Job, JobContext, JobError};

/// Bring one contact up to date.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RefreshContact {
    /// Which one.
    pub contact: ContactId,
}

impl Job for RefreshContact {
    const KIND: &'static str = kind::REFRESH_CONTACT;
    const PRIORITY: i64 = priority::LIVE;

    fn key(&self) -> String {
        self.contact.to_string()
    }

    async fn run(&self, ctx: &JobContext) -> Result<Finished, JobError> {
        let drift = asking::client(ctx).await?;
        let (org, now) = (ctx.job.org, ctx.node.clock.now());
        match drift.contact(self.contact).await {
            Ok(found) => {
                let mut tx = ctx.begin().await?;
                let written =
                    directory::apply_contacts(&mut tx, org, &[convert::contact(found)], now).await?;
                asking::end(ctx, tx, if written > 0 { "changed" } else { "unchanged" }).await
            }
            Err(error) if error.class() == Class::Gone => {
                let mut tx = ctx.begin().await?;
                directory::mark_contacts_gone(&mut tx, org, &[self.contact], now).await?;
                asking::end(ctx, tx, "gone").await
            }
            Err(error) if error.class() == Class::Scope => asking::refused(ctx, &error).await,
            Err(error) => Err(asking::failed(ctx, error).await),
        }
    }
}

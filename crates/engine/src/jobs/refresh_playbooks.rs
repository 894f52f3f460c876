//! Fetch the playbooks and their landing pages, whole lists both.

use drift::Class;
use model::record::{LandingPage, Playbook};
use serde::{Deserialize, Serialize};
use store::directory::{self, Listing};
use store::queue::priority;
use store::signals::{self, kind};

use super::asking;
use crate::convert;
use crate::job::{Finished, Job, JobContext, JobError};

/// Fetch the playbooks.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RefreshPlaybooks {}

impl Job for RefreshPlaybooks {
    const KIND: &'static str = kind::REFRESH_PLAYBOOKS;
    const PRIORITY: i64 = priority::SWEEP;

    fn key(&self) -> String {
        signals::ALL.to_owned()
    }

    async fn run(&self, ctx: &JobContext) -> Result<Finished, JobError> {
        let drift = asking::client(ctx).await?;
        let found = match tokio::try_join!(drift.playbooks(), drift.landing_pages()) {
            Ok(found) => found,
            Err(error) if error.class() == Class::Scope => return asking::refused(ctx, &error).await,
            Err(error) => return Err(asking::failed(ctx, error).await),
        };
        let playbooks: Vec<Playbook> = found.0.into_iter().map(convert::playbook).collect();
        let pages: Vec<LandingPage> = found.1.into_iter().map(convert::landing_page).collect();
        let (org, now) = (ctx.job.org, ctx.node.clock.now());
        let mut tx = ctx.begin().await?;
        let mut written =
            directory::apply_playbooks(&mut tx, org, &playbooks, Listing::Complete, now).await?;
        written += directory::apply_landing_pages(&mut tx, org, &pages, Listing::Complete, now).await?;
        asking::end(ctx, tx, if written > 0 { "changed" } else { "unchanged" }).await
    }
}

//! The bytes of attachments: they cannot be had again once the API is gone, so they come right after the messages.
//!
//! A file is held in memory whole while it is fetched and stored, so the files in flight are few, and the pipeline
//! fetches no more while many bytes wait for their commit.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use drift::wire::Attachment;
use model::AttachmentId;
use store::mirror;

use super::judge::{Failure, Health, judge};
use super::ledger::{Account, hopeless_keys};
use super::plan::Plan;
use crate::context::Context;
use crate::error::{Doing, EngineError};
use crate::pipeline::{self, Bounds, Step};
use crate::progress::Stage;

/// The kind under which this stage is accounted for.
pub(crate) const KIND: &str = "attachments";
/// Attachments read from the store at once.
const PAGE: u32 = 200;
/// Files under way at once: times the bound on one file (32 MiB by default), the most memory they can take.
const IN_FLIGHT: usize = 8;

/// Fetch the bytes of all attachments that lack them.
pub(crate) async fn fetch_missing(ctx: &Context, plan: &Plan) -> Result<(), EngineError> {
    let total = mirror::missing(&ctx.db, ctx.org).await.doing("count what is missing")?.attachments;
    if total == 0 {
        return Ok(());
    }
    ctx.progress.stage(Stage::Attachments, Some(total), &*ctx.clock);
    let account = Account::open(ctx, &plan.run_id, KIND).await?;
    let hopeless = hopeless_keys(ctx, KIND, plan.fixed.started_at).await?;
    let step = Attachments {
        ctx: ctx.clone(),
        plan: plan.clone(),
        health: Health::default(),
        account,
        hopeless,
        after: Mutex::new(None),
    };
    let bounds = Bounds { concurrency: IN_FLIGHT.min(ctx.limits.concurrency), window: ctx.limits.window };
    pipeline::run(Arc::new(step), bounds, &ctx.stop).await
}

struct Attachments {
    ctx: Context,
    plan: Plan,
    health: Health,
    account: Account,
    /// Files this run has found to be too large or otherwise not to be had: not asked for twice.
    hopeless: HashSet<String>,
    after: Mutex<Option<AttachmentId>>,
}

impl Step for Attachments {
    type Item = AttachmentId;
    type Fetched = (AttachmentId, Result<Attachment, Failure>);

    async fn more(&self) -> Result<Option<Vec<AttachmentId>>, EngineError> {
        if self.account.is_refused() {
            return Ok(None);
        }
        let after = *self.after.lock().unwrap_or_else(PoisonError::into_inner);
        let page = mirror::attachments_missing(&self.ctx.db, self.ctx.org, after, PAGE)
            .await
            .doing("look for attachments without bytes")?;
        let Some(last) = page.last() else { return Ok(None) };
        *self.after.lock().unwrap_or_else(PoisonError::into_inner) = Some(last.attachment_id);
        let ids = page.into_iter().map(|one| one.attachment_id);
        Ok(Some(ids.filter(|id| !self.hopeless.contains(&id.to_string())).collect()))
    }

    async fn fetch(&self, id: AttachmentId) -> Result<Self::Fetched, EngineError> {
        match self.ctx.drift.attachment(id, self.ctx.limits.attachment_bytes_max).await {
            Ok(found) => {
                self.health.reached();
                Ok((id, Ok(found)))
            }
            Err(error) => Ok((id, Err(judge(&self.ctx, &self.health, "read an attachment", error)?))),
        }
    }

    fn weight((_, outcome): &Self::Fetched) -> usize {
        outcome.as_ref().map_or(0, |file| file.bytes.len())
    }

    async fn commit(&self, group: Vec<Self::Fetched>) -> Result<(), EngineError> {
        let (now, count) = (self.ctx.clock.now(), group.len());
        let mut tx = self.ctx.db.begin().await.doing("store attachments")?;
        for (id, outcome) in group {
            let key = id.to_string();
            match outcome {
                Ok(file) => {
                    let mime = file.content_type.as_deref();
                    mirror::store_attachment(&mut tx, self.ctx.org, id, &file.bytes, mime, now)
                        .await
                        .doing("store attachments")?;
                    self.account.fetched(&self.ctx, &mut tx, &key).await?;
                }
                Err(failure) => {
                    if failure == Failure::Gone {
                        mirror::mark_attachment_gone(&mut tx, self.ctx.org, id, now)
                            .await
                            .doing("store attachments")?;
                    }
                    self.account.failed(&self.ctx, &mut tx, &key, &failure).await?;
                }
            }
        }
        self.account.save(&mut tx, &self.plan.run_id).await?;
        self.plan.save_calls(&self.ctx, &mut tx).await?;
        tx.commit().await.doing("store attachments")?;
        self.ctx.progress.add(count, 0, &*self.ctx.clock);
        Ok(())
    }
}

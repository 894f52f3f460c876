//! The single call for each conversation whose participants, tags and playbook the mirror lacks or holds in an
//! older state. The list rows do not carry them.

use std::sync::{Arc, Mutex, PoisonError};

use model::ConversationId;
use model::record::Snapshot;
use store::mirror;

use super::judge::{Failure, Health, judge, judge_gone};
use super::ledger::Account;
use super::plan::Plan;
use crate::context::Context;
use crate::convert;
use crate::error::{Doing, EngineError};
use crate::pipeline::{self, Bounds, Step};
use crate::progress::Stage;

/// The kind under which this stage is accounted for.
pub(crate) const KIND: &str = "details";
/// Conversations read from the store at once.
const PAGE: u32 = 200;

/// Fetch the details of all conversations that lack them.
pub(crate) async fn fetch_missing(ctx: &Context, plan: &Plan) -> Result<(), EngineError> {
    let total = mirror::missing(&ctx.db, ctx.org).await.doing("count what is missing")?.details;
    if total == 0 {
        return Ok(());
    }
    ctx.progress.stage(Stage::Details, Some(total), &*ctx.clock);
    let account = Account::open(ctx, &plan.run_id, KIND).await?;
    let step = Details {
        ctx: ctx.clone(),
        plan: plan.clone(),
        health: Health::default(),
        account,
        after: Mutex::new(None),
    };
    pipeline::run(Arc::new(step), Bounds::of(ctx), &ctx.stop).await
}

struct Details {
    ctx: Context,
    plan: Plan,
    health: Health,
    account: Account,
    after: Mutex<Option<ConversationId>>,
}

impl Step for Details {
    type Item = ConversationId;
    type Fetched = (ConversationId, Result<Snapshot, Failure>);

    async fn more(&self) -> Result<Option<Vec<ConversationId>>, EngineError> {
        if self.account.is_refused() {
            return Ok(None);
        }
        let after = *self.after.lock().unwrap_or_else(PoisonError::into_inner);
        let page = mirror::conversations_without_details(&self.ctx.db, self.ctx.org, after, PAGE)
            .await
            .doing("look for conversations without details")?;
        let Some(last) = page.last() else { return Ok(None) };
        *self.after.lock().unwrap_or_else(PoisonError::into_inner) = Some(*last);
        Ok(Some(page))
    }

    async fn fetch(&self, id: ConversationId) -> Result<Self::Fetched, EngineError> {
        let fetched_at = self.ctx.clock.now();
        match self.ctx.drift.conversation(id).await {
            Ok(found) => {
                self.health.reached();
                let (conversation, details) = convert::conversation(found);
                Ok((id, Ok(Snapshot { conversation, details: Some(details), messages: None, fetched_at })))
            }
            Err(error) => match judge(&self.ctx, &self.health, "read a conversation", error)? {
                Failure::Gone => {
                    let messages = self.ctx.drift.messages(id).next_page().await;
                    Ok((id, Err(judge_gone(&self.ctx, &self.health, "details", messages)?)))
                }
                failure => Ok((id, Err(failure))),
            },
        }
    }

    async fn commit(&self, group: Vec<Self::Fetched>) -> Result<(), EngineError> {
        let (now, count) = (self.ctx.clock.now(), group.len());
        let mut tx = self.ctx.db.begin().await.doing("store details")?;
        let mut snapshots = Vec::with_capacity(count);
        for (id, outcome) in group {
            let key = id.to_string();
            match outcome {
                Ok(snapshot) => {
                    snapshots.push(snapshot);
                    self.account.fetched(&self.ctx, &mut tx, &key).await?;
                }
                Err(failure) => {
                    if failure == Failure::Gone {
                        mirror::mark_gone(&mut tx, self.ctx.org, &[id], now).await.doing("store details")?;
                    }
                    self.account.failed(&self.ctx, &mut tx, &key, &failure).await?;
                }
            }
        }
        mirror::apply(&mut tx, self.ctx.org, &snapshots, now).await.doing("store details")?;
        self.account.save(&mut tx, &self.plan.run_id).await?;
        self.plan.save_calls(&self.ctx, &mut tx).await?;
        tx.commit().await.doing("store details")?;
        self.ctx.progress.add(count, 0, &*self.ctx.clock);
        Ok(())
    }
}

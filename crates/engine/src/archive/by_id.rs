//! Conversations fetched by id, with details and messages: those that failed before, those a report names and no
//! list showed, and those in the mirror that the list no longer shows.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use model::ConversationId;
use model::record::Snapshot;
use store::mirror;

use super::judge::{Failure, Health, judge, judge_gone};
use super::ledger::{clear_failure, note_failure};
use super::messages::KIND;
use super::plan::Plan;
use crate::context::Context;
use crate::convert::{self, Part};
use crate::error::{Doing, EngineError};
use crate::pipeline::{self, Bounds, Step};

/// Conversations handed to the pipeline at once.
const PAGE: usize = 100;

/// Fetch these conversations whole; what Drift no longer has becomes a tombstone.
pub(crate) async fn fetch(ctx: &Context, plan: &Plan, ids: Vec<ConversationId>) -> Result<(), EngineError> {
    if ids.is_empty() {
        return Ok(());
    }
    let step = ById {
        ctx: ctx.clone(),
        plan: plan.clone(),
        health: Health::default(),
        ids: Mutex::new(VecDeque::from(ids)),
    };
    pipeline::run(Arc::new(step), Bounds::of(ctx), &ctx.stop).await
}

struct ById {
    ctx: Context,
    plan: Plan,
    health: Health,
    ids: Mutex<VecDeque<ConversationId>>,
}

impl Step for ById {
    type Item = ConversationId;
    type Fetched = (ConversationId, Result<Snapshot, Failure>);

    async fn more(&self) -> Result<Option<Vec<ConversationId>>, EngineError> {
        let mut ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        let count = ids.len().min(PAGE);
        Ok((count > 0).then(|| ids.drain(..count).collect()))
    }

    async fn fetch(&self, id: ConversationId) -> Result<Self::Fetched, EngineError> {
        const DOING: &str = "read a conversation";
        let fetched_at = self.ctx.clock.now();
        let (part, error) = match convert::whole(&self.ctx.drift, id, fetched_at).await {
            Ok(snapshot) => {
                self.health.reached();
                return Ok((id, Ok(snapshot)));
            }
            Err(failed) => failed,
        };
        if part == Part::Messages {
            self.health.reached();
        }
        match judge(&self.ctx, &self.health, DOING, error)? {
            Failure::Gone if part == Part::Messages => {
                Ok((id, Err(judge_gone(&self.ctx, &self.health, "messages", Ok(()))?)))
            }
            failure => Ok((id, Err(failure))),
        }
    }

    async fn commit(&self, group: Vec<Self::Fetched>) -> Result<(), EngineError> {
        for (id, outcome) in group {
            match self.store(id, &outcome).await {
                Err(error) if error.is_conflict() => self.store(id, &Err(Failure::message_taken())).await?,
                stored => stored?,
            }
        }
        Ok(())
    }
}

impl ById {
    /// Store one conversation, or that it failed. These are few: each has a transaction of its own.
    async fn store(
        &self,
        id: ConversationId,
        outcome: &Result<Snapshot, Failure>,
    ) -> Result<(), EngineError> {
        const DOING: &str = "store conversations";
        let (ctx, now, key) = (&self.ctx, self.ctx.clock.now(), id.to_string());
        let mut tx = ctx.db.begin().await.doing(DOING)?;
        let messages = match outcome {
            Ok(snapshot) => {
                mirror::apply(&mut tx, ctx.org, std::slice::from_ref(snapshot), now).await.doing(DOING)?;
                clear_failure(ctx, &mut tx, KIND, &key).await?;
                snapshot.messages.as_ref().map_or(0, Vec::len)
            }
            Err(failure) => {
                if *failure == Failure::Gone {
                    mirror::mark_gone(&mut tx, ctx.org, &[id], now).await.doing(DOING)?;
                }
                note_failure(ctx, &mut tx, KIND, &key, failure, now).await?;
                0
            }
        };
        self.plan.save_calls(ctx, &mut tx).await?;
        tx.commit().await.doing(DOING)?;
        ctx.progress.add(1, messages as u64, &*ctx.clock);
        Ok(())
    }
}

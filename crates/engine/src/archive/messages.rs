//! A pass over the conversation list: every conversation the mirror lacks, or holds in an older state, is fetched
//! with all its messages.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use drift::endpoint::ListQuery;
use model::record::{Conversation, Snapshot};
use model::{ConversationId, Millis};
use store::mirror::{self, ConversationState, Prepared};
use store::{checkpoints, listings};

use super::judge::{Failure, Health, judge, judge_gone};
use super::ledger::{clear_failure, failed_keys, note_failure};
use super::listing::{Book, Tally};
use super::plan::{self, Plan};
use crate::context::Context;
use crate::convert;
use crate::error::{Doing, EngineError, is_unreached};
use crate::pipeline::{self, Bounds, Step};
use crate::progress::Stage;

/// The kind under which failures of this stage are kept.
pub(crate) const KIND: &str = "conversation";

/// A pass that has ended.
pub(crate) struct Listed {
    pub(crate) tally: Tally,
    /// Whether this process began it: of one that an earlier process began, nothing is known of what changed since.
    pub(crate) is_fresh: bool,
}

/// The first pass of a run: up to the watermark, or to the end.
pub(crate) async fn pass(ctx: &Context, plan: &Plan, total: Option<u64>) -> Result<Listed, EngineError> {
    run(ctx, plan, 1, plan.fixed.since, Stage::Messages, total).await
}

/// Run pass `number` from its checkpoint; a pass that has ended before is not run again.
pub(crate) async fn run(
    ctx: &Context,
    plan: &Plan,
    number: u32,
    since: Option<Millis>,
    stage: Stage,
    total: Option<u64>,
) -> Result<Listed, EngineError> {
    let step = format!("pass:{number}");
    let found = checkpoints::load(&ctx.db, &plan.run_id, &step).await.doing("read the checkpoint")?;
    let tally: Tally = plan::load(&ctx.db, &plan.run_id, &step).await?.unwrap_or_default();
    if found.as_ref().is_some_and(|checkpoint| checkpoint.done) {
        return Ok(Listed { tally, is_fresh: false });
    }
    let is_fresh = found.is_none();
    let token = found.and_then(|checkpoint| checkpoint.token).and_then(|token| token.parse().ok());
    ctx.progress.stage(stage, total, &*ctx.clock);
    let failed_before = failed_keys(ctx, KIND).await?;
    let pass = Arc::new(Pass {
        ctx: ctx.clone(),
        plan: plan.clone(),
        failed_before,
        number,
        step,
        since,
        health: Health::default(),
        book: Mutex::new(Book::at(token, tally)),
    });
    pipeline::run(Arc::clone(&pass), Bounds::of(ctx), &ctx.stop).await?;
    let tally = pass.book().tally.clone();
    Ok(Listed { tally, is_fresh })
}

struct Pass {
    ctx: Context,
    plan: Plan,
    /// Conversations that an earlier attempt failed on: the note is taken back once one is stored.
    failed_before: HashSet<String>,
    number: u32,
    step: String,
    since: Option<Millis>,
    health: Health,
    book: Mutex<Book>,
}

struct Item {
    page: u64,
    conversation: Conversation,
}

struct Fetched {
    page: u64,
    snapshot: Prepared<'static>,
    failure: Option<Failure>,
}

impl Step for Pass {
    type Item = Item;
    type Fetched = Fetched;

    async fn more(&self) -> Result<Option<Vec<Item>>, EngineError> {
        let token = {
            let book = self.book();
            if book.ended {
                return Ok(None);
            }
            book.token.clone()
        };
        let mut pages = self.ctx.drift.list_conversations(&ListQuery::default());
        if let Some(token) = token {
            pages = pages.resume(token);
        }
        let page = match pages.next_page().await {
            Ok(page) => page,
            Err(error) => return self.list_failed(error),
        };
        self.health.reached();
        let (rows, next) = page.map_or((Vec::new(), None), |page| (page.items, page.next));
        let rows: Vec<Conversation> = rows.into_iter().map(convert::conversation_row).collect();
        let ids: Vec<ConversationId> = rows.iter().map(|row| row.conversation_id).collect();
        let states =
            mirror::states(&self.ctx.db, self.ctx.org, &ids).await.doing("compare a page with the mirror")?;
        let mut wanted = Vec::new();
        let mut book = self.book();
        for row in rows {
            let state = states.get(&row.conversation_id);
            book.tally.row(row.updated_at);
            if !self.is_current(state, &row) {
                book.tally.unseen += u64::from(state.is_none());
                book.tally.changed += u64::from(state.is_some());
                wanted.push(row);
            }
        }
        let reached = book.tally.reached(self.since);
        book.tally.to_end |= next.is_none();
        let last = next.is_none() || reached;
        let page = book.open(ids, wanted.len(), next, last);
        Ok(Some(wanted.into_iter().map(|conversation| Item { page, conversation }).collect()))
    }

    async fn fetch(&self, Item { page, conversation }: Item) -> Result<Fetched, EngineError> {
        let fetched_at = self.ctx.clock.now();
        let (messages, failure) = match convert::all_messages(&self.ctx.drift, conversation.conversation_id)
            .await
        {
            Ok(messages) => {
                self.health.reached();
                (Some(messages), None)
            }
            Err(error) => {
                let failure = judge(&self.ctx, &self.health, "read the messages of a conversation", error)?;
                (None, Some(self.confirm(conversation.conversation_id, failure).await?))
            }
        };
        Ok(Fetched {
            page,
            snapshot: Prepared::new(Snapshot { conversation, details: None, messages, fetched_at }),
            failure,
        })
    }

    async fn commit(&self, group: Vec<Fetched>) -> Result<(), EngineError> {
        let (mut snapshots, mut settled) = (Vec::with_capacity(group.len()), Vec::with_capacity(group.len()));
        for Fetched { page, snapshot, failure } in group {
            settled.push(Settled { page, id: snapshot.snapshot().conversation.conversation_id, failure });
            snapshots.push(snapshot);
        }
        match self.store(&snapshots, &settled).await {
            Err(error) if error.is_conflict() => self.store_one_by_one(&snapshots, settled).await,
            outcome => outcome,
        }
    }
}

/// What became of one conversation of a page.
struct Settled {
    page: u64,
    id: ConversationId,
    failure: Option<Failure>,
}

impl Pass {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Store a group, what failed of it, and the checkpoint, in one transaction. Of a conversation whose messages could
    /// not be read the row of the list is kept: it is known to exist, and what it lacks is counted.
    async fn store(&self, snapshots: &[Prepared<'_>], settled: &[Settled]) -> Result<(), EngineError> {
        const DOING: &str = "store conversations";
        let (ctx, now) = (&self.ctx, self.ctx.clock.now());
        let mut tx = ctx.db.begin().await.doing(DOING)?;
        mirror::apply_prepared(&mut tx, ctx.org, snapshots, now).await.doing(DOING)?;
        for Settled { id, failure, .. } in settled {
            let key = id.to_string();
            match failure {
                None if self.failed_before.contains(&key) => clear_failure(ctx, &mut tx, KIND, &key).await?,
                None => {}
                Some(failure) => {
                    if *failure == Failure::Gone {
                        mirror::mark_gone(&mut tx, ctx.org, &[*id], now).await.doing(DOING)?;
                    }
                    note_failure(ctx, &mut tx, KIND, &key, failure, now).await?;
                }
            }
        }
        let messages: usize =
            snapshots.iter().filter_map(|one| one.snapshot().messages.as_ref()).map(Vec::len).sum();
        let (whole, tally) = {
            let mut book = self.book();
            book.tally.messages += messages as u64;
            settled.iter().for_each(|one| book.settle(one.page));
            (book.take_whole(), book.tally.clone())
        };
        if let Some(whole) = whole {
            listings::record(&mut tx, &self.plan.run_id, self.number, &whole.rows)
                .await
                .doing("save the checkpoint")?;
            let token = whole.token.as_ref();
            plan::save(&mut tx, &self.plan.run_id, &self.step, token, whole.done, &tally).await?;
        }
        self.plan.save_calls(ctx, &mut tx).await?;
        tx.commit().await.doing(DOING)?;
        let messages: usize =
            snapshots.iter().filter_map(|one| one.snapshot().messages.as_ref()).map(Vec::len).sum();
        ctx.progress.add(settled.len(), messages as u64, &*ctx.clock);
        Ok(())
    }

    /// Some message id of the group belongs to another conversation, which Drift promises not to happen: the one
    /// that has it is named as failed, the others are stored.
    async fn store_one_by_one(
        &self,
        snapshots: &[Prepared<'_>],
        settled: Vec<Settled>,
    ) -> Result<(), EngineError> {
        for (snapshot, one) in snapshots.iter().zip(settled) {
            match self.store(std::slice::from_ref(snapshot), std::slice::from_ref(&one)).await {
                Err(error) if error.is_conflict() => {
                    let failure = Some(Failure::message_taken());
                    self.store(&[], &[Settled { failure, ..one }]).await?;
                }
                outcome => outcome?,
            }
        }
        Ok(())
    }

    /// A 404 counts only when the conversation itself is not there either.
    async fn confirm(&self, id: ConversationId, failure: Failure) -> Result<Failure, EngineError> {
        if failure != Failure::Gone {
            return Ok(failure);
        }
        judge_gone(&self.ctx, &self.health, "messages", self.ctx.drift.conversation(id).await)
    }

    /// Whether the mirror holds the conversation's messages as of the row. Rows without an update time are current
    /// only once this run has read them.
    fn is_current(&self, state: Option<&ConversationState>, row: &Conversation) -> bool {
        let Some(state) = state.filter(|state| !state.gone) else { return false };
        let Some(held) = state.messages_at else { return false };
        match row.updated_at {
            Some(at) => held.updated_at >= at,
            None => held.fetched_at >= self.plan.fixed.started_at,
        }
    }

    /// The list could not be read: the pass ends here, and says so.
    fn list_failed(&self, error: drift::Error) -> Result<Option<Vec<Item>>, EngineError> {
        const DOING: &str = "list the conversations";
        if is_unreached(&error) {
            return Err(EngineError::Unreachable { doing: DOING, source: error });
        }
        let failure = judge(&self.ctx, &self.health, DOING, error)?;
        let mut book = self.book();
        book.ended = true;
        match failure {
            Failure::Refused(scope) => book.tally.refused = Some(scope),
            Failure::Gone => book.tally.failed = Some("the API has no conversation list (404)".into()),
            Failure::Failed { reason, .. } => book.tally.failed = Some(reason),
        }
        Ok(None)
    }
}

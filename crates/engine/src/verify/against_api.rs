//! Online: everything is listed and every message asked for again. It costs what an archive of messages costs.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use drift::PageToken;
use drift::endpoint::ListQuery;
use model::ConversationId;
use model::record::{Conversation, Message};
use store::mirror;

use super::{Verification, compare};
use crate::archive::{Failure, Health, judge};
use crate::context::Context;
use crate::convert;
use crate::error::{Doing, EngineError};
use crate::pipeline::{self, Bounds, Step};
use crate::progress::Stage;

/// Conversations read from the store at once.
const PAGE: u32 = 2_000;

/// Compare the mirror with the API, message for message.
///
/// # Errors
/// When the store fails, the connection is refused, the API cannot be reached, or the run is asked to stop.
pub async fn against_api(ctx: &Context) -> Result<Verification, EngineError> {
    let live = mirror::live(&ctx.db, ctx.org).await.doing("count what is stored")?;
    ctx.progress.stage(Stage::Verifying, Some(live.conversations), &*ctx.clock);
    let step = Arc::new(Verifying {
        ctx: ctx.clone(),
        health: Health::default(),
        state: Mutex::new(State {
            token: None,
            ended: false,
            seen: HashSet::new(),
            found: Verification::default(),
        }),
    });
    pipeline::run(Arc::clone(&step), Bounds::of(ctx), &ctx.stop).await?;
    let (mut found, seen) = {
        let mut state = step.state();
        (std::mem::take(&mut state.found), std::mem::take(&mut state.seen))
    };
    if found.unread.is_empty() {
        unlisted(&step, &seen, &mut found).await?;
    }
    Ok(found.conclude())
}

struct Verifying {
    ctx: Context,
    health: Health,
    state: Mutex<State>,
}

struct State {
    token: Option<PageToken>,
    ended: bool,
    seen: HashSet<ConversationId>,
    found: Verification,
}

impl Verifying {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn unread(&self, what: &str, failure: &Failure) {
        let why = match failure {
            Failure::Gone => "Drift answered 404".to_owned(),
            Failure::Refused(scope) => format!("the token lacks the scope {scope}"),
            Failure::Failed { reason, .. } => reason.clone(),
        };
        self.state().found.unread.push(format!("{what}: {why}"));
    }
}

impl Step for Verifying {
    type Item = Conversation;
    type Fetched = (Conversation, Result<Vec<Message>, Failure>);

    async fn more(&self) -> Result<Option<Vec<Conversation>>, EngineError> {
        let token = {
            let state = self.state();
            if state.ended {
                return Ok(None);
            }
            state.token.clone()
        };
        let mut pages = self.ctx.drift.list_conversations(&ListQuery::default());
        if let Some(token) = token {
            pages = pages.resume(token);
        }
        match pages.next_page().await {
            Ok(page) => {
                let (rows, next) = page.map_or((Vec::new(), None), |page| (page.items, page.next));
                let mut state = self.state();
                state.ended = next.is_none();
                state.token = next;
                let fresh = rows.into_iter().filter(|row| state.seen.insert(row.id)).collect::<VecDeque<_>>();
                Ok(Some(fresh.into_iter().map(convert::conversation_row).collect()))
            }
            Err(error) => {
                let failure = judge(&self.ctx, &self.health, "list the conversations", error)?;
                self.state().ended = true;
                self.unread("the conversation list", &failure);
                Ok(None)
            }
        }
    }

    async fn fetch(&self, row: Conversation) -> Result<Self::Fetched, EngineError> {
        match convert::all_messages(&self.ctx.drift, row.conversation_id).await {
            Ok(messages) => {
                self.health.reached();
                Ok((row, Ok(messages)))
            }
            Err(error) => {
                Ok((row, Err(judge(&self.ctx, &self.health, "read the messages of a conversation", error)?)))
            }
        }
    }

    async fn commit(&self, group: Vec<Self::Fetched>) -> Result<(), EngineError> {
        let (count, mut messages) = (group.len(), 0);
        for (row, outcome) in group {
            let id = row.conversation_id;
            match outcome {
                Ok(theirs) => {
                    messages += theirs.len() as u64;
                    let differences = self.differences(&row, &theirs).await?;
                    let mut state = self.state();
                    state.found.conversations += 1;
                    state.found.messages += theirs.len() as u64;
                    differences.into_iter().for_each(|what| state.found.differs(id, what));
                }
                Err(Failure::Gone) => {
                    let what =
                        self.held(id).await?.map(|_| "Drift lists it and answers 404 for its messages");
                    let mut state = self.state();
                    what.into_iter().for_each(|what| state.found.differs(id, what));
                }
                Err(failure) => self.unread(&format!("conversation {id}"), &failure),
            }
        }
        let calls = self.ctx.calls.read();
        self.ctx.progress.calls(calls.calls, calls.refused_429, self.ctx.drift.pace().snapshot().per_minute);
        self.ctx.progress.add(count, messages, &*self.ctx.clock);
        Ok(())
    }
}

impl Verifying {
    /// The conversation as the mirror holds it, unless it is gone there.
    async fn held(&self, id: ConversationId) -> Result<Option<Conversation>, EngineError> {
        let stored =
            mirror::conversation(&self.ctx.db, self.ctx.org, id).await.doing("read a conversation")?;
        Ok(stored.filter(|stored| stored.gone_at.is_none()).map(|stored| stored.conversation))
    }

    async fn differences(&self, row: &Conversation, theirs: &[Message]) -> Result<Vec<String>, EngineError> {
        let (db, org, id) = (&self.ctx.db, self.ctx.org, row.conversation_id);
        let stored = mirror::conversation(db, org, id).await.doing("read a conversation")?;
        let Some(held) = stored.filter(|stored| stored.gone_at.is_none()).map(|stored| stored.conversation)
        else {
            return Ok(vec!["the conversation is missing".into()]);
        };
        let mut found = Vec::new();
        if held.status != row.status {
            found.push(format!("its status is {:?} instead of {:?}", held.status, row.status));
        }
        if held.contact_id != row.contact_id || held.inbox_id != row.inbox_id {
            found.push("its contact or inbox differs".into());
        }
        if held.updated_at != row.updated_at || held.created_at != row.created_at {
            found.push("its times differ: it has changed since".into());
        }
        let ours = mirror::messages_of(db, org, id).await.doing("read messages")?;
        found.extend(compare::messages(theirs, &ours));
        Ok(found)
    }
}

/// What the mirror holds as live and the list did not show: asked for by id, and compared like the others.
async fn unlisted(
    step: &Verifying,
    seen: &HashSet<ConversationId>,
    found: &mut Verification,
) -> Result<(), EngineError> {
    let ctx = &step.ctx;
    let mut after = None;
    loop {
        let page = mirror::hashes(&ctx.db, ctx.org, after, PAGE).await.doing("read the hashes")?;
        let Some(last) = page.last() else { return Ok(()) };
        after = Some(last.conversation_id);
        for line in page.iter().filter(|line| !line.gone && !seen.contains(&line.conversation_id)) {
            let id = line.conversation_id;
            match by_id(ctx, id).await {
                Ok((row, theirs)) => {
                    found.conversations += 1;
                    found.messages += theirs.len() as u64;
                    step.differences(&row, &theirs)
                        .await?
                        .into_iter()
                        .for_each(|what| found.differs(id, what));
                }
                Err(error) => match judge(ctx, &step.health, "read a conversation", error)? {
                    Failure::Gone => {
                        found.differs(id, "Drift no longer has the conversation, or not all of it")
                    }
                    _ => found.unread.push(format!("conversation {id} could not be asked for")),
                },
            }
        }
    }
}

async fn by_id(ctx: &Context, id: ConversationId) -> Result<(Conversation, Vec<Message>), drift::Error> {
    let snapshot = convert::whole(&ctx.drift, id, ctx.clock.now()).await.map_err(|(_, error)| error)?;
    Ok((snapshot.conversation, snapshot.messages.unwrap_or_default()))
}

//! What happened to a conversation, in the order of time, and what is still to come and why not yet.
//!
//! Read from what each stage keeps for itself: the inbox, the runs of jobs, the change feed, effects, facts, failures. There is
//! no journal beside them that could disagree. A story is told a page at a time, the newest page first, because what
//! a person asks about has mostly just happened (or just not).
//!
//! Nothing personal is told: a fact is named by its kind, an event by its ids.

mod lines;
mod pending;

use model::{ContactId, ConversationId, EventId, Millis, OrgId};
use serde::Serialize;

pub use lines::{Line, What};
pub use pending::{Pending, Waiting, Why};

use crate::db::Db;
use crate::error::StoreError;
use crate::signals;

/// Lines of one page, at most; those of one instant are kept together and may make it longer.
pub const LINES_MAX: usize = 1_000;

/// Which part of a story.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Only what happened at this instant or later.
    pub since: Option<Millis>,
    /// Only what happened before this instant.
    pub before: Option<Millis>,
    /// How many lines, at most [`LINES_MAX`]: the newest of those.
    pub limit: usize,
}

/// How the mirror holds a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Held {
    /// Messages it holds.
    pub messages: i64,
    /// Drift's own time of its last change.
    pub updated_at: Option<Millis>,
    /// When it was last fetched.
    pub fetched_at: Millis,
    /// Since when Drift has not had it any more.
    pub gone_at: Option<Millis>,
}

/// One page of a story, and what is to come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Story {
    /// The conversation, unless it is about an event of something else.
    pub conversation_id: Option<ConversationId>,
    /// How the mirror holds it; `None` when it never did.
    pub held: Option<Held>,
    /// What happened, the oldest first.
    pub lines: Vec<Line>,
    /// What [`Window::before`] must be for the page before this one; `None` when this is the first.
    pub earlier: Option<Millis>,
    /// What waits, and why.
    pub pending: Vec<Pending>,
}

/// Whose story: a conversation's, and the keys of the jobs that work on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Subject {
    org: OrgId,
    conversation: Option<ConversationId>,
    /// The job that fetches it: its kind and its key.
    job: Option<(&'static str, String)>,
}

impl Subject {
    fn conversation(org: OrgId, id: ConversationId) -> Self {
        Self { org, conversation: Some(id), job: Some(job(signals::Subject::Conversation(id))) }
    }

    fn contact(org: OrgId, id: ContactId) -> Self {
        Self { org, conversation: None, job: Some(job(signals::Subject::Contact(id))) }
    }
}

fn job(subject: signals::Subject) -> (&'static str, String) {
    (subject.kind(), subject.key())
}

const HELD: &str = "
    SELECT message_count, updated_at, fetched_at, gone_at FROM conversations
    WHERE org_id = $1 AND conversation_id = $2";

/// The story of a conversation. One that is not known has neither lines nor anything pending.
///
/// # Errors
/// The database's error.
pub async fn conversation(
    db: &Db,
    org: OrgId,
    id: ConversationId,
    window: Window,
    now: Millis,
) -> Result<Story, StoreError> {
    tell(db, &Subject::conversation(org, id), window, now).await
}

row! {
    struct EventSubjectRow {
        conversation_id: Option<i64>,
        contact_id: Option<i64>,
        received_at: i64,
    }
}

const EVENT_SUBJECT: &str = "
    SELECT conversation_id, contact_id, received_at FROM events WHERE org_id = $1 AND event_id = $2";

/// The story of an event: itself, and what happened to its conversation (or contact) from then on. `None` when the
/// organization has no such event.
///
/// # Errors
/// The database's error.
pub async fn event(
    db: &Db,
    org: OrgId,
    id: &EventId,
    window: Window,
    now: Millis,
) -> Result<Option<Story>, StoreError> {
    let row: Option<EventSubjectRow> = on_db!(db, pool => sqlx::query_as(EVENT_SUBJECT)
        .bind(org.0)
        .bind(&id.0)
        .fetch_optional(pool)
        .await)?;
    let Some(row) = row else { return Ok(None) };
    let subject = match (row.conversation_id, row.contact_id) {
        (Some(conversation), _) => Subject::conversation(org, ConversationId(conversation)),
        (None, Some(contact)) => Subject::contact(org, ContactId(contact)),
        (None, None) => Subject { org, conversation: None, job: None },
    };
    let since = window.since.map_or(row.received_at, |since| since.0.max(row.received_at));
    let window = Window { since: Some(Millis(since)), ..window };
    let mut story = tell(db, &subject, window, now).await?;
    if subject.conversation.is_none() {
        let own = lines::event(db, org, id).await?;
        story.pending.extend(pending::event(db, org, id, now).await?);
        if window.before.is_none_or(|before| row.received_at < before.0) && story.earlier.is_none() {
            story.lines.splice(0..0, own);
        }
    }
    Ok(Some(story))
}

async fn tell(db: &Db, subject: &Subject, window: Window, now: Millis) -> Result<Story, StoreError> {
    let held = match subject.conversation {
        Some(conversation) => held(db, subject.org, conversation).await?,
        None => None,
    };
    let (lines, earlier) = lines::read(db, subject, window).await?;
    let pending = pending::read(db, subject, now).await?;
    Ok(Story { conversation_id: subject.conversation, held, lines, earlier, pending })
}

async fn held(db: &Db, org: OrgId, id: ConversationId) -> Result<Option<Held>, StoreError> {
    let row: Option<(i64, Option<i64>, i64, Option<i64>)> =
        on_db!(db, pool => sqlx::query_as(HELD).bind(org.0).bind(id.0).fetch_optional(pool).await)?;
    Ok(row.map(|(messages, updated_at, fetched_at, gone_at)| Held {
        messages,
        updated_at: updated_at.map(Millis),
        fetched_at: Millis(fetched_at),
        gone_at: gone_at.map(Millis),
    }))
}

pub(crate) fn statements() -> Vec<(&'static str, &'static str)> {
    let own: &[(&str, &str)] = &[("explain::HELD", HELD), ("explain::EVENT_SUBJECT", EVENT_SUBJECT)];
    [own, lines::STATEMENTS, pending::STATEMENTS].concat()
}

//! Once more: a refresh of a conversation, events through the router, dead letters back on the queue.
//!
//! Nothing is done here but to say again what was said before, so a replay may run at any time, twice, or half:
//! signals fold, facts have keys, the mirror takes only what differs, effects keep theirs. It needs no running server; one
//! that runs is woken.

use model::{Clock, ConversationId, Entropy, EventId, JobId, Millis, OrgId};
use serde::Serialize;

use crate::audit::{self, Action, NewEntry, Object, ObjectKind, Who};
use crate::db::Db;
use crate::error::StoreError;
use crate::inbox;
use crate::queue::{self, DeadSelection, JobState, Which};
use crate::signals::{self, Signal, Subject};
use crate::wake::Channel;

/// Events whose mark is taken away in one transaction.
const EVENTS_PER_COMMIT: u32 = 1_000;
/// Things a plan names one by one.
pub const NAMED_MAX: u32 = 20;

/// What is to be done once more, within one organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// Fetch this conversation.
    Conversation(ConversationId),
    /// Route this event.
    Event(EventId),
    /// Route the events that were received in a span of time.
    Events {
        /// From this instant on.
        since: Millis,
        /// Up to this instant, and not at it.
        until: Millis,
        /// Only of this canonical type.
        kind: Option<String>,
    },
    /// Put dead letters back on the queue.
    Failed {
        /// Only of this kind.
        kind: Option<String>,
    },
    /// Put this dead letter back on the queue.
    DeadLetter(JobId),
}

/// What a replay would do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// Conversations that would be fetched.
    pub conversations: i64,
    /// Events that would be routed.
    pub events: i64,
    /// Dead letters that would be tried again.
    pub dead_letters: i64,
    /// The first of them, at most [`NAMED_MAX`].
    pub first: Vec<Named>,
}

/// One thing a plan names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Named {
    /// Its id.
    pub id: String,
    /// An event's type, a job's kind, or `refresh`.
    pub kind: String,
    /// What it is about.
    pub about: Option<String>,
    /// When it was received or first asked for.
    pub at: Option<Millis>,
}

/// What a replay did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Replayed {
    /// Conversations that will be fetched.
    pub conversations: u64,
    /// Events that will be routed.
    pub events: u64,
    /// Dead letters that will be tried again.
    pub dead_letters: u64,
}

/// What a replay would do now. Nothing is written.
///
/// # Errors
/// [`StoreError::NotFound`] for an event or a dead letter that the organization does not have, or the database's error.
pub async fn plan(db: &Db, org: OrgId, selection: &Selection) -> Result<Plan, StoreError> {
    match selection {
        Selection::Conversation(id) => {
            let named =
                Named { id: id.to_string(), kind: "refresh".into(), about: Some(id.to_string()), at: None };
            Ok(Plan { conversations: 1, first: vec![named], ..Plan::default() })
        }
        Selection::Event(_) | Selection::Events { .. } => {
            let events = events(org, selection);
            let count = inbox::count(db, &events).await?;
            if count == 0 && events.event.is_some() {
                return Err(StoreError::NotFound { what: "event" });
            }
            let first = inbox::list(db, &events, None, NAMED_MAX).await?.into_iter().map(|event| Named {
                about: event.conversation_id.map(|id| id.to_string()),
                at: Some(event.received_at),
                id: event.event_id.0,
                kind: event.kind,
            });
            Ok(Plan { events: count, first: first.collect(), ..Plan::default() })
        }
        Selection::Failed { .. } | Selection::DeadLetter(_) => {
            let dead = dead(selection);
            let dead_letters = queue::count(db, org, &dead).await?;
            if dead_letters == 0 && dead.job.is_some() {
                return Err(StoreError::NotFound { what: "dead letter" });
            }
            let first = queue::list(db, org, &dead, NAMED_MAX).await?;
            Ok(Plan { dead_letters, first: first.into_iter().map(Named::from).collect(), ..Plan::default() })
        }
    }
}

/// Do it. A long replay is done in steps that are each committed; one that was cut off is simply run again.
///
/// # Errors
/// [`StoreError::NotFound`] as with [`plan`], or the database's error.
pub async fn run(
    db: &Db,
    org: OrgId,
    selection: &Selection,
    who: &Who,
    (clock, entropy): (&dyn Clock, &dyn Entropy),
) -> Result<Replayed, StoreError> {
    match selection {
        Selection::Conversation(id) => conversation(db, org, *id, who, (clock, entropy)).await,
        Selection::Event(_) | Selection::Events { .. } => {
            let events = events(org, selection);
            let replayed = unroute(db, org, &events, who, clock).await?;
            if replayed == 0 && events.event.is_some() && inbox::count(db, &events).await? == 0 {
                return Err(StoreError::NotFound { what: "event" });
            }
            Ok(Replayed { events: replayed, ..Replayed::default() })
        }
        Selection::Failed { .. } | Selection::DeadLetter(_) => {
            let which = dead(selection);
            let dead_letters = revive(db, org, &which, who, clock).await?;
            if dead_letters == 0 && which.job.is_some() {
                return Err(StoreError::NotFound { what: "dead letter" });
            }
            Ok(Replayed { dead_letters, ..Replayed::default() })
        }
    }
}

async fn conversation(
    db: &Db,
    org: OrgId,
    id: ConversationId,
    who: &Who,
    (clock, entropy): (&dyn Clock, &dyn Entropy),
) -> Result<Replayed, StoreError> {
    let mut tx = db.begin().await?;
    let signal = Signal {
        org,
        subject: Subject::Conversation(id),
        priority: queue::priority::ASKED,
        due_at: clock.now(),
        trace: None,
    };
    signals::signal(&mut tx, &[signal], clock, entropy).await?;
    let object = Object::new(ObjectKind::Conversation, id.to_string());
    audit::append(&mut tx, &NewEntry::done(clock.now(), who, Action::ConversationRefresh, object).org(org))?;
    tx.commit().await?;
    Ok(Replayed { conversations: 1, ..Replayed::default() })
}

async fn unroute(
    db: &Db,
    org: OrgId,
    events: &inbox::Selection,
    who: &Who,
    clock: &dyn Clock,
) -> Result<u64, StoreError> {
    let (mut replayed, mut after) = (0, None);
    let id = events.event.as_ref().map_or("", |event| event.0.as_str());
    loop {
        let mut tx = db.begin().await?;
        let (unmarked, last) = inbox::unroute(&mut tx, events, after.as_ref(), EVENTS_PER_COMMIT).await?;
        if unmarked > 0 {
            tx.ring(Channel::Inbox);
            let object = Object::new(ObjectKind::Event, id);
            let entry = NewEntry::done(clock.now(), who, Action::EventReplay, object).org(org);
            audit::append(&mut tx, &entry.amount(unmarked.cast_signed()))?;
        }
        tx.commit().await?;
        replayed += unmarked;
        if last.is_none() {
            return Ok(replayed);
        }
        after = last;
    }
}

/// As many as there were at the beginning: what dies again meanwhile is not tried without end.
async fn revive(db: &Db, org: OrgId, which: &Which, who: &Who, clock: &dyn Clock) -> Result<u64, StoreError> {
    let there = queue::count(db, org, which).await?.unsigned_abs();
    let selection = match which {
        Which { job: Some(job), .. } => DeadSelection::One(org, job.clone()),
        Which { kind: Some(kind), .. } => DeadSelection::Kind(org, kind.clone()),
        _ => DeadSelection::All(org),
    };
    let mut revived = 0;
    while revived < there {
        let mut tx = db.begin().await?;
        let done = queue::replay_dead(&mut tx, &selection, clock.now()).await?;
        let moved = done.inserted + done.folded;
        if moved == 0 {
            break;
        }
        let entry = NewEntry::done(clock.now(), who, Action::DeadLetterReplay, object(which)).org(org);
        audit::append(&mut tx, &entry.amount(moved.cast_signed()))?;
        tx.commit().await?;
        revived += moved;
    }
    Ok(revived)
}

/// Dead letters in the audit log: one by its id, those of a kind by that.
fn object(which: &Which) -> Object<'_> {
    let id = which.job.as_ref().map(|job| job.0.as_str()).or(which.kind.as_deref());
    Object::new(ObjectKind::Job, id.unwrap_or_default())
}

fn dead(selection: &Selection) -> Which {
    let all = Which::all(JobState::Dead);
    match selection {
        Selection::Failed { kind } => Which { kind: kind.clone(), ..all },
        Selection::DeadLetter(job) => Which { job: Some(job.clone()), ..all },
        _ => all,
    }
}

fn events(org: OrgId, selection: &Selection) -> inbox::Selection {
    let all = inbox::Selection { org: Some(org), ..inbox::Selection::default() };
    match selection {
        Selection::Event(id) => inbox::Selection { event: Some(id.clone()), ..all },
        Selection::Events { since, until, kind } => {
            inbox::Selection { since: Some(*since), until: Some(*until), kind: kind.clone(), ..all }
        }
        _ => all,
    }
}

impl From<queue::ListedJob> for Named {
    fn from(dead: queue::ListedJob) -> Self {
        Self { id: dead.job_id.0, kind: dead.kind, about: Some(dead.key), at: Some(dead.enqueued_at) }
    }
}

//! The inbox: received events, each once, from the commit that acknowledges it until it is pruned.
//!
//! [`commit`] is the way in: it drops what is already there and writes the rest, a batch in a transaction. The
//! router reads what nobody has routed and marks it in the transaction of its jobs; a replay takes the mark away again.
//! What an event says of itself is a hint, so only ids and times are columns; the payload is kept as the setting says.
//!
//! Sketch: a row is about 300 bytes without payload. 25,000 events a second are 8 MiB/s of rows, but a key is a hash,
//! and a page of 8 KiB for each would be 200 MiB/s. So a dated key begins with its event's time ([`commit`]).

mod append;
mod read;
mod route;
mod select;

use model::{
    ConnectionId, ContactId, ConversationId, EventId, MessageId, Millis, OrgId, Pii, PlaybookId, UserId,
};

pub use append::{Appended, BATCH_MAX, commit};
pub use read::{Counts, Unconnected, any_of_kind, counts, get, of_conversation, unconnected};
pub use route::{Outcome, mark_routed, prune, unroute, unrouted};
pub use select::{Selection, count, list};

pub(crate) use append::{POSTGRES, Repeated, SQLITE};

use crate::error::StoreError;

/// An event to append.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvent {
    /// Ours, made of `received_at`.
    pub event_id: EventId,
    /// The organization the event names, connected or not.
    pub org_id: OrgId,
    /// The connection whose path it came on; `None` on the common path.
    pub connection_id: Option<ConnectionId>,
    /// The canonical type.
    pub kind: String,
    /// The type as it was spelled.
    pub spelled: String,
    /// The conversation it is about.
    pub conversation_id: Option<ConversationId>,
    /// The contact it is about.
    pub contact_id: Option<ContactId>,
    /// The user it is about.
    pub user_id: Option<UserId>,
    /// The message it is about.
    pub message_id: Option<MessageId>,
    /// The playbook it is about.
    pub playbook_id: Option<PlaybookId>,
    /// When it happened, if it says so. The same in every delivery of the same event.
    pub occurred_at: Option<Millis>,
    /// When it was received.
    pub received_at: Millis,
    /// What two deliveries of the same event have in common.
    pub key: [u8; 16],
    /// For how long a second delivery is the same event, in milliseconds.
    pub window_ms: i64,
    /// What only the event tells, as JSON.
    pub facts: Option<Pii<String>>,
    /// Its data, as the setting says.
    pub payload: Payload,
    /// The trace it began or belongs to.
    pub trace: Option<String>,
}

/// What is kept of an event's data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Payload {
    /// Nothing: the columns hold its ids and times.
    None,
    /// JSON in which texts, names and addresses are replaced.
    Redacted(String),
    /// The whole body, sealed for this event ([`crate::vault::Vault::seal_event`]).
    Sealed(Vec<u8>),
}

impl Payload {
    fn form(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Redacted(_) => "redacted",
            Self::Sealed(_) => "sealed",
        }
    }

    fn bytes(&self) -> Option<&[u8]> {
        match self {
            Self::None => None,
            Self::Redacted(text) => Some(text.as_bytes()),
            Self::Sealed(bytes) => Some(bytes),
        }
    }

    fn parse_stored(form: &str, bytes: Option<Vec<u8>>) -> Result<Self, StoreError> {
        const WRONG: StoreError = StoreError::Stored { what: "event payload" };
        Ok(match (form, bytes) {
            ("none", _) => Self::None,
            ("redacted", Some(bytes)) => Self::Redacted(String::from_utf8(bytes).map_err(|_| WRONG)?),
            ("sealed", Some(bytes)) => Self::Sealed(bytes),
            _ => return Err(WRONG),
        })
    }
}

/// An event of the inbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Ours; sorts by arrival.
    pub event_id: EventId,
    /// The organization the event names.
    pub org_id: OrgId,
    /// The connection whose path it came on; `None` on the common path.
    pub connection_id: Option<ConnectionId>,
    /// The canonical type.
    pub kind: String,
    /// The type as it was spelled.
    pub spelled: String,
    /// The conversation it is about.
    pub conversation_id: Option<ConversationId>,
    /// The contact it is about.
    pub contact_id: Option<ContactId>,
    /// The user it is about.
    pub user_id: Option<UserId>,
    /// The message it is about.
    pub message_id: Option<MessageId>,
    /// The playbook it is about.
    pub playbook_id: Option<PlaybookId>,
    /// When it happened, if it says so.
    pub occurred_at: Option<Millis>,
    /// When it was received.
    pub received_at: Millis,
    /// What its deliveries have in common; a later event may have it too, where the event holds neither id nor time.
    pub key: Vec<u8>,
    /// What only the event tells, as JSON.
    pub facts: Option<Pii<String>>,
    /// What is kept of its data: `none`, `redacted` or `sealed`; [`get`] has it.
    pub payload_form: String,
    /// The trace it belongs to.
    pub trace: Option<String>,
    /// When it was routed; `None` while it waits.
    pub routed_at: Option<Millis>,
    /// What became of it.
    pub outcome: Option<Outcome>,
}

row! {
    struct EventRow {
        event_id: String,
        org_id: i64,
        connection_id: Option<String>,
        kind: String,
        spelled: String,
        conversation_id: Option<i64>,
        contact_id: Option<i64>,
        user_id: Option<i64>,
        message_id: Option<i64>,
        playbook_id: Option<i64>,
        occurred_at: Option<i64>,
        received_at: i64,
        key: Vec<u8>,
        facts: Option<String>,
        payload_form: String,
        trace: Option<String>,
        routed_at: Option<i64>,
        outcome: Option<String>,
    }
}

/// The columns of an [`EventRow`].
macro_rules! event_columns {
    () => {
        "event_id, org_id, connection_id, kind, spelled, conversation_id, contact_id, user_id, message_id,
         playbook_id, occurred_at, received_at, key, facts, payload_form, trace, routed_at, outcome"
    };
}
use event_columns;

impl TryFrom<EventRow> for Event {
    type Error = StoreError;
    fn try_from(row: EventRow) -> Result<Self, StoreError> {
        Ok(Self {
            event_id: EventId(row.event_id),
            org_id: OrgId(row.org_id),
            connection_id: row.connection_id.map(ConnectionId),
            kind: row.kind,
            spelled: row.spelled,
            conversation_id: row.conversation_id.map(ConversationId),
            contact_id: row.contact_id.map(ContactId),
            user_id: row.user_id.map(UserId),
            message_id: row.message_id.map(MessageId),
            playbook_id: row.playbook_id.map(PlaybookId),
            occurred_at: row.occurred_at.map(Millis),
            received_at: Millis(row.received_at),
            key: row.key,
            facts: row.facts.map(Pii::new),
            payload_form: row.payload_form,
            trace: row.trace,
            routed_at: row.routed_at.map(Millis),
            outcome: row.outcome.as_deref().map(Outcome::parse_stored).transpose()?,
        })
    }
}

/// Rows as events.
fn events(rows: Vec<EventRow>) -> Result<Vec<Event>, StoreError> {
    rows.into_iter().map(Event::try_from).collect()
}

pub(crate) fn statements() -> Vec<(&'static str, &'static str)> {
    [read::STATEMENTS, route::STATEMENTS, select::STATEMENTS].concat()
}

pub(crate) const PAIRS: &[(&str, &crate::mirror::state::Pair)] = route::PAIRS;

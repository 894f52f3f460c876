//! One event, as it was received.

use std::fmt;

use model::{ContactId, ConversationId, MeetingId, MessageId, Millis, OrgId, PlaybookId, Secret, UserId};
use serde_json::value::RawValue;

use super::{EventError, EventFacts, EventKind, Identity};
use crate::wire::Extra;

/// One event. Every id is optional: it is there when the event's `data` told it.
///
/// Drift: "Webhook events", <https://devdocs.drift.com/docs/webhook-events-1>.
#[derive(Clone)]
pub struct Event<'a> {
    /// Whose event it is: the top level's `orgId`, or that of `data` where the top level has none.
    pub org: OrgId,
    /// What happened.
    pub kind: EventKind,
    /// The type as Drift spelt it, which for a deprecated spelling is not `kind.as_str()`.
    pub spelled: String,
    /// The verification token of the body. Not verified here.
    pub token: Option<Secret>,
    /// An id of the event itself. Drift sends none today.
    pub event_id: Option<String>,
    /// The conversation it is about.
    pub conversation: Option<ConversationId>,
    /// The contact it is about, or who did it.
    pub contact: Option<ContactId>,
    /// The Drift user it is about, or who did it.
    pub user: Option<UserId>,
    /// The message it is about.
    pub message: Option<MessageId>,
    /// The playbook it is about.
    pub playbook: Option<PlaybookId>,
    /// The meeting it is about.
    pub meeting: Option<MeetingId>,
    /// When it happened, by Drift's clock.
    pub occurred_at: Option<Millis>,
    /// What only the event tells.
    pub facts: Option<EventFacts>,
    /// The event's own part, byte for byte, where it lies in the body; `{}` where there was none.
    pub data: &'a RawValue,
    /// Top-level fields besides the four that are documented.
    pub extra: Extra,
    pub(super) identity: Identity,
}

impl<'a> Event<'a> {
    /// Read a body. Pure: verifies and looks up nothing, and never panics.
    ///
    /// # Errors
    /// When the body is no JSON object, is nested too deep, names no type or no organization, or its `data` is no object.
    pub fn parse(body: &'a [u8]) -> Result<Self, EventError> {
        super::parse::event(body)
    }

    /// By what a second delivery of the same event is known.
    #[must_use]
    pub const fn identity(&self) -> Identity {
        self.identity
    }
}

/// Ids and times, since the rest may be anybody's.
impl fmt::Debug for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event")
            .field("org", &self.org)
            .field("kind", &self.spelled)
            .field("conversation", &self.conversation)
            .field("contact", &self.contact)
            .field("user", &self.user)
            .field("message", &self.message)
            .field("occurred_at", &self.occurred_at)
            .field("facts", &self.facts)
            .field("data_bytes", &self.data.get().len())
            .finish_non_exhaustive()
    }
}

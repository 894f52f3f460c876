//! Whom and what an event is about, and when: found by the names that Drift's events use.
//!
//! One list of names serves all types, since events agree on them; a type adds what its bare `id` is, and which of its
//! times says when it happened. An id that cannot be read as one is as good as absent: a sweep finds what no event told.

use model::{ContactId, ConversationId, MeetingId, MessageId, Millis, PlaybookId, UserId};

use super::EventKind;
use super::fields::Fields;
use crate::wire::Field;

/// The object that an event's fields stand in.
pub(super) struct Payload<'a> {
    pub(super) fields: Fields<'a>,
    /// The text of the whole of `data`.
    pub(super) text: &'a str,
}

#[derive(Default)]
pub(super) struct Subjects {
    pub(super) conversation: Option<ConversationId>,
    pub(super) contact: Option<ContactId>,
    pub(super) user: Option<UserId>,
    pub(super) message: Option<MessageId>,
    pub(super) playbook: Option<PlaybookId>,
    pub(super) meeting: Option<MeetingId>,
    pub(super) occurred_at: Option<Millis>,
}

/// `data`, or the `data` within it: pushes wrap their event whole, and what is undocumented may do the same.
pub(super) fn payload<'a>(kind: &EventKind, data: Fields<'a>, text: &'a str) -> Payload<'a> {
    let may_wrap = matches!(
        kind,
        EventKind::ConversationPush
            | EventKind::ConversationManualPush
            | EventKind::ChatToCall
            | EventKind::GdprDeleteRequested
            | EventKind::AppDisconnected
            | EventKind::Other(_)
    );
    let has_conversation = |fields: &Fields<'_>| fields.get::<ConversationId>("conversationId").is_some();
    let inner = data.object("data");
    let wrapped = may_wrap && !inner.is_empty() && (has_conversation(&inner) || !has_conversation(&data));
    Payload { fields: if wrapped { inner } else { data }, text }
}

impl Subjects {
    pub(super) fn read(kind: &EventKind, payload: &Payload<'_>) -> Self {
        let fields = &payload.fields;
        let mut subjects = Self {
            conversation: fields.get("conversationId"),
            contact: first(fields, &["contactId", "endUserId"]),
            user: first(fields, &["userId", "agentId"]),
            message: first(fields, &["messageId", "sourceMessageId"]),
            playbook: first(fields, &["playbookId", "relatedPlaybookId"]),
            meeting: None,
            occurred_at: first(fields, times(kind)),
        };
        subjects.read_author(fields);
        match kind {
            EventKind::NewMessage | EventKind::NewCommandMessage | EventKind::ButtonClicked => {
                subjects.message = fields.get("id").or(subjects.message);
            }
            EventKind::NewConversation => {
                subjects.conversation = fields.get("id").or(subjects.conversation);
            }
            EventKind::ContactIdentified | EventKind::UserUnsubscribed => {
                subjects.contact = fields.get("id").or(subjects.contact);
            }
            EventKind::NewMeeting | EventKind::MeetingUpdated => {
                subjects.meeting = first(fields, &["slug", "meetingSlug"]);
                subjects.contact = fields.get("schedulerId").or(subjects.contact);
            }
            _ => {}
        }
        subjects
    }

    /// Messages have an `author` object, phone numbers an `authorId` with an `authorType`.
    fn read_author(&mut self, fields: &Fields<'_>) {
        let author = fields.object("author");
        let id: Option<i64> = author.get("id").or_else(|| fields.get("authorId"));
        let kind: Option<String> = author.get("type").or_else(|| fields.get("authorType"));
        match kind.as_deref() {
            Some(kind) if kind.eq_ignore_ascii_case("contact") => {
                self.contact = self.contact.or(id.map(ContactId))
            }
            Some(kind) if kind.eq_ignore_ascii_case("user") => self.user = self.user.or(id.map(UserId)),
            _ => {}
        }
    }
}

/// The fields that say when an event of this type happened, best first.
const fn times(kind: &EventKind) -> &'static [&'static str] {
    match kind {
        EventKind::NewMessage
        | EventKind::NewCommandMessage
        | EventKind::ButtonClicked
        | EventKind::NewConversation => &["createdAt"],
        EventKind::ConversationInactive => &["lastUpdated"],
        EventKind::ContactUpdated => &["timestamp"],
        EventKind::NewMeeting => &["scheduledAt"],
        EventKind::MeetingUpdated | EventKind::UserAvailabilityUpdated => &["updatedAt"],
        // A contact's own times tell when it was first or last seen.
        EventKind::ContactIdentified | EventKind::UserUnsubscribed => &[],
        _ => &["changedAt", "timestamp", "occurredAt", "updatedAt"],
    }
}

fn first<T: Field>(fields: &Fields<'_>, names: &[&str]) -> Option<T> {
    names.iter().find_map(|name| fields.get(name))
}

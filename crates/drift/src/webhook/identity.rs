//! By what a second delivery of an event is known.
//!
//! Drift gives events no id, so the key is a hash of what makes an event this one and not another: its type, its
//! organization, and the fields of `data` that identify. Fields that Drift may add tomorrow do not take part; where the
//! shape was never documented, all of `data` does. Some events hold neither an id nor a time of their own: a second
//! push of the same conversation looks like the first one delivered again. [`Identity::timed`] tells them apart, so
//! that they are taken for a repetition during a short while alone.

use model::OrgId;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::EventKind;
use super::subjects::{Payload, Subjects};

/// The key of an event. Equal keys within one organization are one event, delivered again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Identity {
    /// The first 16 bytes of a SHA-256.
    pub key: [u8; 16],
    /// Whether the event holds an id or a time of its own, so that the same key a day later is still the same event.
    /// When not, a later event with this key may be a new one.
    pub timed: bool,
}

impl Identity {
    pub(super) fn of(
        kind: &EventKind,
        org: OrgId,
        event_id: Option<&str>,
        payload: &Payload<'_>,
        subjects: &Subjects,
    ) -> Self {
        let mut hash = Sha256::new();
        part(&mut hash, kind.as_str());
        hash.update(org.0.to_be_bytes());
        if let Some(id) = event_id {
            part(&mut hash, "id");
            part(&mut hash, id);
            return Self { key: key(hash), timed: true };
        }
        let mut found = 0;
        for name in identifying(kind) {
            if let Some(value) = payload.fields.value(name) {
                part(&mut hash, name);
                part(&mut hash, &canonical(value));
                found += 1;
            }
        }
        if found == 0 {
            part(&mut hash, "data");
            part(&mut hash, &whole(payload.text));
        }
        let own_id = match kind {
            EventKind::NewMessage | EventKind::NewCommandMessage => subjects.message.is_some(),
            EventKind::NewConversation => subjects.conversation.is_some(),
            EventKind::NewMeeting => subjects.meeting.is_some(),
            _ => false,
        };
        Self { key: key(hash), timed: own_id || subjects.occurred_at.is_some() }
    }
}

/// The fields that make an event of this type this one; none where the shape is not documented.
const fn identifying(kind: &EventKind) -> &'static [&'static str] {
    match kind {
        EventKind::NewMessage | EventKind::NewCommandMessage => &["id", "conversationId", "createdAt"],
        EventKind::ButtonClicked => {
            &["id", "conversationId", "createdAt", "body", "author", "sourceMessageId", "button"]
        }
        EventKind::NewConversation => &["id", "contactId", "createdAt"],
        EventKind::ContactIdentified | EventKind::UserUnsubscribed => &["id", "attributes"],
        EventKind::ConversationInactive => &["conversationId", "lastUpdated"],
        EventKind::ParticipantAdded => &["conversationId", "addedParticipants", "changedAt"],
        EventKind::ParticipantRemoved => &["conversationId", "removedParticipants", "changedAt"],
        EventKind::StatusUpdated => &["conversationId", "status", "changedAt"],
        EventKind::PhoneCaptured => &["conversationId", "authorId", "phoneNumber"],
        EventKind::ContactUpdated => &["endUserId", "timestamp", "diff"],
        EventKind::NewMeeting => {
            &["conversationId", "slug", "eventId", "slotStart", "slotEnd", "scheduledAt"]
        }
        EventKind::MeetingUpdated => &[
            "conversationId",
            "slug",
            "eventId",
            "slotStart",
            "slotEnd",
            "scheduledAt",
            "eventType",
            "status",
            "updatedAt",
        ],
        EventKind::PlaybookGoalMet => &["conversationId", "playbookId", "contactId", "goalId"],
        EventKind::UserAvailabilityUpdated => &["userId", "updatedAt", "availability"],
        _ => &[],
    }
}

/// A part of the hashed text, with its length before it so that no two lists of parts run together alike.
fn part(hash: &mut Sha256, text: &str) {
    hash.update((text.len() as u64).to_be_bytes());
    hash.update(text.as_bytes());
}

fn key(hash: Sha256) -> [u8; 16] {
    let digest: [u8; 32] = hash.finalize().into();
    let mut key = [0; 16];
    key.copy_from_slice(&digest[..16]);
    key
}

/// One text for all spellings: names in order, and a number in quotes like the number.
fn canonical(mut value: Value) -> String {
    value.sort_all_objects();
    match &value {
        Value::String(text) => match text.parse::<i64>() {
            Ok(number) => number.to_string(),
            Err(_) => value.to_string(),
        },
        _ => value.to_string(),
    }
}

fn whole(text: &str) -> String {
    serde_json::from_str(text).map_or_else(|_| text.to_owned(), canonical)
}

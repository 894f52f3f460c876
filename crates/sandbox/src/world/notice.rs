//! What Drift tells of a change, in the shapes of its webhooks' `data`.
//!
//! A notice is made under the lock of the change that it tells of, from the state that the API answers with from then
//! on: ids, times and texts are the same. Some changes are told by nothing, as in Drift: tags, and everything that is
//! done behind the reader's back ([`Change::RewriteMessage`], [`Change::EraseMessage`], [`Change::Vanish`]). A
//! comparison alone can find those.

use std::sync::Arc;

use model::Millis;
use serde_json::{Map, Value, json};

use super::base::Status;
use super::change::{Change, Changed};
use super::overlay::{Added, Booked};
use super::view::View;
use super::{ids, json, message};

/// Attributes that change with every visit, and are not told.
const SILENT: [&str; 2] = ["_END_USER_VERSION", "last_active"];

/// One thing that Drift would post.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// The event's type.
    pub kind: &'static str,
    /// When it happened, as the API tells it.
    pub at: Millis,
    /// The event's `data`, as JSON.
    pub data: Vec<u8>,
}

/// Who is told. Called while the world is locked: it must neither wait nor ask the world anything.
pub type Listener = Arc<dyn Fn(Notice) + Send + Sync>;

/// What a conversation was before a change.
pub(super) struct Before {
    status: Option<Status>,
    participants: Vec<i64>,
}

impl Before {
    pub(super) fn of(view: View<'_>, conversation: Option<i64>) -> Self {
        let index = conversation.and_then(|id| view.index_of(id));
        Self {
            status: index.map(|index| view.row(index).status),
            participants: index.map(|index| view.participants(index)).unwrap_or_default(),
        }
    }
}

/// Tell of a change that has just been made.
pub(super) fn of_change(
    view: View<'_>,
    change: &Change,
    changed: Changed,
    before: &Before,
    tell: &dyn Fn(Notice),
) {
    let Some(index) = view.index_of(changed.conversation) else { return };
    match change {
        Change::NewConversation { contact, .. } => {
            let contact_id = view.row(index).contact_id;
            if contact.is_none()
                && view.contact_parts(contact_id).is_some_and(|(_, all)| all.contains_key("email"))
            {
                let at = Millis(view.row(index).created_at);
                let data = view.contact(contact_id).unwrap_or_default();
                tell(Notice { kind: "contact_identified", at, data });
            }
            new_conversation(view, index, tell);
        }
        Change::RewriteMessage { .. } | Change::EraseMessage { .. } => return,
        _ => {}
    }
    if let Some(id) = changed.message {
        of_message(view, index, id, tell);
    }
    of_state(view, index, before, tell);
    match change {
        Change::Meeting { .. } => meeting(view, index, None, tell),
        Change::MoveMeeting { .. } => meeting(view, index, Some("rescheduled"), tell),
        Change::CancelMeeting { .. } => meeting(view, index, Some("canceled"), tell),
        _ => {}
    }
}

/// Tell of a message that was added, and of nothing else.
pub(super) fn of_message(view: View<'_>, index: u64, id: i64, tell: &dyn Fn(Notice)) {
    let Some(entry) = view.entry(index) else { return };
    let Some(added) = entry.added.iter().rfind(|added| added.id == id) else { return };
    let mut data = Vec::new();
    message::write(&mut data, &added.message(entry.row.id), view.base.seed);
    let at = Millis(added.created_at);
    if is_command(added) {
        tell(Notice { kind: "new_command_message", at, data: data.clone() });
    }
    tell(Notice { kind: "new_message", at, data });
}

/// Tell of who came and went, and of a status that is another.
pub(super) fn of_state(view: View<'_>, index: u64, before: &Before, tell: &dyn Fn(Notice)) {
    let (row, participants) = (view.row(index), view.participants(index));
    let (conversation, at) = (row.id, row.updated_at);
    let missing = |from: &[i64], of: &[i64]| -> Vec<i64> {
        of.iter().filter(|id| !from.contains(id)).copied().collect()
    };
    let told = |kind, data: Value| tell(Notice { kind, at: Millis(at), data: json::bytes(&data) });
    let (came, went) =
        (missing(&before.participants, &participants), missing(&participants, &before.participants));
    if !came.is_empty() {
        let data = json!({"conversationId": conversation, "addedParticipants": came, "changedAt": at});
        told("conversation_participant_added", data);
    }
    if !went.is_empty() {
        let data = json!({"conversationId": conversation, "removedParticipants": went, "changedAt": at});
        told("conversation_participant_removed", data);
    }
    if before.status.is_some_and(|status| status != row.status) {
        let status = row.status.name();
        let data =
            json!({"orgId": ids::ORG_ID, "conversationId": conversation, "status": status, "changedAt": at});
        told("conversation_status_updated", data);
        if row.status == Status::Closed {
            told("conversation_manual_push", json!({"conversationId": conversation}));
            told("conversation_push", json!({"data": {"conversationId": conversation}}));
        }
    }
}

/// Tell which attributes of a contact are others than before; nothing if none is.
pub(super) fn of_contact(
    id: i64,
    before: &Map<String, Value>,
    after: &Map<String, Value>,
    at: Millis,
    tell: &dyn Fn(Notice),
) {
    let mut diff = Vec::new();
    differences("attributes", before, after, &mut diff);
    if !diff.is_empty() {
        let data = json!({"endUserId": id, "timestamp": at, "orgId": ids::ORG_ID, "diff": diff});
        tell(Notice { kind: "contact_updated", at, data: json::bytes(&data) });
    }
}

/// `attributes.<key>` for what is plain, `<key>.<inner>` for what is a map, as Drift's page names them.
fn differences(within: &str, before: &Map<String, Value>, after: &Map<String, Value>, diff: &mut Vec<Value>) {
    for (name, updated) in after.iter().filter(|(name, _)| !SILENT.contains(&name.as_str())) {
        let previous = before.get(name).unwrap_or(&Value::Null);
        match (previous, updated) {
            (Value::Object(previous), Value::Object(updated)) => differences(name, previous, updated, diff),
            _ if previous != updated => {
                let path = format!("{within}.{name}");
                diff.push(json!({"name": path, "previous": previous, "updated": updated}));
            }
            _ => {}
        }
    }
}

fn new_conversation(view: View<'_>, index: u64, tell: &dyn Fn(Notice)) {
    let mut conversation: Value =
        serde_json::from_slice(&view.conversation(index)).expect("conversations are written as JSON");
    conversation["orgId"] = ids::ORG_ID.into();
    let at = Millis(view.row(index).created_at);
    tell(Notice { kind: "new_conversation", at, data: json::bytes(&conversation) });
}

/// The keys that were seen in a client; a meeting that was moved or called off has one more.
fn meeting(view: View<'_>, index: u64, event_type: Option<&str>, tell: &dyn Fn(Notice)) {
    let Some(booked) = view.overlay.booked.iter().rfind(|booked| booked.index == index) else { return };
    let mut meeting: Value =
        serde_json::from_slice(&view.meeting(booked)).expect("meetings are written as JSON");
    let names = [
        "conversationId",
        "agentId",
        "orgId",
        "schedulerId",
        "eventId",
        "slug",
        "slotStart",
        "slotEnd",
        "scheduledAt",
    ];
    let mut data: Map<String, Value> =
        names.into_iter().map(|name| (name.to_owned(), meeting[name].take())).collect();
    if let Some(word) = event_type {
        data.insert("eventType".to_owned(), word.into());
    }
    let Booked { scheduled_at, updated_at, .. } = *booked;
    let (kind, at) =
        if event_type.is_some() { ("meeting_updated", updated_at) } else { ("new_meeting", scheduled_at) };
    tell(Notice { kind, at: Millis(at), data: json::bytes(&Value::Object(data)) });
}

fn is_command(added: &Added) -> bool {
    let body = added.body.as_deref().unwrap_or_default();
    let text = body.strip_prefix(b"<p>").unwrap_or(body);
    text.starts_with(b"/") || text.starts_with(b"&#x2F;")
}

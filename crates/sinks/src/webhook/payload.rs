//! What a webhook says: a pure function of the change it tells of.
//!
//! So a retry, a replay and a rewound reader send the same id with the same bytes, and a receiver that remembers ids
//! takes each change once. It says which conversation changed and how, with ids and no personal data: who wants more
//! reads the mirror.

use jiff::Timestamp;
use model::{Millis, OrgId};
use serde::Serialize;
use serde_json::value::RawValue;
use store::changes::{Change, ChangeKind};

#[derive(Serialize)]
struct Payload<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    timestamp: String,
    data: Data<'a>,
}

#[derive(Serialize)]
struct Data<'a> {
    org_id: i64,
    seq: i64,
    kind: &'a str,
    conversation_id: Option<i64>,
    message_id: Option<i64>,
    detail: &'a RawValue,
}

/// The message's id: stable for a change, unique over all organizations.
#[must_use]
pub fn message_id(change: &Change) -> String {
    format!("msg_{}_{}", change.org, change.seq)
}

/// The body.
#[must_use]
pub fn body(change: &Change) -> Vec<u8> {
    let none = RawValue::from_string("{}".to_owned()).expect("an empty object is JSON");
    // What the store wrote is JSON; a row changed by hand must not stop the rest.
    let detail: Option<&RawValue> = serde_json::from_str(&change.detail).ok();
    let payload = Payload {
        kind: event_type(change.kind),
        timestamp: timestamp(change.at.0),
        data: Data {
            org_id: change.org.0,
            seq: change.seq,
            kind: change.kind.as_str(),
            conversation_id: change.conversation_id.map(|id| id.0),
            message_id: change.message_id.map(|id| id.0),
            detail: detail.unwrap_or(&none),
        },
    };
    serde_json::to_vec(&payload).expect("a payload of numbers and texts is JSON")
}

/// The body of a trial that tells of no change.
#[must_use]
pub fn ping(org: OrgId, at: Millis) -> Vec<u8> {
    let at = timestamp(at.0);
    format!(r#"{{"type":"test.ping","timestamp":"{at}","data":{{"org_id":{org}}}}}"#).into_bytes()
}

/// The type under which receivers know a kind of change.
#[must_use]
pub const fn event_type(kind: ChangeKind) -> &'static str {
    match kind {
        ChangeKind::ConversationCreated => "conversation.created",
        ChangeKind::MessagesLoaded => "conversation.messages_loaded",
        ChangeKind::DetailsLoaded => "conversation.details_loaded",
        ChangeKind::ConversationChanged => "conversation.changed",
        ChangeKind::StatusChanged => "conversation.status_changed",
        ChangeKind::ParticipantsChanged => "conversation.participants_changed",
        ChangeKind::TagsChanged => "conversation.tags_changed",
        ChangeKind::MessageAdded => "conversation.message_added",
        ChangeKind::MessageChanged => "conversation.message_changed",
        ChangeKind::MessageRemoved => "conversation.message_removed",
        ChangeKind::ConversationGone => "conversation.gone",
        ChangeKind::ConversationRevived => "conversation.revived",
        ChangeKind::ContactCreated => "contact.created",
        ChangeKind::ContactChanged => "contact.changed",
    }
}

/// `2026-11-22T10:00:00.000Z`.
fn timestamp(ms: i64) -> String {
    let at = Timestamp::from_millisecond(ms).unwrap_or(Timestamp::UNIX_EPOCH);
    at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{ConversationId, MessageId};

    #[test]
    fn a_change_is_told_in_the_same_bytes_each_time() {
        let change = Change {
            seq: 17,
            org: OrgId(4242),
            conversation_id: Some(ConversationId(9)),
            kind: ChangeKind::MessageAdded,
            message_id: Some(MessageId(90)),
            detail: r#"{"b":1, "a":2}"#.to_owned(),
            at: Millis(1_790_000_000_123),
            trace: Some("00-1-2-01".to_owned()),
        };
        assert_eq!(message_id(&change), "msg_4242_17");
        let told = String::from_utf8(body(&change)).unwrap();
        assert_eq!(
            told,
            concat!(
                r#"{"type":"conversation.message_added","timestamp":"2026-09-21T14:13:20.123Z","#,
                r#""data":{"org_id":4242,"seq":17,"kind":"message_added","conversation_id":9,"message_id":90,"#,
                r#""detail":{"b":1, "a":2}}}"#
            )
        );
        let without_trace = Change { trace: None, ..change.clone() };
        assert_eq!(body(&change), body(&without_trace));
        let spoilt = Change { detail: "{".to_owned(), ..change };
        assert!(String::from_utf8(body(&spoilt)).unwrap().ends_with(r#""detail":{}}}"#));
    }

    #[test]
    fn each_kind_has_a_type_of_its_own() {
        let mut types: Vec<&str> = ChangeKind::ALL.into_iter().map(event_type).collect();
        types.sort_unstable();
        types.dedup();
        assert_eq!(types.len(), ChangeKind::ALL.len());
    }
}

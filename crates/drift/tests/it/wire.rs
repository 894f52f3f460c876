//! What is read can be written back, and nothing is lost on the way.

use drift::wire::{Account, Contact, Conversation, ConversationRow, Meeting, Message, Playbook, Team, User};
use proptest::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

/// Any JSON of a few levels; fractions are such as binary numbers hold exactly.
pub(crate) fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<i16>().prop_map(|number| Value::from(f64::from(number) / 4.0 + 0.125)),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec(("[a-z]{1,6}", inner), 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

fn unknown_fields() -> impl Strategy<Value = Map<String, Value>> {
    prop::collection::vec(("x_[a-z]{1,8}", any_json()), 0..4).prop_map(|fields| fields.into_iter().collect())
}

fn text() -> BoxedStrategy<Value> {
    any::<String>().prop_map(Value::from).boxed()
}

fn number() -> BoxedStrategy<Value> {
    any::<i64>().prop_map(Value::from).boxed()
}

fn truth() -> BoxedStrategy<Value> {
    any::<bool>().prop_map(Value::from).boxed()
}

fn numbers() -> BoxedStrategy<Value> {
    prop::collection::vec(any::<i64>(), 1..5).prop_map(Value::from).boxed()
}

fn object() -> BoxedStrategy<Value> {
    prop::collection::vec(("[a-z]{1,8}", any_json()), 0..4)
        .prop_map(|fields| Value::Object(fields.into_iter().collect()))
        .boxed()
}

/// An object with the required fields, any of the optional ones, and some that nobody knows.
fn shape(
    required: Vec<(&'static str, BoxedStrategy<Value>)>,
    optional: Vec<(&'static str, BoxedStrategy<Value>)>,
) -> BoxedStrategy<Value> {
    let required: Vec<_> =
        required.into_iter().map(|(key, value)| (Just(key), value.prop_map(Some))).collect();
    let required: Vec<_> = required.into_iter().map(Strategy::boxed).collect();
    let optional = optional.into_iter().map(|(key, value)| (Just(key), prop::option::of(value)).boxed());
    let fields: Vec<_> = required.into_iter().chain(optional).collect();
    (fields, unknown_fields())
        .prop_map(|(fields, mut object)| {
            object.extend(fields.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))));
            Value::Object(object)
        })
        .boxed()
}

fn message() -> BoxedStrategy<Value> {
    let author = shape(vec![], vec![("type", text()), ("id", number()), ("bot", truth())]);
    let attachment =
        shape(vec![("id", number())], vec![("fileName", text()), ("mimeType", text()), ("url", text())]);
    let buttons = prop::collection::vec(object(), 0..3).prop_map(Value::from).boxed();
    shape(
        vec![("id", number())],
        vec![
            ("orgId", number()),
            ("conversationId", number()),
            ("body", text()),
            ("author", author),
            ("type", text()),
            ("createdAt", number()),
            ("buttons", buttons),
            ("context", object()),
            ("attributes", object()),
            ("attachments", prop::collection::vec(attachment, 1..3).prop_map(Value::from).boxed()),
            ("editedMessageId", number()),
            ("editType", text()),
        ],
    )
}

fn row() -> BoxedStrategy<Value> {
    let optional = vec![
        ("status", text()),
        ("contactId", number()),
        ("inboxId", number()),
        ("createdAt", number()),
        ("updatedAt", number()),
    ];
    shape(vec![("id", number())], optional)
}

fn user() -> BoxedStrategy<Value> {
    let optional = vec![
        ("orgId", number()),
        ("name", text()),
        ("email", text()),
        ("availability", text()),
        ("role", text()),
        ("verified", truth()),
        ("bot", truth()),
        ("updatedAt", number()),
    ];
    shape(vec![("id", number())], optional)
}

fn conversation() -> BoxedStrategy<Value> {
    let tag = shape(vec![], vec![("name", text()), ("color", text())]);
    let optional = vec![
        ("participants", numbers()),
        ("status", text()),
        ("contactId", number()),
        ("relatedPlaybookId", number()),
        ("conversationTags", prop::collection::vec(tag, 1..3).prop_map(Value::from).boxed()),
    ];
    shape(vec![("id", number())], optional)
}

fn contact() -> BoxedStrategy<Value> {
    shape(vec![("id", number())], vec![("createdAt", number()), ("attributes", object())])
}

/// decode(encode(x)) is x, and what was read is written, field for field.
fn survives<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(value: &Value) {
    let read: T = serde_json::from_str(&value.to_string()).unwrap();
    let written = serde_json::to_string(&read).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&written).unwrap(), *value);
    assert_eq!(serde_json::from_str::<T>(&written).unwrap(), read);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn messages_survive(value in message()) {
        survives::<Message>(&value);
    }

    #[test]
    fn rows_survive(value in row()) {
        survives::<ConversationRow>(&value);
    }

    #[test]
    fn conversations_survive(value in conversation()) {
        survives::<Conversation>(&value);
    }

    #[test]
    fn users_survive(value in user()) {
        survives::<User>(&value);
    }

    #[test]
    fn contacts_survive(value in contact()) {
        survives::<Contact>(&value);
    }
}

#[test]
fn the_other_shapes_survive_with_all_their_fields() {
    survives::<Meeting>(&json!({
        "slug": "m-1", "agentId": 3, "orgId": 4242, "status": "ACTIVE", "meetingSource": "EMAIL_DROP",
        "schedulerId": 17_035_500_001_i64, "eventId": "cal-1", "slotStart": 1, "slotEnd": 2, "updatedAt": 3,
        "scheduledAt": 4, "meetingType": "New Meeting", "conversationId": 5, "endUserTimeZone": "Europe/Paris",
        "meetingNotes": "bring cake", "bookedBy": 3, "conferenceType": "ZOOM", "conferenceDetails": {"url": "x"},
        "isRecurring": false, "tomorrow": [1, {"a": null}]
    }));
    survives::<Team>(&json!({
        "id": 1, "orgId": 4242, "workspaceId": "w", "name": "Sales", "updatedAt": 1, "members": [1, 2], "owner": 1,
        "status": "ENABLED", "main": true, "autoOffline": false, "teamAvailabilityMode": "CUSTOM_HOURS",
        "responseTimerEnabled": false, "teamCsatEnabled": true, "tomorrow": 1
    }));
    survives::<Account>(&json!({
        "accountId": "4242_example.test", "ownerId": 3, "name": "Example", "domain": "example.test",
        "customProperties": [{"label": "Tier", "name": "tier", "value": 1, "type": "NUMBER", "tomorrow": 1}],
        "deleted": false, "targeted": true, "createDateTime": 1, "updateDateTime": 2, "tomorrow": "x"
    }));
    survives::<Playbook>(&json!({
        "id": 1, "name": "Greet", "orgId": 4242, "meta": {"a": 1}, "createdAt": 1, "updatedAt": 2,
        "createdAuthorId": 3, "updatedAuthorId": 4, "interactionId": 5, "reportType": "BOOK_MORE_MEETINGS",
        "goals": [{"id": "g", "message": "Booked"}], "tomorrow": null
    }));
}

#[test]
fn null_and_absent_are_the_same_everywhere() {
    let keys = [
        "orgId",
        "conversationId",
        "body",
        "author",
        "type",
        "createdAt",
        "buttons",
        "context",
        "attributes",
        "attachments",
        "editedMessageId",
        "editType",
    ];
    let nulls: Map<String, Value> = keys.iter().map(|key| ((*key).to_owned(), Value::Null)).collect();
    let mut value = Value::Object(nulls);
    value["id"] = 1.into();
    let read: Message = serde_json::from_value(value).unwrap();
    assert_eq!(serde_json::to_string(&read).unwrap(), r#"{"id":1}"#);
}

#[test]
fn debug_shows_nothing_of_anybody() {
    let canary = "canary";
    let message: Message = serde_json::from_value(json!({
        "id": 1, "body": canary, "context": {"ip": canary}, "attributes": {"a": canary}, "new": canary,
        "attachments": [{"id": 2, "fileName": canary, "url": canary}]
    }))
    .unwrap();
    let contact: Contact =
        serde_json::from_value(json!({"id": 1, "attributes": {"email": canary, "plan": canary}})).unwrap();
    let user: User =
        serde_json::from_value(json!({"id": 1, "name": canary, "email": canary, "phone": canary})).unwrap();
    let shown = format!("{message:?} {contact:?} {:?} {user:?}", contact.known());
    assert!(!shown.contains(canary), "{shown}");
}

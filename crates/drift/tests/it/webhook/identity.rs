//! By what a second delivery is known, and a new event told from it.

use drift::webhook::{EXAMPLES, Event, Example, Identity};
use model::OrgId;
use serde_json::{Value, json};

fn identity(kind: &str, data: Value) -> Identity {
    super::event(kind, data).identity()
}

#[test]
fn which_events_hold_an_id_or_a_time_of_their_own() {
    let untimed: Vec<_> = EXAMPLES
        .iter()
        .filter(|example| {
            let body = example.body(OrgId(1), "vt");
            !Event::parse(body.as_bytes()).unwrap().identity().timed
        })
        .map(|example| example.kind)
        .collect();
    assert_eq!(
        untimed,
        [
            "contact_identified",
            "conversation_push",
            "conversation_manual_push",
            "phone_captured",
            "meeting_updated",
            "playbook_goal_met",
            "user_unsubscribed",
            "chat_to_call",
            "gdpr_delete_requested",
            "app_disconnected",
            "button_action",
            "user_unsubscribe",
        ]
    );
}

#[test]
fn an_event_differs_from_its_like_by_any_field_that_identifies() {
    for (kind, one, other) in [
        ("new_message", json!({"id": 1, "conversationId": 5}), json!({"id": 2, "conversationId": 5})),
        (
            "conversation_inactive",
            json!({"conversationId": 5, "lastUpdated": 1}),
            json!({"conversationId": 5, "lastUpdated": 2}),
        ),
        (
            "phone_captured",
            json!({"conversationId": 5, "phoneNumber": "+1"}),
            json!({"conversationId": 5, "phoneNumber": "+2"}),
        ),
        ("conversation_push", json!({"data": {"conversationId": 5}}), json!({"data": {"conversationId": 6}})),
        ("contact_updated", json!({"endUserId": 5, "diff": [1]}), json!({"endUserId": 5, "diff": [2]})),
        ("meeting_updated", json!({"slug": "a", "slotStart": 1}), json!({"slug": "a", "slotStart": 2})),
        ("invented", json!({"anything": 1}), json!({"anything": 2})),
        ("new_message", json!({"anything": 1}), json!({"anything": 2})),
    ] {
        assert_ne!(identity(kind, one).key, identity(kind, other).key, "{kind}");
    }
}

#[test]
fn type_and_organization_identify_too() {
    let of = |kind: &str, org: i64| {
        Event::parse(
            json!({"type": kind, "orgId": org, "data": {"conversationId": 5}}).to_string().as_bytes(),
        )
        .unwrap()
        .identity()
        .key
    };
    assert_ne!(of("conversation_push", 1), of("conversation_push", 2));
    assert_ne!(of("conversation_push", 1), of("conversation_manual_push", 1));
    assert_eq!(of("conversation_status_updated", 1), of("conversation_status_change", 1));
}

#[test]
fn an_id_of_the_event_alone_decides_if_one_ever_comes() {
    let of = |body: Value| Event::parse(body.to_string().as_bytes()).unwrap().identity();
    let first =
        of(json!({"type": "conversation_push", "orgId": 1, "id": "ev-1", "data": {"conversationId": 5}}));
    let again = of(json!({"type": "conversation_push", "orgId": 1, "eventId": "ev-1", "data": {"other": 1}}));
    let second =
        of(json!({"type": "conversation_push", "orgId": 1, "id": "ev-2", "data": {"conversationId": 5}}));
    assert!(first.timed && first == again && first != second);
}

#[test]
fn spelling_and_order_do_not_matter_and_nor_does_the_token() {
    let one =
        r#"{"type":"new_message","token":"a","orgId":"7","data":{"id":"90030001234","conversationId":5}}"#;
    let other = r#"{"data":{"conversationId":5,"body":"x","id":90030001234},"orgId":7,"token":"b","type":"new_message"}"#;
    let of = |body: &str| Event::parse(body.as_bytes()).unwrap().identity();
    assert_eq!(of(one), of(other));
}

#[test]
fn the_keys_of_the_examples_stay_what_they_are() {
    // A key that changed would let every event in the window through a second time after an upgrade.
    let body = Example::of("new_message").unwrap().body(OrgId(4242), "vt");
    let key = Event::parse(body.as_bytes()).unwrap().identity().key;
    let hex: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    insta::assert_snapshot!(hex, @"bb69c13a1f287450f39897b0ca9420dc");
}

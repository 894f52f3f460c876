//! The four keys around an event, and bodies that are no event.

use drift::webhook::{BODY_BYTES_MAX, DEPTH_MAX, Event, EventError, EventKind};
use model::{ConversationId, OrgId};
use serde_json::json;

fn parse(body: &str) -> Result<Event<'_>, EventError> {
    Event::parse(body.as_bytes())
}

#[test]
fn a_body_that_is_no_event_says_why_and_repeats_nothing() {
    for (body, text) in [
        ("", "the body is empty"),
        (" \n", "the body is empty"),
        ("{\"type\":\"new_message\",\"canary\" 1}", "malformed JSON at byte 31"),
        ("{\"type\":\"x\",\n \"data\":{canary}}", "malformed JSON at byte 22"),
        ("{\"orgId\":1,\"type\":\"x\"} canary", "malformed JSON at byte 23"),
        ("{\"type\":\"new_message\",\"data\":{\"a\":\"cana", "the JSON ends early, after 39 bytes"),
        ("[{\"type\":\"canary\"}]", "the body is not an object"),
        ("\"canary\"", "the body is not an object"),
        ("{\"orgId\":4242,\"data\":{}}", "no type"),
        ("{\"type\":null,\"orgId\":4242}", "no type"),
        ("{\"type\":7,\"orgId\":4242}", "type is not a text of 1 to 128 bytes"),
        ("{\"type\":\"\",\"orgId\":4242}", "type is not a text of 1 to 128 bytes"),
        ("{\"type\":\"can\\nary\",\"orgId\":4242}", "type is not a text of 1 to 128 bytes"),
        ("{\"type\":\"new_message\",\"data\":{\"canary\":1}}", "no orgId"),
        ("{\"type\":\"new_message\",\"orgId\":\"canary\"}", "orgId is not a whole number above 0"),
        ("{\"type\":\"new_message\",\"orgId\":0}", "orgId is not a whole number above 0"),
        ("{\"type\":\"x\",\"orgId\":1,\"data\":[\"canary\"]}", "data is not an object"),
        ("{\"type\":\"x\",\"orgId\":1,\"data\":\"canary\"}", "data is not an object"),
    ] {
        assert_eq!(parse(body).unwrap_err().to_string(), text, "{body}");
    }
    assert_eq!(Event::parse(b"{\"a\":\"\xff\"}").unwrap_err(), EventError::NotUtf8 { at: 6 });
}

#[test]
fn length_and_depth_are_bounded() {
    let nested = |levels: usize| {
        let (open, close) = ("[".repeat(levels - 2), "]".repeat(levels - 2));
        format!(r#"{{"type":"x","orgId":1,"data":{{"a{{[[":{open}{close}}}}}"#)
    };
    assert!(parse(&nested(DEPTH_MAX)).is_ok());
    assert_eq!(parse(&nested(DEPTH_MAX + 1)).unwrap_err(), EventError::TooDeep);
    assert_eq!(parse(&"[".repeat(500_000)).unwrap_err(), EventError::TooDeep);
    assert_eq!(parse(&" ".repeat(BODY_BYTES_MAX + 1)).unwrap_err(), EventError::TooLong);
}

#[test]
fn the_organization_stands_at_the_top_or_in_the_data() {
    for (body, org) in [
        (json!({"type": "x", "orgId": 7, "data": {"orgId": 8}}), 7),
        (json!({"type": "x", "orgId": 7, "data": {"orgId": 0}}), 7),
        (json!({"type": "x", "orgId": "7", "data": {}}), 7),
        (json!({"type": "x", "data": {"orgId": 8}}), 8),
        (json!({"type": "x", "orgId": 0, "data": {"orgId": 8}}), 8),
        (json!({"type": "x", "orgId": null, "data": {"orgId": "8"}}), 8),
    ] {
        assert_eq!(parse(&body.to_string()).unwrap().org, OrgId(org), "{body}");
    }
}

#[test]
fn an_unknown_type_is_an_event_with_what_can_be_read_of_it() {
    let body = json!({"type": "conversation_snoozed", "orgId": 7, "region": {"name": "eu"},
        "data": {"conversationId": 9_007_199_254_740_993_i64, "until": 5}});
    let text = body.to_string();
    let event = parse(&text).unwrap();
    assert_eq!(event.kind, EventKind::Other("conversation_snoozed".to_owned()));
    assert_eq!(event.kind.as_str(), "conversation_snoozed");
    assert_eq!(event.conversation, Some(ConversationId(9_007_199_254_740_993)));
    assert_eq!(event.data.get(), body["data"].to_string());
    assert_eq!(event.extra.to_json(), r#"{"region":{"name":"eu"}}"#);
    assert_eq!(event.facts, None);
}

#[test]
fn data_that_is_absent_or_null_is_empty() {
    for body in [r#"{"type":"app_disconnected","orgId":7}"#, r#"{"type":"x","orgId":7,"data":null}"#] {
        let event = parse(body).unwrap();
        assert_eq!((event.data.get(), event.conversation), ("{}", None));
    }
}

#[test]
fn what_cannot_be_read_as_an_id_is_absent() {
    let event = super::event("conversation_inactive", json!({"conversationId": "soon", "lastUpdated": [1]}));
    assert_eq!((event.conversation, event.occurred_at), (None, None));
}

#[test]
fn debug_shows_nothing_of_anybody() {
    let shown = format!(
        "{:?} {:?} {:?}",
        super::event("new_message", json!({"id": 1, "body": "canary"})),
        super::event("phone_captured", json!({"conversationId": 1, "phoneNumber": "canary"})),
        super::event("gdpr_delete_requested", json!({"email": "canary"})),
    );
    assert!(!shown.contains("canary"), "{shown}");
}

//! Rows 25 and 27 to 31: what Drift's pages and its clients say differently of events.

use drift::webhook::{Event, EventKind};
use model::ConversationId;
use serde_json::{Value, json};

fn event(body: &Value) -> Event<'static> {
    Event::parse(body.to_string().leak().as_bytes()).unwrap()
}

#[test]
fn row_25_a_push_is_nested_or_flat() {
    for data in [
        json!({"data": {"conversationId": 5}}),
        json!({"conversationId": 5}),
        json!({"conversationId": 5, "data": {"other": 1}}),
        json!({"conversationId": 4, "data": {"conversationId": 5}}),
        json!({"conversationId": 5, "data": [1]}),
    ] {
        let event = event(&json!({"type": "conversation_push", "orgId": 1, "data": data}));
        assert_eq!(event.conversation, Some(ConversationId(5)), "{data}");
    }
}

#[test]
fn rows_27_to_29_former_spellings_are_the_type_that_took_their_place() {
    for (spelled, kind) in [
        ("conversation_status_updated", EventKind::StatusUpdated),
        ("conversation_status_change", EventKind::StatusUpdated),
        ("button_clicked", EventKind::ButtonClicked),
        ("button_action", EventKind::ButtonClicked),
        ("user_unsubscribed", EventKind::UserUnsubscribed),
        ("user_unsubscribe", EventKind::UserUnsubscribed),
    ] {
        let event = event(&json!({"type": spelled, "orgId": 1, "data": {}}));
        assert_eq!((event.kind, event.spelled.as_str()), (kind, spelled));
    }
}

#[test]
fn row_30_there_are_four_keys_and_one_that_is_not_among_them_is_kept() {
    let event = event(&json!({"type": "x", "token": "t", "orgId": 1, "data": {"a": 1}, "fifth": 5}));
    assert_eq!((event.spelled.as_str(), event.org.0, event.data.get()), ("x", 1, r#"{"a":1}"#));
    assert_eq!(event.token.unwrap().expose(), "t");
    assert_eq!(event.extra.to_json(), r#"{"fifth":5}"#);
}

#[test]
fn row_31_origin_is_proved_by_a_token_that_may_be_absent_or_no_text() {
    for (body, token) in [
        (json!({"type": "x", "orgId": 1, "token": "t"}), Some("t")),
        (json!({"type": "x", "orgId": 1}), None),
        (json!({"type": "x", "orgId": 1, "token": null}), None),
        (json!({"type": "x", "orgId": 1, "token": {"t": 1}}), None),
    ] {
        let event = event(&body);
        assert_eq!(event.token.as_ref().map(|token| token.expose()), token, "{body}");
    }
}

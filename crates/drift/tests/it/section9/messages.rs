//! Messages: what they are, what they carry, and what their creation answers.

use drift::endpoint::NewMessage;
use drift::wire::{Message, MessageKind};
use model::{ConversationId, MessageId};

use crate::script::{Reply, Script};

async fn only(message: &str) -> Message {
    let body = format!(r#"{{"data":{{"messages":[{message}]}},"pagination":{{"more":false}}}}"#);
    let script = Script::of("GET /conversations/5/messages", &body);
    let page = script.client().messages(ConversationId(5)).next_page().await.unwrap().unwrap();
    page.items.into_iter().next().unwrap()
}

#[tokio::test]
async fn row_09_a_new_message_comes_alone_or_in_a_list() {
    for body in [
        r#"{"data":{"id":90030001234,"type":"chat"}}"#,
        r#"{"data":{"messages":[{"id":90030001234,"type":"chat"}]}}"#,
    ] {
        let script = Script::of("POST /conversations/5/messages", body);
        let message =
            script.client().create_message(ConversationId(5), &NewMessage::chat("Hello")).await.unwrap();
        assert_eq!(message.id, MessageId(90_030_001_234));
        assert_eq!(script.last_body(), r#"{"type":"chat","body":"Hello"}"#);
    }
}

#[tokio::test]
async fn row_17_old_kinds_of_message_and_unknown_ones_are_read() {
    for (word, kind) in [
        ("chat", MessageKind::Chat),
        ("private_prompt", MessageKind::PrivatePrompt),
        ("edit", MessageKind::Edit),
        ("voice", MessageKind::Other("voice".to_owned())),
    ] {
        assert_eq!(only(&format!(r#"{{"id":1,"type":"{word}"}}"#)).await.kind, Some(kind));
    }
}

#[tokio::test]
async fn row_23_what_was_said_before_is_an_object_or_a_list() {
    for (pre_messages, count) in [
        (r#"[]"#, 0),
        (r#"{}"#, 0),
        (r#"null"#, 0),
        (r#"[{"body":"Hi"},{"body":"there"}]"#, 2),
        (r#"{"body":"Hi"}"#, 1),
        (r#"{"1":{"body":"Hi"},"2":{"body":"there"}}"#, 2),
    ] {
        let message = only(&format!(r#"{{"id":1,"attributes":{{"preMessages":{pre_messages}}}}}"#)).await;
        let attributes = message.attributes.unwrap().get().unwrap();
        assert_eq!(attributes.pre_messages().len(), count, "{pre_messages}");
    }
}

#[tokio::test]
async fn row_24_every_key_of_a_context_may_be_missing_and_new_ones_are_kept() {
    let full = r#"{"ip":"203.0.113.9","userAgent":"B/1","href":"https://example.test/p?utm_source=x","title":"P",
        "referrer":"","timezone":"Europe/Paris","locale":"en","screen":"wide",
        "location":{"city":"Paris","country":"FR","latitude":48.86,"longitude":2}}"#;
    let context = only(&format!(r#"{{"id":1,"context":{full}}}"#)).await.context.unwrap().get().unwrap();
    assert_eq!(context.href.unwrap().expose(), "https://example.test/p?utm_source=x");
    assert_eq!(*context.location.unwrap().longitude.unwrap().expose(), 2.0);
    assert_eq!(context.extra["screen"], "wide");
    assert_eq!(only(r#"{"id":1,"context":{}}"#).await.context.unwrap().get().unwrap().ip, None);
    assert_eq!(only(r#"{"id":1,"context":null}"#).await.context, None);
}

#[tokio::test]
async fn messages_are_read_to_the_last_page() {
    let first = r#"{"data":{"messages":[{"id":1},{"id":2}]},"pagination":{"more":true,"next":"50"}}"#;
    let script = Script::new()
        .on("GET /conversations/5/messages", Reply::json(first))
        .on("GET /conversations/5/messages?next=50", Reply::json(r#"{"data":{"messages":[{"id":3}]}}"#));
    let mut pages = script.client().messages(ConversationId(5));
    let mut ids = Vec::new();
    while let Some(page) = pages.next_page().await.unwrap() {
        ids.extend(page.items.iter().map(|message| message.id.0));
    }
    assert_eq!(ids, [1, 2, 3]);
}

//! Statuses of conversations, and availabilities of users.

use drift::wire::{Availability, ConversationStatus};
use model::{ConversationId, UserId};

use crate::script::Script;

#[tokio::test]
async fn row_06_a_status_nobody_has_heard_of_is_kept_as_it_is_spelt() {
    for (word, status) in [
        ("open", ConversationStatus::Open),
        ("bulk_sent", ConversationStatus::BulkSent),
        ("SNOOZED", ConversationStatus::Other("SNOOZED".to_owned())),
    ] {
        let script =
            Script::of("GET /conversations/5", &format!(r#"{{"data":{{"id":5,"status":"{word}"}}}}"#));
        let read = script.client().conversation(ConversationId(5)).await.unwrap();
        assert_eq!(read.status, Some(status));
        assert_eq!(serde_json::to_value(&read).unwrap()["status"], word);
    }
}

#[tokio::test]
async fn row_07_a_conversation_without_a_status_is_still_a_conversation() {
    for body in [r#"{"data":{"id":5}}"#, r#"{"data":{"id":5,"status":null}}"#] {
        let script = Script::of("GET /conversations/5", body);
        assert_eq!(script.client().conversation(ConversationId(5)).await.unwrap().status, None);
    }
}

#[tokio::test]
async fn row_26_the_api_has_its_own_availabilities_and_others_are_kept() {
    for (word, availability) in [
        ("AVAILABLE", Availability::Available),
        ("OFFLINE", Availability::Offline),
        ("ON_CALL", Availability::OnCall),
        ("ONLINE", Availability::Other("ONLINE".to_owned())),
    ] {
        let script = Script::of("GET /users/3", &format!(r#"{{"data":{{"id":3,"availability":"{word}"}}}}"#));
        assert_eq!(script.client().user(UserId(3)).await.unwrap().availability, Some(availability));
    }
}

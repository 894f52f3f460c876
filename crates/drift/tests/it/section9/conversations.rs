//! Single conversations: their creation, their playbook, and what is wrapped and what is not.

use drift::endpoint::NewConversation;
use model::{ConversationId, PlaybookId};

use crate::script::Script;

#[tokio::test]
async fn row_08_a_new_conversation_comes_bare_or_wrapped() {
    let bare = r#"{"status":"open","contactId":11,"createdAt":1710000000000,"id":5,"inboxId":7}"#;
    for body in [bare.to_owned(), format!(r#"{{"data":{bare}}}"#)] {
        let script = Script::of("POST /conversations/new", &body);
        let new = NewConversation::new("ada@example.test", "<p>Hello</p>");
        let conversation = script.client().create_conversation(&new).await.unwrap();
        assert_eq!((conversation.id, conversation.participants.len()), (ConversationId(5), 0));
        assert_eq!(script.last_body(), r#"{"email":"ada@example.test","message":{"body":"<p>Hello</p>"}}"#);
    }
}

#[tokio::test]
async fn row_32_the_related_playbook_is_a_number_or_a_text() {
    for playbook in ["77", "\"77\""] {
        let body = format!(r#"{{"data":{{"id":5,"relatedPlaybookId":{playbook}}}}}"#);
        let script = Script::of("GET /conversations/5", &body);
        let conversation = script.client().conversation(ConversationId(5)).await.unwrap();
        assert_eq!(conversation.related_playbook_id, Some(PlaybookId(77)));
    }
}

#[tokio::test]
async fn row_35_each_endpoint_knows_its_own_wrapping() {
    let script = Script::new()
        .on(
            "GET /playbooks/list",
            reply(r#"[{"id":1,"name":"Greet","goals":[{"id":"g","message":"Booked"}]}]"#),
        )
        .on("GET /playbooks/clp", reply(r#"[{"playbookId":1,"landingPageUrl":"https://example.test/p"}]"#))
        .on("GET /conversations/stats", reply(r#"{"conversationCount":{"CLOSED":2,"OPEN":3,"SNOOZED":1}}"#))
        .on("GET /contacts/attributes", reply(r#"{"data":{"properties":[{"type":"STRING","name":"plan"}]}}"#))
        .on("GET /users", reply(r#"{"data":{"9":{"id":9},"4":{"id":4},"5":null}}"#))
        .on("GET /teams/org", reply(r#"{"data":[{"id":1,"members":[4,9]}]}"#))
        .on("GET /users/meetings/org", reply(r#"{"data":[{"slug":"m-1","schedulerId":11}]}"#));
    let client = script.client();
    assert_eq!(client.playbooks().await.unwrap()[0].goals[0].message.as_deref(), Some("Booked"));
    assert_eq!(client.landing_pages().await.unwrap()[0].playbook_id, PlaybookId(1));
    let stats = client.conversation_stats().await.unwrap();
    assert_eq!((stats.counts["OPEN"], stats.total()), (3, 6));
    assert_eq!(client.contact_attributes().await.unwrap()[0].name, "plan");
    let users = client.users_by_id(&[model::UserId(9), model::UserId(4)]).await.unwrap();
    assert_eq!(users.iter().map(|user| user.id.0).collect::<Vec<_>>(), [4, 9]);
    assert_eq!(client.teams().await.unwrap()[0].members.len(), 2);
    let meetings = client.meetings(model::Millis(0), model::Millis(9)).await.unwrap();
    assert_eq!(meetings.items[0].slug.as_ref().unwrap().0, "m-1");
}

fn reply(body: &str) -> crate::script::Reply {
    crate::script::Reply::json(body)
}

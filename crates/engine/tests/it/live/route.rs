//! One event at a time: what becomes of it.

use engine::jobs::Compare;
use model::{ConversationId, MessageId};
use sandbox::world::{Change, Speaker};
use store::inbox::{self, Outcome, Selection};
use store::{facts, mirror, notices, tables};

use super::harness::{Live, options};
use crate::engines::Database;

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_becomes_a_mirrored_message() {
    for database in Database::each().await {
        let live = Live::archived(database, options(20)).await;
        let world = live.world.sandbox.world();
        let old = world.expected().next().unwrap();
        let now = model::Clock::now(&live.world.clock);
        let said =
            Change::NewMessage { conversation: old, from: Speaker::Contact, text: Some("Hello?".into()) };
        let message = world.change(&said, now).unwrap().message.unwrap();
        let new = live.change(Change::NewConversation { contact: None, text: None });

        live.settle().await;

        let held = mirror::messages_held(&live.node.db, live.org(), &[MessageId(message)]).await.unwrap();
        assert_eq!(held.len(), 1);
        let found =
            mirror::conversation(&live.node.db, live.org(), ConversationId(new)).await.unwrap().unwrap();
        let contact = found.conversation.contact_id.unwrap();
        assert!(mirror::contact_is_held(&live.node.db, live.org(), contact).await.unwrap());
        live.assert_converged("after two webhooks").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_that_vanished_becomes_a_tombstone_and_stays() {
    for database in Database::each().await {
        let live = Live::archived(database, options(20)).await;
        let conversation = live.world.sandbox.world().expected().next().unwrap();
        live.change(Change::Vanish { conversation });
        live.settle().await;
        live.world.sandbox.log().clear();

        live.run(Compare {}).await;

        let id = ConversationId(conversation);
        let held = mirror::conversation(&live.node.db, live.org(), id).await.unwrap().unwrap();
        assert!(held.gone_at.is_some() && held.message_count > 0);
        let pages = live.world.sandbox.calls("GET /conversations/list");
        assert_eq!(
            live.world.sandbox.log().total(),
            pages + 2,
            "the list, and two calls for the one that is gone"
        );
        live.assert_converged("after a conversation vanished").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_events_tell_is_kept_once() {
    for database in Database::each().await {
        let live = Live::archived(database, options(20)).await;
        let conversation = live.world.sandbox.world().expected().next().unwrap();
        for kind in ["phone_captured", "playbook_goal_met", "button_clicked", "new_meeting", "chat_to_call"] {
            let data = live.world.sandbox.webhook_example(kind, Some(conversation)).unwrap();
            live.world.sandbox.post_webhook(kind, &data);
            live.world.sandbox.post_webhook(kind, &data);
        }
        live.settle().await;
        let kinds = async || -> Vec<String> {
            let id = ConversationId(conversation);
            let told = facts::of_conversation(&live.node.db, live.org(), id, 100).await.unwrap();
            let mut kinds: Vec<String> = told.into_iter().map(|fact| fact.kind).collect();
            kinds.sort_unstable();
            kinds
        };
        let once = ["button_clicked", "chat_to_call", "new_meeting", "phone_captured", "playbook_goal_met"];
        assert_eq!(kinds().await, once);

        let mut tx = live.node.db.begin().await.unwrap();
        inbox::unroute(&mut tx, &Selection::default(), None, 1_000).await.unwrap();
        tx.commit().await.unwrap();
        live.settle().await;
        assert_eq!(kinds().await, once, "routed twice");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_meeting_told_of_is_a_row_before_the_api_lists_it() {
    for database in Database::each().await {
        let live = Live::archived(database, options(20)).await;
        let conversation = live.world.sandbox.world().expected().next().unwrap();
        let data = live.world.sandbox.webhook_example("new_meeting", Some(conversation)).unwrap();
        live.world.sandbox.post_webhook("new_meeting", &data);
        live.deliver().await;
        live.route().await;

        let table = tables::table("meetings").unwrap();
        let rows = tables::read(&live.node.db, table, live.org(), None, 10_000).await.unwrap();
        let told = rows.iter().filter(|row| format!("{row:?}").contains("told")).count();
        assert_eq!(told, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_type_is_kept_and_its_conversation_looked_at() {
    for database in Database::each().await {
        let live = Live::archived(database, options(20)).await;
        let conversation = live.world.sandbox.world().expected().next().unwrap();
        live.world
            .sandbox
            .post_webhook("conversation_levitated", &serde_json::json!({"conversationId": conversation}));
        live.settle().await;

        let unknown = Selection { outcome: Some(Outcome::Unknown), ..Selection::default() };
        assert_eq!(inbox::count(&live.node.db, &unknown).await.unwrap(), 1);
        assert_eq!(live.world.sandbox.calls("GET /conversations/{id}"), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_asked_for_is_said_to_a_person() {
    for database in Database::each().await {
        let live = Live::archived(database, options(20)).await;
        live.world
            .sandbox
            .post_webhook("gdpr_delete_requested", &serde_json::json!({"email": "ada@example.test"}));
        live.settle().await;

        let [notice] = notices::list(&live.node.db, None, 10).await.unwrap().try_into().unwrap();
        assert_eq!(notice.kind, "erasure");
        assert!(!notice.message.contains("ada@"), "{}", notice.message);
    }
}

//! A copy of one conversation, saved from the console.

use model::record::{Conversation, Snapshot};
use model::{ConversationId, Millis, Role};
use store::{audit, export_runs, mirror};

use crate::browser::location;
use crate::connect::signed_in;
use crate::house::{House, OURS, PASSWORD, on_both};

const PAGE: &str = "/conversation?org=1";
const SEND: &str = "/conversation/export?org=1";

async fn fill(house: &House) {
    let conversation = Conversation {
        conversation_id: ConversationId(4711),
        contact_id: None,
        inbox_id: None,
        status: "open".into(),
        created_at: Some(Millis(1)),
        updated_at: Some(Millis(1)),
        extra: "{}".into(),
    };
    let now = Millis(1);
    let snapshot = Snapshot { conversation, details: None, messages: Some(Vec::new()), fetched_at: now };
    let mut tx = house.db.begin().await.unwrap();
    mirror::apply(&mut tx, OURS, &[snapshot], now).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn a_conversation_is_saved_by_who_may_and_that_is_kept() {
    on_both(async |house| {
        fill(house).await;
        let mut ada = signed_in(house, "ada", (Some(OURS), Role::Admin)).await;
        assert!(ada.get("/").await.body().contains("Copy a conversation"));
        house.clock.advance(store::access::sessions::STEP_UP_MS);
        assert!(location(&ada.get(PAGE).await).starts_with("/step-up?next="), "the password is asked for");
        ada.get("/step-up").await;
        location(&ada.post("/step-up", &[("password", PASSWORD)]).await);
        assert!(ada.get(PAGE).await.body().contains("Save a copy"));

        let saved = ada.post(SEND, &[("id", "4711"), ("as", "html"), ("reason", "a claim")]).await;
        assert_eq!(saved.status(), 200);
        assert_eq!(saved.headers()["content-disposition"], "attachment; filename=\"conversation-4711.html\"");
        assert!(saved.body().contains("4711"));
        let run = export_runs::list(&house.db, OURS, 5).await.unwrap().remove(0);
        assert_eq!((run.destination.as_str(), run.format.as_str()), ("conversation/4711", "html"));
        assert!(run.options.unwrap().contains("a claim"));
        let entries = audit::page(&house.db, 0, 100).await.unwrap();
        let entry = entries.iter().find(|entry| entry.action == "export.finish").unwrap();
        assert_eq!((entry.object_id.as_str(), entry.reason.as_deref()), ("4711", Some("unmasked")));

        for (fields, said) in [
            ([("id", "4712"), ("as", "html"), ("reason", "a claim")], "is not in the archive"),
            ([("id", "x"), ("as", "html"), ("reason", "a claim")], "not the number of a conversation"),
            ([("id", "4711"), ("as", "pdf"), ("reason", "a claim")], "not the number of a conversation"),
            ([("id", "4711"), ("as", "text"), ("reason", " ")], "needs a reason"),
        ] {
            let answer = ada.post(SEND, &fields).await;
            assert!(answer.body().contains(said), "{fields:?}: {}", answer.body());
        }
        assert_eq!(export_runs::list(&house.db, OURS, 5).await.unwrap().len(), 1);

        let mut bo = signed_in(house, "bo", (Some(OURS), Role::Reviewer)).await;
        assert!(!bo.get("/").await.body().contains("Copy a conversation"));
        assert_eq!(bo.get(PAGE).await.status(), 403);
    })
    .await;
}

//! Which change is told by which events, and that they say what the API says.

use sandbox::WebhookOptions;
use sandbox::world::{Change, Speaker, Tag};
use serde_json::{Value, json};

use super::{bodies, collecting, kinds};
use crate::caller::Caller;

fn world() -> Caller {
    collecting(WebhookOptions::default())
}

#[tokio::test]
async fn a_new_conversation_is_told_with_its_first_message_as_the_api_has_them() {
    let caller = world();
    let mut identified = 0;
    for _ in 0..20 {
        let told = caller.told(&Change::NewConversation { contact: None, text: Some("Hello".to_owned()) });
        identified += usize::from(kinds(&told)[0] == "contact_identified");
        let told: Vec<_> = told.into_iter().filter(|body| body["type"] != "contact_identified").collect();
        assert_eq!(kinds(&told), ["new_conversation", "new_message"]);
        let envelope: Vec<_> = told[0].as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(envelope, ["data", "orgId", "token", "type"]);
        assert_eq!(told[0]["token"], "sandbox-webhook-token");
        let id = told[0]["data"]["id"].as_i64().unwrap();
        let fetched = caller.get(&format!("/conversations/{id}")).await.json();
        for field in ["contactId", "createdAt", "updatedAt", "status"] {
            assert_eq!(told[0]["data"][field], fetched["data"][field], "{field}");
        }
        assert_eq!(told[0]["data"]["orgId"], told[0]["orgId"]);
        let messages = caller.get(&format!("/conversations/{id}/messages")).await.json();
        assert_eq!(told[1]["data"], messages["data"]["messages"][0]);
    }
    assert!(identified > 0, "some of them give an address");
}

#[tokio::test]
async fn an_answer_of_the_team_is_told_with_who_joined() {
    let caller = world();
    let conversation = caller.started();
    let write = |from| Change::NewMessage { conversation, from, text: None };
    let told = caller.told(&write(Speaker::Agent));
    assert_eq!(kinds(&told), ["new_message", "conversation_participant_added"]);
    let agent = &told[0]["data"]["author"]["id"];
    assert_eq!(told[1]["data"]["addedParticipants"], json!([agent]));
    assert_eq!(told[1]["data"]["changedAt"], told[0]["data"]["createdAt"]);
    let fetched = caller.get(&format!("/conversations/{conversation}")).await.json();
    assert_eq!(told[1]["data"]["changedAt"], fetched["data"]["updatedAt"]);
    assert_eq!(kinds(&caller.told(&write(Speaker::Contact))), ["new_message"]);
    let edit = Change::EditMessage { conversation, message: None, text: Some("Other".to_owned()) };
    let told = caller.told(&edit);
    assert_eq!((told[0]["data"]["type"].as_str(), kinds(&told)[0]), (Some("edit"), "new_message"));
}

#[test]
fn a_command_is_told_twice() {
    let caller = world();
    let conversation = caller.started();
    let text = Some("/verify now".to_owned());
    let told = caller.told(&Change::NewMessage { conversation, from: Speaker::Agent, text });
    assert_eq!(kinds(&told)[..2], ["new_command_message", "new_message"]);
    assert_eq!(told[0]["data"], told[1]["data"]);
}

#[test]
fn a_status_is_told_under_the_old_name_and_an_end_by_the_new_ones() {
    let caller = world();
    let conversation = caller.started();
    let set = |status: &str| Change::Status { conversation, status: status.to_owned() };
    let told = caller.told(&set("closed"));
    let expected = ["conversation_status_updated", "conversation_manual_push", "conversation_push"];
    assert_eq!(kinds(&told), expected);
    assert_eq!(told[0]["data"]["status"], "closed");
    assert_eq!(told[2]["data"], json!({"data": {"conversationId": conversation}}));
    assert_eq!(kinds(&caller.told(&set("closed"))), Vec::<&str>::new());
    let write = Change::NewMessage { conversation, from: Speaker::Contact, text: None };
    assert_eq!(kinds(&caller.told(&write)), ["new_message", "conversation_status_updated"]);
}

#[test]
fn participants_are_told_as_comings_and_goings() {
    let caller = world();
    let conversation = caller.started();
    let set = |participants: &[i64]| Change::Participants { conversation, participants: participants.into() };
    assert_eq!(kinds(&caller.told(&set(&[228_001, 228_002]))), ["conversation_participant_added"]);
    let told = caller.told(&set(&[228_002, 228_003]));
    assert_eq!(kinds(&told), ["conversation_participant_added", "conversation_participant_removed"]);
    assert_eq!(told[0]["data"]["addedParticipants"], json!([228_003]));
    assert_eq!(told[1]["data"]["removedParticipants"], json!([228_001]));
}

#[tokio::test]
async fn a_meeting_is_told_when_it_is_booked_moved_and_called_off() {
    let caller = world();
    let conversation = caller.started();
    let booked = caller.told(&Change::Meeting { conversation });
    let moved = caller.told(&Change::MoveMeeting { conversation });
    let canceled = caller.told(&Change::CancelMeeting { conversation });
    assert_eq!((kinds(&booked), kinds(&moved)), (vec!["new_meeting"], vec!["meeting_updated"]));
    let words: Vec<_> = [&booked, &moved, &canceled].map(|told| told[0]["data"]["eventType"].clone()).into();
    assert_eq!(words, [Value::Null, json!("rescheduled"), json!("canceled")]);
    assert_eq!(booked[0]["data"]["slug"], moved[0]["data"]["slug"]);
    let start = moved[0]["data"]["slotStart"].as_i64().unwrap();
    assert_eq!(start - booked[0]["data"]["slotStart"].as_i64().unwrap(), 86_400_000);
    let path = format!("/users/meetings/org?min_start_time={start}&max_start_time={start}");
    let meetings = caller.get(&path).await.json();
    let fetched = meetings["data"].as_array().unwrap();
    let fetched = fetched.iter().find(|one| one["conversationId"] == conversation).unwrap();
    assert_eq!((&fetched["slug"], &fetched["status"]), (&booked[0]["data"]["slug"], &json!("CANCELED")));
}

#[tokio::test]
async fn a_contact_is_told_with_what_it_was_and_is() {
    let caller = world();
    let conversation = caller.started();
    let attributes = json!({"plan": "gold", "events": {"signed up": 5}}).as_object().unwrap().clone();
    let told = caller.told(&Change::Contact { conversation, attributes });
    assert_eq!(kinds(&told), ["contact_updated"]);
    let diff = json!([
        {"name": "events.signed up", "previous": null, "updated": 5},
        {"name": "attributes.plan", "previous": null, "updated": "gold"},
    ]);
    assert_eq!(told[0]["data"]["diff"], diff);
    let contact = told[0]["data"]["endUserId"].as_i64().unwrap();
    caller
        .send(
            "PATCH",
            &format!("/contacts/{contact}"),
            "application/json",
            r#"{"attributes":{"plan":"tin"}}"#,
        )
        .await;
    let told = bodies(&caller.sandbox.take_webhooks());
    assert_eq!(told[0]["data"]["diff"][0]["previous"], "gold");
    let fetched = caller.get(&format!("/contacts/{contact}")).await.json();
    assert_eq!(told[0]["data"]["timestamp"], fetched["data"]["attributes"]["last_active"]);
}

#[tokio::test]
async fn what_is_written_through_the_api_is_told_too() {
    let caller = world();
    let conversation = caller.started();
    let path = format!("/conversations/{conversation}/messages");
    let sent = caller.post(&path, &json!({"type": "chat", "body": "<p>Hi</p>"})).await.json();
    let told = bodies(&caller.sandbox.take_webhooks());
    assert_eq!(kinds(&told), ["new_message", "conversation_participant_added"]);
    assert_eq!(told[0]["data"], sent["data"]);
}

#[test]
fn some_changes_are_told_by_nothing() {
    let caller = world();
    let conversation = caller.started();
    let told = caller.told(&Change::NewMessage { conversation, from: Speaker::Agent, text: None });
    let message = told[0]["data"]["id"].as_i64().unwrap();
    for change in [
        Change::Tags { conversation, tags: vec![Tag { name: "vip".to_owned(), color: None }] },
        Change::RewriteMessage { conversation, message, text: "else".to_owned() },
        Change::EraseMessage { conversation, message },
        Change::Vanish { conversation },
    ] {
        assert_eq!(kinds(&caller.told(&change)), Vec::<&str>::new(), "{change:?}");
    }
}

#[test]
fn only_ticked_types_are_told_and_a_sandbox_without_an_address_keeps_nothing() {
    let ticked = WebhookOptions { types: "new_message".parse().unwrap(), ..WebhookOptions::default() };
    let caller = collecting(ticked);
    let told = caller.told(&Change::NewConversation { contact: None, text: None });
    assert_eq!(kinds(&told), ["new_message"]);
    assert!(caller.sandbox.webhook_counts().unticked >= 1);
    let quiet = Caller::new();
    assert_eq!(quiet.told(&Change::NewConversation { contact: None, text: None }), Vec::<Value>::new());
    assert_eq!(quiet.sandbox.webhook_counts(), sandbox::WebhookCounts::default());
}

#[test]
fn an_example_of_every_type_is_about_the_world() {
    let caller = world();
    let conversation = caller.started();
    for kind in sandbox::webhooks::WEBHOOK_TYPES {
        let data = caller.sandbox.webhook_example(kind, Some(conversation)).unwrap();
        assert!(data.is_object(), "{kind}");
    }
    assert_eq!(caller.sandbox.webhook_example("invented", None), None);
    let data = caller.sandbox.webhook_example("conversation_inactive", None).unwrap();
    assert_eq!(data["conversationId"], conversation);
}

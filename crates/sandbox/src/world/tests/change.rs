use std::collections::HashSet;

use model::SeededEntropy;
use serde_json::json;

use super::super::{Change, Speaker, Tag};
use super::computed::count_by_asking;
use super::*;

fn closed_one(world: &World) -> i64 {
    walk(world, 100, &[2])
        .iter()
        .map(|row| row["id"].as_i64().unwrap())
        .find(|&id| messages(world, id).len() > 8)
        .unwrap()
}

#[test]
fn a_contacts_message_opens_a_closed_conversation_again() {
    let world = small();
    let conversation = closed_one(&world);
    let before = messages(&world, conversation);
    let from = Speaker::Contact;
    let text = Some("Still there? <3 & more".to_owned());
    let changed = world.change(&Change::NewMessage { conversation, from, text }, LATER).unwrap();
    let after = messages(&world, conversation);
    assert_eq!(after[..before.len()], before);
    assert_eq!(after.last().unwrap()["id"].as_i64(), changed.message);
    assert_eq!(after.last().unwrap()["body"], "Still there? &lt;3 &amp; more");
    let row = &array(&world.list(0, 1, &[]).array)[0];
    assert_eq!((row["id"].as_i64(), row["status"].as_str()), (Some(conversation), Some("open")));
    assert_eq!(row["updatedAt"], LATER.0);
}

#[test]
fn a_note_leaves_the_status_and_its_writer_takes_part() {
    let world = small();
    let conversation = closed_one(&world);
    world.change(&Change::NewMessage { conversation, from: Speaker::Note, text: None }, LATER).unwrap();
    let now = parse(&world.conversation(conversation).unwrap());
    let note = messages(&world, conversation).pop().unwrap();
    assert_eq!((now["status"].as_str(), note["type"].as_str()), (Some("closed"), Some("private_note")));
    assert!(now["participants"].as_array().unwrap().contains(&note["author"]["id"]));
}

#[test]
fn edits_come_as_messages_and_leave_the_old_row() {
    let world = small();
    let conversation = closed_one(&world);
    let before = messages(&world, conversation);
    let text = Some("better".to_owned());
    world.change(&Change::EditMessage { conversation, message: None, text }, LATER).unwrap();
    world.change(&Change::DeleteMessage { conversation, message: before[0]["id"].as_i64() }, LATER).unwrap();
    let after = messages(&world, conversation);
    assert_eq!(after[..before.len()], before);
    let [replace, delete] = &after[before.len()..] else { panic!("two more") };
    assert_eq!(
        (replace["editType"].as_str(), replace["body"].as_str()),
        (Some("replace"), Some("<p>better</p>"))
    );
    assert_eq!((delete["editType"].as_str(), &delete["editedMessageId"]), (Some("delete"), &before[0]["id"]));
}

#[test]
fn messages_can_be_rewritten_and_erased_in_their_place() {
    let world = small();
    let conversation = closed_one(&world);
    let before = messages(&world, conversation);
    let id = |at: usize| before[at]["id"].as_i64().unwrap();
    world
        .change(&Change::RewriteMessage { conversation, message: id(1), text: "new".into() }, LATER)
        .unwrap();
    world.change(&Change::EraseMessage { conversation, message: id(3) }, LATER).unwrap();
    let after = messages(&world, conversation);
    assert_eq!(after.len(), before.len() - 1);
    assert_eq!(after[1]["body"], "<p>new</p>");
    assert_eq!((&after[2], &after[3]), (&before[2], &before[4]));
    assert_eq!(array(&world.messages(conversation, 3, 1).unwrap().array), after[3..4]);
    let again = world.change(&Change::EraseMessage { conversation, message: id(3) }, LATER);
    assert_eq!(again.unwrap_err().status, 404);
}

#[test]
fn what_vanished_is_gone_everywhere() {
    let world = small();
    let conversation = closed_one(&world);
    world.change(&Change::Vanish { conversation }, LATER).unwrap();
    assert_eq!((world.conversation(conversation), world.messages(conversation, 0, 50)), (None, None));
    assert!(!world.expected().any(|id| id == conversation));
    let again = world.change(&Change::Status { conversation, status: "open".into() }, LATER);
    assert_eq!(again.unwrap_err().kind, "not_found");
}

#[test]
fn new_conversations_bring_their_contact_and_changes_read_from_json() {
    let world = small();
    let change: Change = serde_json::from_value(json!({"change": "new_conversation", "text": "Hi"})).unwrap();
    let conversation = world.change(&change, LATER).unwrap().conversation;
    let row = parse(&world.conversation(conversation).unwrap());
    assert!(world.contact(row["contactId"].as_i64().unwrap()).is_some());
    assert_eq!(messages(&world, conversation)[0]["body"], "Hi");
    let tags: Change = serde_json::from_value(
        json!({"change": "tags", "conversation": conversation, "tags": [{"name": "hot", "color": "ff0000"}]}),
    )
    .unwrap();
    assert_eq!(
        tags,
        Change::Tags { conversation, tags: vec![Tag { name: "hot".into(), color: Some("ff0000".into()) }] }
    );
    world.change(&tags, LATER).unwrap();
    assert_eq!(parse(&world.conversation(conversation).unwrap())["conversationTags"][0]["name"], "hot");
    world.change(&Change::Meeting { conversation }, LATER).unwrap();
    let meetings = array(&world.meetings(LATER, LATER.plus(86_400_000 * 3), 1_000, LATER));
    assert!(meetings.iter().any(|meeting| meeting["conversationId"] == conversation));
}

#[test]
fn after_a_days_traffic_everything_still_adds_up() {
    let world = small();
    let before = world.counts();
    let changed = world.traffic(600, &SeededEntropy::new(11), LATER);
    assert!(changed.len() > 500, "{}", changed.len());
    for conversation in world.expected().step_by(31).collect::<Vec<_>>() {
        world.change(&Change::Vanish { conversation }, LATER).unwrap();
    }
    let touched: HashSet<i64> = changed.iter().map(|changed| changed.conversation).collect();
    assert!(touched.len() > 100);
    assert_eq!(world.counts(), count_by_asking(&world));
    assert_ne!(world.counts(), before);
    assert_eq!(ids(&walk(&world, 33, &[])), world.expected().collect::<Vec<_>>());
    for id in world.expected() {
        let all = messages(&world, id);
        assert!(all.is_sorted_by_key(|message| message["createdAt"].as_i64()));
        for file in all.iter().flat_map(|message| message["attachments"].as_array()).flatten() {
            assert!(world.attachment(file["id"].as_i64().unwrap()).is_some());
        }
    }
}

//! What must be met in any world of five hundred conversations.

use std::collections::{HashMap, HashSet};

use super::*;

fn all_messages(world: &World) -> Vec<Vec<Value>> {
    world.expected().map(|id| messages(world, id)).collect()
}

#[test]
fn lengths_lie_on_both_sides_of_a_page() {
    let lengths: HashSet<usize> = all_messages(&small()).iter().map(Vec::len).collect();
    for length in [0, 1, 50, 51, 100, 101, 120] {
        assert!(lengths.contains(&length), "none of {length}");
    }
    let counts = small().counts();
    let mean = counts.messages as f64 / counts.conversations as f64;
    assert!((9.0..18.0).contains(&mean), "{mean}");
}

#[test]
fn uniform_worlds_keep_their_bounds() {
    let world = World::generated(7, 400, ENDS_AT, Shape::uniform(12, 120));
    let lengths: Vec<usize> = all_messages(&world).iter().map(Vec::len).collect();
    assert!(lengths.iter().all(|length| (12..=120).contains(length)));
    assert!(lengths.iter().any(|&length| length < 20) && lengths.iter().any(|&length| length > 110));
}

#[test]
fn every_kind_of_message_and_document_is_met() {
    let world = small();
    let all: Vec<Value> = all_messages(&world).into_iter().flatten().collect();
    let some = |what: &str, test: &dyn Fn(&Value) -> bool| assert!(all.iter().any(test), "no {what}");
    for kind in ["chat", "private_note", "private_prompt", "suggestion", "edit"] {
        some(kind, &|message| message["type"] == kind);
    }
    some("replacement", &|message| message["editType"] == "replace" && message["body"].is_string());
    some("deletion", &|message| message["editType"] == "delete" && message.get("body").is_none());
    some("message without orgId", &|message| message.get("orgId").is_none());
    some("null attachments", &|message| message.get("attachments") == Some(&Value::Null));
    some("two attachments", &|message| {
        message["attachments"].as_array().is_some_and(|files| files.len() == 2)
    });
    some("preMessages as array", &|message| message["attributes"]["preMessages"].is_array());
    some("preMessages as object", &|message| message["attributes"]["preMessages"].is_object());
    some("context of two keys", &|message| {
        message["context"].as_object().is_some_and(|context| context.len() == 2)
    });
    some("campaign", &|message| {
        message["context"]["href"].as_str().is_some_and(|href| href.contains("utm_campaign="))
    });
    some("API message", &|message| message["attributes"]["developer_app_id"].is_string());
    let bodies: String = all.iter().filter_map(|message| message["body"].as_str()).collect();
    for part in [
        "<ul><li>",
        "driftiwyg-tag-property",
        "&amp;",
        "&#39;",
        "&nbsp;",
        "&lt;custom&gt;",
        "👩‍💻",
        "👍🏽",
        "م",
        "は",
        "ह",
        "ß",
        "ç",
        "і",
    ] {
        assert!(bodies.contains(part), "no {part}");
    }
}

#[test]
fn a_click_says_what_the_button_said() {
    let world = small();
    let mut clicks = 0;
    for talk in all_messages(&world) {
        if let [greeting, click, ..] = &talk[..]
            && let Some([_, _, _]) = greeting["buttons"].as_array().map(Vec::as_slice)
            && click["author"]["type"] == "contact"
        {
            let text = html_escape::decode_html_entities(click["body"].as_str().unwrap()).into_owned();
            let labels: Vec<&str> = greeting["buttons"]
                .as_array()
                .unwrap()
                .iter()
                .map(|button| button["label"].as_str().unwrap())
                .collect();
            assert!(labels.contains(&text.as_str()), "{text} of {labels:?}");
            clicks += 1;
        }
    }
    assert!(clicks > 50, "{clicks}");
}

#[test]
fn edits_name_an_earlier_message_of_their_conversation() {
    for talk in all_messages(&small()) {
        for (at, message) in talk.iter().enumerate().filter(|(_, message)| message["type"] == "edit") {
            assert!(talk[..at].iter().any(|earlier| earlier["id"] == message["editedMessageId"]));
        }
    }
}

#[test]
fn contacts_come_in_all_sorts() {
    let world = small();
    let mut per_contact: HashMap<i64, usize> = HashMap::new();
    for row in walk(&world, 100, &[]) {
        *per_contact.entry(row["contactId"].as_i64().unwrap()).or_default() += 1;
    }
    assert!(per_contact.values().any(|&count| count > 100));
    assert!(per_contact.values().any(|&count| count == 2) && per_contact.values().any(|&count| count == 1));
    let contacts: Vec<Value> =
        per_contact.keys().filter_map(|&id| world.contact(id)).map(|bytes| parse(&bytes)).collect();
    assert!(contacts.len() < per_contact.len(), "none is missing");
    let some = |test: &dyn Fn(&Value) -> bool| contacts.iter().any(|contact| test(&contact["attributes"]));
    assert!(some(&|all| all.get("email").is_none()) && some(&|all| all.get("name").is_none()));
    assert!(some(&|all| all["externalId"].is_string()) && some(&|all| all["externalId"].is_number()));
    let mut emails = HashSet::new();
    assert!(
        contacts
            .iter()
            .filter_map(|one| one["attributes"]["email"].as_str())
            .any(|email| !emails.insert(email))
    );
}

#[test]
fn contacts_are_found_by_address_and_external_id() {
    let world = small();
    let contacts: HashSet<i64> =
        walk(&world, 100, &[]).iter().map(|row| row["contactId"].as_i64().unwrap()).collect();
    for contact in contacts.iter().filter_map(|&id| world.contact(id)).map(|bytes| parse(&bytes)) {
        let attributes = &contact["attributes"];
        if let Some(email) = attributes["email"].as_str() {
            let found = array(&world.contacts_by_email(&email.to_uppercase(), 10));
            assert!(found.contains(&contact), "{email}");
            assert!(found.iter().all(|one| one["attributes"]["email"] == email));
        }
        let external = match &attributes["externalId"] {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            _ => continue,
        };
        assert_eq!(
            array(&world.contacts_by_external(&[external, "nobody".to_owned()])),
            std::slice::from_ref(&contact)
        );
    }
    assert_eq!(world.contacts_by_email("nobody@nowhere.example", 10), b"[]");
}

#[test]
fn attachments_have_bytes_and_only_listed_ones_do() {
    let world = small();
    let mut found = 0;
    for file in
        all_messages(&world).iter().flatten().flat_map(|message| message["attachments"].as_array()).flatten()
    {
        let id = file["id"].as_i64().unwrap();
        let attachment = world.attachment(id).unwrap();
        assert_eq!(
            (file["mimeType"].as_str(), file["fileName"].as_str()),
            (Some(attachment.mime), Some(&*attachment.file_name))
        );
        found += 1;
    }
    assert_eq!(found, world.counts().attachments);
    assert!(
        world.attachment(0).is_none()
            && world.attachment(i64::MAX).is_none()
            && world.attachment(-1).is_none()
    );
}

#[test]
fn meetings_lie_within_thirty_days_and_name_conversations() {
    let world = small();
    let day = 86_400_000;
    let meetings = array(&world.meetings(Millis(0), ENDS_AT.plus(30 * day), 1_000, ENDS_AT));
    assert!(meetings.len() > 3, "{}", meetings.len());
    for meeting in &meetings {
        assert!(meeting["slotStart"].as_i64().unwrap() >= ENDS_AT.0 - 30 * day);
        assert!(world.has_conversation(meeting["conversationId"].as_i64().unwrap()));
    }
    let first = array(&world.meetings(Millis(0), ENDS_AT.plus(30 * day), 1, ENDS_AT));
    assert_eq!(first[..], meetings[..1]);
}

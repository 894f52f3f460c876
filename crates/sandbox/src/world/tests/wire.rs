//! Every answer parses and has the keys of the reference.

use super::*;

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[track_caller]
fn check(value: &Value, required: &[&str], optional: &[&str]) {
    let keys = keys(value);
    for key in required {
        assert!(keys.contains(key), "no {key} in {value}");
    }
    for key in keys {
        assert!(required.contains(&key) || optional.contains(&key), "{key} in {value}");
    }
}

#[test]
fn conversations_and_rows() {
    let world = small();
    let row_keys = ["status", "contactId", "createdAt", "id", "updatedAt"];
    for row in walk(&world, 50, &[]) {
        check(&row, &row_keys, &["inboxId"]);
        let conversation = parse(&world.conversation(row["id"].as_i64().unwrap()).unwrap());
        check(
            &conversation,
            &row_keys,
            &["inboxId", "participants", "conversationTags", "relatedPlaybookId", "orgId"],
        );
        assert!(row.as_object().unwrap().iter().all(|(key, value)| conversation[key] == *value));
    }
}

#[test]
fn participants_are_those_who_wrote() {
    let world = small();
    for id in world.expected() {
        let conversation = parse(&world.conversation(id).unwrap());
        let mut writers: Vec<i64> = messages(&world, id)
            .iter()
            .filter(|message| message["author"]["type"] == "user")
            .map(|message| message["author"]["id"].as_i64().unwrap())
            .collect();
        writers.sort_unstable();
        writers.dedup();
        let mut named: Vec<i64> =
            conversation["participants"].as_array().into_iter().flatten().filter_map(Value::as_i64).collect();
        named.sort_unstable();
        assert_eq!(named, writers);
    }
}

#[test]
fn messages_in_pages_and_whole() {
    let world = small();
    for id in world.expected() {
        let whole = messages(&world, id);
        for message in &whole {
            check(
                message,
                &["id", "conversationId", "author", "type", "createdAt"],
                &[
                    "orgId",
                    "body",
                    "buttons",
                    "context",
                    "attributes",
                    "attachments",
                    "editedMessageId",
                    "editType",
                ],
            );
            check(&message["author"], &["type", "id", "bot"], &[]);
            assert_eq!(message["conversationId"], id);
        }
        let mut paged = Vec::new();
        loop {
            let page = world.messages(id, paged.len(), 50).unwrap();
            assert_eq!(page.total, whole.len());
            paged.extend(array(&page.array));
            if page.count < 50 {
                break;
            }
        }
        assert_eq!(paged, whole);
    }
    assert_eq!(world.messages(1, 0, 50), None);
}

#[test]
fn contacts_and_their_place() {
    let world = small();
    for row in walk(&world, 100, &[]) {
        let Some(contact) = world.contact(row["contactId"].as_i64().unwrap()) else { continue };
        let contact = parse(&contact);
        check(&contact, &["id", "createdAt", "attributes"], &[]);
        let place = contact["attributes"]["last_context_location"].as_str().unwrap();
        check(
            &parse(place.as_bytes()),
            &["city", "region", "country", "countryName", "postalCode", "latitude", "longitude"],
            &[],
        );
    }
}

#[test]
fn directories() {
    let world = small();
    let users = array(&world.users());
    assert_eq!(users.len(), 12);
    for user in &users {
        assert!(!user.as_object().unwrap().values().any(Value::is_null), "keys without a value are absent");
        assert_eq!(parse(&world.user(user["id"].as_i64().unwrap()).unwrap()), *user);
    }
    let known = users[0]["id"].as_i64().unwrap();
    assert_eq!(parse(&world.users_by_id(&[known, 5]))[known.to_string()], users[0]);
    assert!(array(&world.teams_of(known).unwrap()).len() >= 2 && world.teams_of(5).is_none());
    assert_eq!(array(&world.teams()).len(), 4);
    let (first, last) = (world.accounts(0, 65), world.accounts(130, 65));
    assert_eq!((first.count, last.count, last.total, world.accounts(999, 65).count), (65, 20, 150, 0));
    for account in array(&first.array) {
        let required = [
            "accountId",
            "ownerId",
            "name",
            "domain",
            "customProperties",
            "deleted",
            "targeted",
            "createDateTime",
        ];
        check(&account, &required, &["updateDateTime"]);
        assert_eq!(parse(&world.account(account["accountId"].as_str().unwrap()).unwrap()), account);
    }
    for playbook in array(&world.playbooks()) {
        check(
            &playbook,
            &[
                "id",
                "name",
                "orgId",
                "meta",
                "createdAt",
                "updatedAt",
                "interactionId",
                "reportType",
                "goals",
            ],
            &["createdAuthorId", "updatedAuthorId"],
        );
    }
    for page in array(&world.landing_pages()) {
        check(&page, &["playbookId", "playbookName", "landingPageUrl"], &[]);
    }
    for attribute in array(&world.contact_attributes()) {
        check(&attribute, &["type", "displayName", "name"], &[]);
    }
    let list = parse(&world.scim_users(None));
    assert_eq!((list["totalResults"].as_u64(), list["itemsPerPage"].as_u64()), (Some(9), Some(0)));
}

#[test]
fn transcripts_tell_the_chat_and_nothing_else() {
    let world = small();
    for id in world.expected() {
        let chat: Vec<Value> =
            messages(&world, id).into_iter().filter(|message| message["type"] == "chat").collect();
        let transcript = array(&world.transcript_json(id).unwrap());
        assert_eq!(ids(&transcript), ids(&chat));
        let text = world.transcript_text(id).unwrap();
        let stamped = |line: &&str| line.contains(" PDT ") || line.contains(" PST ");
        let spoken = chat.iter().filter(|message| message.get("body").is_some()).count();
        assert_eq!(text.lines().filter(stamped).count(), spoken, "{text}");
    }
}

use std::collections::HashSet;

use super::*;

#[test]
fn the_same_seed_gives_the_same_world_and_another_seed_another() {
    let (one, two, other) = (small(), small(), World::generated(8, 500, ENDS_AT, Shape::lifelike()));
    let everything = |world: &World| {
        let ids: Vec<i64> = world.expected().collect();
        let of =
            |id: &i64| (world.conversation(*id), world.expected_messages(*id), world.transcript_text(*id));
        ids.iter().map(of).collect::<Vec<_>>()
    };
    assert_eq!(everything(&one), everything(&two));
    assert_ne!(everything(&one), everything(&other));
    assert_eq!((one.users(), one.accounts(0, 65)), (two.users(), two.accounts(0, 65)));
}

#[test]
fn a_conversation_does_not_depend_on_when_it_is_asked_for() {
    let world = small();
    let ids: Vec<i64> = world.expected().collect();
    let forward: Vec<_> = ids.iter().map(|&id| world.expected_messages(id)).collect();
    let backward: Vec<_> = ids.iter().rev().map(|&id| world.expected_messages(id)).collect();
    assert!(forward.iter().eq(backward.iter().rev()));
}

#[test]
fn all_ids_are_distinct_and_wide() {
    let world = World::generated(3, 1_200, ENDS_AT, Shape::lifelike());
    let (mut conversations, mut all_messages, mut files) = (HashSet::new(), HashSet::new(), HashSet::new());
    for id in world.expected() {
        assert!(conversations.insert(id));
        for message in messages(&world, id) {
            let message_id = message["id"].as_i64().unwrap();
            assert!(message_id > 1 << 32 && all_messages.insert(message_id));
            for file in message["attachments"].as_array().into_iter().flatten() {
                assert!(files.insert(file["id"].as_i64().unwrap()));
            }
        }
    }
    assert_eq!(conversations.len(), 1_200);
}

#[test]
fn times_rise_along_the_list_and_within_each_conversation() {
    let world = small();
    let rows = walk(&world, 100, &[]);
    let updates: Vec<i64> = rows.iter().map(|row| row["updatedAt"].as_i64().unwrap()).collect();
    assert!(updates.is_sorted_by(|newer, older| newer > older) && updates[0] < ENDS_AT.0);
    for row in rows {
        let mut at = row["createdAt"].as_i64().unwrap();
        for message in messages(&world, row["id"].as_i64().unwrap()) {
            let next = message["createdAt"].as_i64().unwrap();
            assert!(next >= at, "{row} {message}");
            at = next;
        }
        assert!(at <= row["updatedAt"].as_i64().unwrap(), "{row}");
    }
}

#[test]
fn a_million_conversations_are_there_at_once_and_pages_lie_anywhere() {
    let world = World::generated(7, 1_000_000, ENDS_AT, Shape::lifelike());
    let last = world.list(999_990, 50, &[]);
    assert_eq!((last.count, last.more), (10, false));
    let id = parse(&last.array)[9]["id"].as_i64().unwrap();
    assert!(world.has_conversation(id) && !world.has_conversation(id - 1_000));
    assert_eq!(world.stats().total(), 1_000_000);
}

#[test]
fn a_world_may_be_empty_or_tiny() {
    let none = World::generated(7, 0, ENDS_AT, Shape::lifelike());
    assert_eq!(
        (none.list(0, 50, &[]).array, none.counts()),
        (b"[]".to_vec(), super::super::Counts::default())
    );
    assert_eq!(none.meetings(Millis(0), LATER, 100, ENDS_AT), b"[]");
    let one = World::generated(7, 1, ENDS_AT, Shape::lifelike());
    assert_eq!(walk(&one, 50, &[]).len(), 1);
}

#[test]
fn counts_are_what_one_finds_by_asking_for_everything() {
    let world = small();
    assert_eq!(world.counts(), count_by_asking(&world));
    assert_eq!(world.counts().by_status, world.stats());
}

/// The counts as a client would find them.
pub(super) fn count_by_asking(world: &World) -> super::super::Counts {
    let mut counts = super::super::Counts::default();
    let (mut found, mut missing) = (HashSet::new(), HashSet::new());
    for row in walk(world, 100, &[]) {
        counts.conversations += 1;
        match row["status"].as_str().unwrap() {
            "open" => counts.by_status.open += 1,
            "closed" => counts.by_status.closed += 1,
            "pending" => counts.by_status.pending += 1,
            _ => counts.by_status.bulk_sent += 1,
        }
        for message in messages(world, row["id"].as_i64().unwrap()) {
            counts.messages += 1;
            counts.attachments += message["attachments"].as_array().map_or(0, Vec::len) as u64;
        }
        let contact = row["contactId"].as_i64().unwrap();
        if world.contact(contact).is_some() {
            found.insert(contact)
        } else {
            missing.insert(contact)
        };
    }
    (counts.contacts, counts.contacts_missing) = (found.len() as u64, missing.len() as u64);
    counts
}

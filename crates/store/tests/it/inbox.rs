//! The inbox: each event once, whoever brings it and how often; routed, replayed, kept apart, pruned.

use std::sync::Arc;

use model::{ConversationId, Entropy, EventId, Millis, OrgId, Pii, SeededEntropy};
use store::inbox::{self, Appended, NewEvent, Outcome, Payload, Selection};
use store::vault::{Key, Vault, VaultError};
use store::{Db, StoreError};

use crate::engines::{Store, on_both, options};

const NOW: Millis = Millis(1_750_000_000_000);
const ORG: OrgId = OrgId(7);
const WINDOW_MS: i64 = 600_000;

/// An event of this key, received `after_ms` after [`NOW`].
fn event(key: u8, after_ms: i64, entropy: &dyn Entropy) -> NewEvent {
    let received_at = NOW.plus(after_ms);
    NewEvent {
        event_id: EventId::new(received_at, entropy),
        org_id: ORG,
        connection_id: None,
        kind: "new_message".to_owned(),
        spelled: "new_message".to_owned(),
        conversation_id: Some(ConversationId(i64::from(key))),
        contact_id: None,
        user_id: None,
        message_id: None,
        playbook_id: None,
        occurred_at: Some(Millis(1_749_999_000_000)),
        received_at,
        key: [key; 16],
        window_ms: WINDOW_MS,
        facts: None,
        payload: Payload::None,
        trace: None,
    }
}

async fn append(db: &Db, events: &[NewEvent]) -> Vec<Appended> {
    inbox::commit(db, events.to_vec()).await.unwrap()
}

fn duplicates(appended: &[Appended]) -> Vec<bool> {
    appended.iter().map(|one| one.duplicate).collect()
}

async fn all(store: &Store) -> Vec<EventId> {
    let events = inbox::list(&store.db, &Selection::default(), None, 1_000).await.unwrap();
    events.into_iter().map(|event| event.event_id).collect()
}

#[tokio::test]
async fn what_is_committed_on_its_own_is_seen_at_once_and_on_the_disk_once_it_is_settled() {
    on_both(async |store| {
        let entropy = SeededEntropy::new(1);
        let (first, second) = ([event(1, 0, &entropy), event(2, 0, &entropy)], [event(2, 1, &entropy)]);
        let before = match store.db.engine() {
            store::Engine::Sqlite => Vec::new(),
            store::Engine::Postgres => {
                store.texts("SELECT CAST(pg_current_wal_insert_lsn() AS TEXT)".to_owned()).await
            }
        };
        assert_eq!(duplicates(&inbox::commit(&store.db, first.into()).await.unwrap()), [false, false]);
        assert_eq!(duplicates(&inbox::commit(&store.db, second.into()).await.unwrap()), [true]);
        assert_eq!(all(store).await.len(), 2);
        store.db.settle().await.unwrap();
        let Some(before) = before.first() else { return };
        let flushed = format!("SELECT CAST(pg_current_wal_flush_lsn() > '{before}' AS TEXT)");
        assert_eq!(store.texts(flushed).await, ["true"]);
    })
    .await;
}

#[tokio::test]
async fn after_cleaning_up_the_server_knows_how_many_events_there_are() {
    on_both(async |store| {
        let entropy = SeededEntropy::new(3);
        append(&store.db, &[event(1, 0, &entropy), event(2, 0, &entropy)]).await;
        store.db.clean_up().await.unwrap();
        assert_eq!(all(store).await.len(), 2);
        if store.db.engine() == store::Engine::Postgres {
            let known =
                "SELECT CAST(CAST(reltuples AS BIGINT) AS TEXT) FROM pg_class WHERE relname = 'events'";
            assert_eq!(store.texts(known.to_owned()).await, ["2"]);
        }
    })
    .await;
}

#[tokio::test]
async fn a_second_delivery_within_the_window_is_dropped_and_a_later_one_is_new() {
    on_both(async |store| {
        let entropy = SeededEntropy::new(1);
        let batch = [event(1, 0, &entropy), event(2, 0, &entropy), event(1, 0, &entropy)];
        let appended = append(&store.db, &batch).await;
        assert_eq!(duplicates(&appended), [false, false, true]);
        assert_eq!(appended[1].event_id, batch[1].event_id);

        let again = [event(3, 5, &entropy), event(1, WINDOW_MS - 1, &entropy)];
        assert_eq!(duplicates(&append(&store.db, &again).await), [false, true]);
        let later = [event(1, WINDOW_MS, &entropy), event(2, WINDOW_MS, &entropy)];
        assert_eq!(duplicates(&append(&store.db, &later).await), [false, false]);

        let other_org = NewEvent { org_id: OrgId(8), ..event(1, WINDOW_MS, &entropy) };
        assert_eq!(duplicates(&append(&store.db, &[other_org]).await), [false]);
        assert_eq!(all(store).await.len(), 6);
    })
    .await;
}

#[tokio::test]
async fn a_key_that_several_events_take_over_is_the_last_ones() {
    on_both(async |store| {
        let entropy = SeededEntropy::new(9);
        for turn in 0..4 {
            let (held, ended) = (event(1, turn * WINDOW_MS, &entropy), event(2, turn * WINDOW_MS, &entropy));
            let batch = [held, ended, event(3, turn, &entropy)];
            assert_eq!(duplicates(&append(&store.db, &batch).await), [false, false, turn > 0]);
            let again = [event(1, (turn + 1) * WINDOW_MS - 1, &entropy), event(3, turn, &entropy)];
            assert_eq!(duplicates(&append(&store.db, &again).await), [true, true]);
        }
        let events = inbox::list(&store.db, &Selection::default(), None, 100).await.unwrap();
        assert_eq!(events.len(), 9);
        let of_one: Vec<_> =
            events.iter().filter(|one| one.conversation_id == Some(ConversationId(1))).collect();
        assert!(of_one.len() == 4 && of_one.iter().all(|one| one.key == of_one[0].key), "{of_one:?}");
    })
    .await;
}

#[tokio::test]
async fn keys_of_an_older_schema_are_in_force_after_the_upgrade() {
    on_both(async |store| {
        let entropy = SeededEntropy::new(10);
        append(&store.db, &[event(1, 0, &entropy), event(2, 0, &entropy)]).await;
        append(&store.db, &[event(1, WINDOW_MS, &entropy)]).await;
        let (integer, bytes) = match store.db.engine() {
            store::Engine::Sqlite => ("INTEGER", "BLOB"),
            store::Engine::Postgres => ("BIGINT", "BYTEA"),
        };
        for statement in [
            format!(
                "CREATE TABLE event_keys (org_id {integer} NOT NULL, key {bytes} NOT NULL, event_id TEXT NOT NULL,
                 received_at {integer} NOT NULL, ends_at {integer} NOT NULL, PRIMARY KEY (org_id, key))"
            ),
            "INSERT INTO event_keys SELECT org_id, key, event_id, received_at, key_ends_at FROM events
             WHERE key_ends_at IS NOT NULL"
                .to_owned(),
            "DROP INDEX events_by_key".to_owned(),
            "ALTER TABLE events DROP COLUMN key_ends_at".to_owned(),
            "DELETE FROM longshore_migrations WHERE version >= 16".to_owned(),
        ] {
            store.tamper(statement).await;
        }
        let upgraded = Db::open(&store.url, options()).await.unwrap();
        let again = [event(1, 2 * WINDOW_MS - 1, &entropy), event(2, WINDOW_MS - 1, &entropy)];
        assert_eq!(duplicates(&append(&upgraded, &again).await), [true, true]);
        let later = [event(1, 2 * WINDOW_MS, &entropy), event(2, WINDOW_MS, &entropy)];
        assert_eq!(duplicates(&append(&upgraded, &later).await), [false, false]);
        upgraded.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_server_that_came_back_costs_no_event() {
    let Some(store) = crate::engines::postgres().await else { return };
    let entropy = SeededEntropy::new(11);
    append(&store.db, &[event(1, 0, &entropy)]).await;
    let all_sessions = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()";
    store.tamper(all_sessions).await;
    let after = [event(1, 1, &entropy), event(2, 1, &entropy)];
    assert_eq!(duplicates(&append(&store.db, &after).await), [true, false]);
    store.end().await;
}

#[tokio::test]
async fn a_repeated_event_does_not_wait_for_the_router_that_holds_it() {
    let Some(store) = crate::engines::postgres().await else { return };
    let entropy = SeededEntropy::new(12);
    append(&store.db, &[event(1, 0, &entropy), event(2, 0, &entropy)]).await;
    let mut routing = store.db.begin().await.unwrap();
    assert_eq!(inbox::unrouted(&mut routing, 10).await.unwrap().len(), 2);
    let again = [event(2, 1, &entropy), event(1, 1, &entropy), event(3, 1, &entropy)];
    assert_eq!(duplicates(&append(&store.db, &again).await), [true, true, false]);
    let mut other = store.db.begin().await.unwrap();
    let left = inbox::unrouted(&mut other, 10).await.unwrap();
    assert_eq!(left.iter().map(|one| one.conversation_id).collect::<Vec<_>>(), [Some(ConversationId(3))]);
    other.rollback().await.unwrap();
    routing.rollback().await.unwrap();
    store.end().await;
}

#[tokio::test]
async fn sixty_four_identical_deliveries_at_once_from_several_processes_are_one_event() {
    on_both(async |store| {
        let entropy = Arc::new(SeededEntropy::new(2));
        let mut processes = Vec::new();
        for _ in 0..3 {
            processes.push(Db::open(&store.url, options()).await.unwrap());
        }
        let deliveries: Vec<_> = (0..64_i64)
            .map(|number| {
                let db = processes[usize::try_from(number % 3).unwrap()].clone();
                let other = u8::try_from(100 + number).unwrap();
                // Two batches that hold the same keys the other way round must not wait for each other.
                let mut batch = vec![event(1, number, &*entropy), event(2, number, &*entropy)];
                if number % 2 == 0 {
                    batch.reverse();
                }
                batch.push(event(other, number, &*entropy));
                tokio::spawn(async move { append(&db, &batch).await })
            })
            .collect();
        let mut kept = 0;
        for delivery in deliveries {
            kept += delivery.await.unwrap().iter().filter(|one| !one.duplicate).count();
        }
        assert_eq!(kept, 66);
        assert_eq!(all(store).await.len(), 66);
        for process in processes {
            process.close().await;
        }
    })
    .await;
}

#[tokio::test]
async fn what_was_appended_is_read_back_and_routed_once() {
    on_both(async |store| {
        let entropy = SeededEntropy::new(3);
        let full = NewEvent {
            connection_id: Some(model::ConnectionId("c1".to_owned())),
            spelled: "new\0message".to_owned(),
            contact_id: Some(model::ContactId(11)),
            user_id: Some(model::UserId(12)),
            message_id: Some(model::MessageId(13)),
            playbook_id: Some(model::PlaybookId(14)),
            facts: Some(Pii::new("{\"phone\":\"1\"}".to_owned())),
            payload: Payload::Redacted("{}".to_owned()),
            trace: Some("00-trace".to_owned()),
            ..event(1, 0, &entropy)
        };
        let plain = event(2, 10, &entropy);
        append(&store.db, &[full.clone(), plain.clone()]).await;
        let (found, payload) = inbox::get(&store.db, &full.event_id).await.unwrap().unwrap();
        assert_eq!(payload, full.payload);
        assert_eq!(found.spelled, "new\u{fffd}message");
        assert_eq!((found.facts, found.trace), (full.facts.clone(), full.trace.clone()));
        assert_eq!((found.message_id, found.occurred_at), (full.message_id, full.occurred_at));

        let counts = inbox::counts(&store.db).await.unwrap();
        assert_eq!((counts.unrouted, counts.oldest_at), (2, Some(NOW)));

        let mut tx = store.db.begin().await.unwrap();
        let waiting = inbox::unrouted(&mut tx, 10).await.unwrap();
        assert_eq!(waiting.len(), 2);
        let routed =
            [(full.event_id.clone(), Outcome::Routed), (plain.event_id.clone(), Outcome::Unconnected)];
        assert_eq!(inbox::mark_routed(&mut tx, &routed, NOW).await.unwrap(), 2);
        assert_eq!(inbox::mark_routed(&mut tx, &routed, NOW).await.unwrap(), 0);
        tx.commit().await.unwrap();
        assert_eq!(inbox::counts(&store.db).await.unwrap(), inbox::Counts::default());

        let apart = inbox::unconnected(&store.db, 10).await.unwrap();
        assert_eq!((apart.len(), apart[0].org_id, apart[0].events), (1, ORG, 1));
        let of = inbox::of_conversation(&store.db, ORG, ConversationId(1), None, 10).await.unwrap();
        assert_eq!(of.iter().map(|one| one.outcome).collect::<Vec<_>>(), [Some(Outcome::Routed)]);
    })
    .await;
}

#[tokio::test]
async fn a_selection_is_replayed_in_pages_and_what_is_old_is_pruned() {
    on_both(async |store| {
        let entropy = SeededEntropy::new(4);
        let events: Vec<NewEvent> =
            (0..10).map(|number| event(number, i64::from(number) * 1_000, &entropy)).collect();
        append(&store.db, &events).await;
        let routed: Vec<_> = events.iter().map(|one| (one.event_id.clone(), Outcome::Routed)).collect();
        let mut tx = store.db.begin().await.unwrap();
        inbox::mark_routed(&mut tx, &routed, NOW).await.unwrap();
        tx.commit().await.unwrap();

        let span = Selection {
            org: Some(ORG),
            kind: Some("new_message".to_owned()),
            since: Some(NOW.plus(2_000)),
            until: Some(NOW.plus(7_000)),
            ..Selection::default()
        };
        assert_eq!(inbox::count(&store.db, &span).await.unwrap(), 5);
        let mut tx = store.db.begin().await.unwrap();
        let (first, last) = inbox::unroute(&mut tx, &span, None, 3).await.unwrap();
        assert_eq!((first, last.as_ref()), (3, Some(&events[4].event_id)));
        let (second, last) = inbox::unroute(&mut tx, &span, last.as_ref(), 3).await.unwrap();
        assert_eq!(second, 2);
        assert_eq!(inbox::unroute(&mut tx, &span, last.as_ref(), 3).await.unwrap(), (0, None));
        tx.commit().await.unwrap();
        assert_eq!(inbox::counts(&store.db).await.unwrap().unrouted, 5);

        let one = Selection { event: Some(events[0].event_id.clone()), ..Selection::default() };
        assert_eq!(inbox::count(&store.db, &one).await.unwrap(), 1);
        let none = Selection { kind: Some("new_meeting".to_owned()), ..Selection::default() };
        assert_eq!(inbox::count(&store.db, &none).await.unwrap(), 0);

        let mut tx = store.db.begin().await.unwrap();
        // However old, those that wait to be routed stay, and those whose keys are still in force.
        let (before, ended) = (NOW.plus(60_000), NOW.plus(9_000 + WINDOW_MS));
        assert_eq!(inbox::prune(&mut tx, before, NOW, 100).await.unwrap(), 0);
        assert_eq!(inbox::prune(&mut tx, before, NOW.plus(WINDOW_MS), 100).await.unwrap(), 1);
        assert_eq!(inbox::prune(&mut tx, before, ended, 3).await.unwrap(), 3);
        assert_eq!(inbox::prune(&mut tx, before, ended, 100).await.unwrap(), 1);
        assert_eq!(inbox::prune(&mut tx, NOW, ended, 100).await.unwrap(), 0);
        tx.commit().await.unwrap();
        assert_eq!(all(store).await.len(), 5);
    })
    .await;
}

#[tokio::test]
async fn a_batch_that_is_too_large_is_refused() {
    on_both(async |store| {
        let entropy = SeededEntropy::new(5);
        let events = vec![event(1, 0, &entropy); inbox::BATCH_MAX + 1];
        let refused = inbox::commit(&store.db, events).await;
        assert!(matches!(refused, Err(StoreError::Stored { .. })));
    })
    .await;
}

#[tokio::test]
async fn a_sealed_body_opens_only_as_its_own_event() {
    on_both(async |store| {
        let entropy: Arc<dyn Entropy> = Arc::new(SeededEntropy::new(6));
        let vault = Vault::new(Key::generate(&*entropy), Arc::clone(&entropy));
        let (event, other) = (EventId::new(NOW, &*entropy), EventId::new(NOW, &*entropy));
        let sealed = vault.seal_event(&store.db, (ORG, &event), b"ada@example.test", NOW).await.unwrap();
        assert!(!sealed.windows(3).any(|window| window == b"ada"));
        let opened = vault.open_event(&store.db, (ORG, &event), &sealed).await.unwrap();
        assert_eq!(opened.expose(), b"ada@example.test");
        for elsewhere in [(ORG, &other), (OrgId(8), &event)] {
            let refused = vault.open_event(&store.db, elsewhere, &sealed).await;
            assert!(matches!(refused, Err(StoreError::Vault(VaultError::Damaged))), "{refused:?}");
        }
    })
    .await;
}

//! The merge law, held by random deliveries: neither order, nor repetition, nor how they are batched may matter.

use model::record::{Message, Snapshot};
use model::{ConversationId, Millis, OrgId, Pii};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use store::{changes, mirror};

use crate::engines::{Store, postgres, sqlite};
use crate::samples::{NOW, attachment, details, message, read, row};

#[derive(Debug, Clone)]
enum Delivery {
    Seen(Box<Snapshot>),
    Gone(i64, i64),
}

fn messages(conversation: i64) -> impl Strategy<Value = Vec<Message>> {
    // A body and a set of attachments for each message that is listed.
    let one = (0..3_u8, proptest::bool::ANY, 0..3_i64);
    proptest::collection::btree_map(0..4_i64, one, 0..4).prop_map(move |listed| {
        let messages = listed.into_iter().map(|(number, (body, with_file, file))| {
            let mut message = message(conversation * 100 + number, &format!("<p>body {body}</p>"));
            message.created_at = Some(Millis(50 - number % 2));
            if with_file {
                message.attachments = vec![attachment(conversation * 10 + file)];
                message.attachments[0].url = Some(Pii::new(format!("https://files.test/{body}")));
            }
            message
        });
        messages.collect()
    })
}

fn snapshot() -> impl Strategy<Value = Snapshot> {
    (1..3_i64, 0..3_i64, 0..4_i64, 0..3_u8, 0..2_u8).prop_flat_map(
        |(id, updated_at, fetched_at, status, extra)| {
            let with_details = proptest::option::of((
                proptest::collection::vec(1..4_i64, 0..3),
                proptest::sample::subsequence(vec!["hot", "cold", "spam"], 0..3),
            ));
            (with_details, proptest::option::of(messages(id))).prop_map(move |(with_details, messages)| {
                let mut snapshot = row(id, updated_at, fetched_at);
                snapshot.conversation.status = ["open", "closed", "pending"][usize::from(status)].to_owned();
                snapshot.conversation.extra = format!("{{\"e\":{extra}}}");
                snapshot.details = with_details.map(|(users, tags)| details(&users, &tags));
                snapshot.messages = messages;
                snapshot
            })
        },
    )
}

fn delivery() -> impl Strategy<Value = Delivery> {
    prop_oneof![
        6 => snapshot().prop_map(|snapshot| Delivery::Seen(Box::new(snapshot))),
        1 => (1..3_i64, 0..5_i64).prop_map(|(id, at)| Delivery::Gone(id, at)),
    ]
}

/// Deliveries, and the same ones shuffled, some of them twice, in batches of some size.
fn case() -> impl Strategy<Value = (Vec<Delivery>, Vec<Delivery>, usize)> {
    proptest::collection::vec(delivery(), 1..9).prop_flat_map(|all| {
        let doubled = proptest::sample::subsequence(all.clone(), 0..=all.len());
        let shuffled = doubled.prop_map({
            let all = all.clone();
            move |more| [all.clone(), more].concat()
        });
        (Just(all), shuffled.prop_shuffle(), 1..5_usize)
    })
}

async fn deliver(store: &Store, org: OrgId, deliveries: &[Delivery], batch: usize) -> u64 {
    // Both conversations are known from the start: one that was never seen cannot be marked as gone.
    let mut changes = 0;
    let known = [row(1, 0, -1), row(2, 0, -1)].map(|known| Delivery::Seen(Box::new(known)));
    for deliveries in std::iter::once(known.as_slice()).chain(deliveries.chunks(batch)) {
        let mut tx = store.db.begin().await.unwrap();
        let mut snapshots = Vec::new();
        for delivery in deliveries {
            match delivery {
                Delivery::Seen(snapshot) => snapshots.push(snapshot.as_ref().clone()),
                Delivery::Gone(id, at) => {
                    let id = ConversationId(*id);
                    changes += mirror::mark_gone(&mut tx, org, &[id], Millis(*at)).await.unwrap();
                }
            }
        }
        changes += mirror::apply(&mut tx, org, &snapshots, NOW).await.unwrap().changes;
        tx.commit().await.unwrap();
    }
    changes
}

async fn check(
    store: &Store,
    org: i64,
    case: &(Vec<Delivery>, Vec<Delivery>, usize),
) -> Result<(), TestCaseError> {
    let (ordered, shuffled, batch) = case;
    let (one, other) = (OrgId(org), OrgId(org + 1));
    deliver(store, one, ordered, 1).await;
    deliver(store, other, shuffled, *batch).await;
    let dump = store.dump(one).await;
    prop_assert_eq!(&dump, &store.dump(other).await);

    let feed = changes::read(&store.db, one, 0, 1_000).await.unwrap().len();
    prop_assert_eq!(deliver(store, one, shuffled, *batch).await, 0);
    prop_assert_eq!(&dump, &store.dump(one).await);
    prop_assert_eq!(feed, changes::read(&store.db, one, 0, 1_000).await.unwrap().len());

    for stored in mirror::read_conversations(&store.db, one, None, 10).await.unwrap() {
        let messages =
            mirror::messages_of(&store.db, one, stored.conversation.conversation_id).await.unwrap();
        prop_assert_eq!(stored.message_count, messages.len() as i64);
        let expected = stored.messages_hash.is_some().then(|| mirror::messages_hash(&messages));
        prop_assert_eq!(stored.messages_hash, expected);
    }
    Ok(())
}

fn hold_on(store: &Store, runtime: &tokio::runtime::Runtime, cases: u32) {
    let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    let org = std::cell::Cell::new(0);
    let held = runner.run(&case(), |case| {
        org.set(org.get() + 2);
        runtime.block_on(check(store, org.get(), &case))
    });
    held.unwrap();
}

#[test]
fn the_end_state_depends_neither_on_order_nor_on_repetition() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let store = runtime.block_on(sqlite());
    hold_on(&store, &runtime, 100);
    runtime.block_on(store.end());
    if let Some(store) = runtime.block_on(postgres()) {
        hold_on(&store, &runtime, 30);
        runtime.block_on(store.end());
    }
}

#[tokio::test]
async fn an_older_list_that_comes_late_only_adds_what_it_alone_had() {
    crate::engines::on_both(async |store| {
        let org = crate::samples::ORG;
        let newer = read(1, 20, 5, vec![message(1, "kept"), message(2, "edited")]);
        let older =
            read(1, 10, 9, vec![message(1, "kept"), message(2, "before"), message(3, "deleted since")]);
        deliver(store, org, &[newer, older].map(|list| Delivery::Seen(Box::new(list))), 1).await;

        let live = mirror::messages_of(&store.db, org, ConversationId(1)).await.unwrap();
        assert_eq!(live, [message(1, "kept"), message(2, "edited")]);
        let table = store::tables::table("messages").unwrap();
        let all = store::tables::read(&store.db, table, org, None, 10).await.unwrap();
        assert_eq!(all.len(), 3);
    })
    .await;
}

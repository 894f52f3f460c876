//! What `apply` writes, and what it tells the feed.

use model::record::Snapshot;
use model::{ConversationId, Millis, Pii};
use store::changes::{self, ChangeKind};
use store::mirror::{self, Applied};
use store::{Db, StoreError};

use crate::engines::on_both;
use crate::samples::{NOW, ORG, attachment, details, message, read, row};

async fn apply(db: &Db, snapshots: &[Snapshot]) -> Applied {
    let mut tx = db.begin().await.unwrap();
    let applied = mirror::apply(&mut tx, ORG, snapshots, NOW).await.unwrap();
    tx.commit().await.unwrap();
    applied
}

/// The kinds of the changes after the `seen` first ones.
async fn kinds(db: &Db, seen: usize) -> Vec<ChangeKind> {
    let all = changes::read(db, ORG, 0, 1_000).await.unwrap();
    all.iter().skip(seen).map(|change| change.kind).collect()
}

#[tokio::test]
async fn a_conversation_comes_back_as_it_was_fetched() {
    on_both(async |store| {
        let mut first = message(1, "<p>Hello &amp; welcome 😀</p>");
        first.attachments = vec![attachment(8), attachment(3)];
        first.extra = Pii::new("{\"x\":[1,null]}".to_owned());
        let mut edit = message(2, "x");
        edit.author = model::record::Author { kind: "user".to_owned(), id: Some(77), bot: true };
        edit.body = None;
        edit.created_at = None;
        edit.edited_message_id = Some(model::MessageId(1));
        edit.edit_type = Some("replace".to_owned());
        let mut snapshot = read(1, 10, 11, vec![first.clone(), edit.clone()]);
        snapshot.details = Some(details(&[3, 1, 3], &["hot", "cold"]));
        let applied = apply(&store.db, &[snapshot.clone()]).await;
        assert_eq!(applied, Applied { created: 1, messages_added: 2, changes: 1, ..Applied::default() });

        let stored = mirror::conversation(&store.db, ORG, ConversationId(1)).await.unwrap().unwrap();
        assert_eq!(stored.conversation, snapshot.conversation);
        assert_eq!(stored.details, Some(details(&[1, 3], &["cold", "hot"])));
        assert_eq!(stored.message_count, 2);
        let messages = mirror::messages_of(&store.db, ORG, ConversationId(1)).await.unwrap();
        assert_eq!(messages, [edit, first], "ordered by creation, then id");
        assert_eq!(stored.messages_hash, Some(mirror::messages_hash(&messages)));
        let texts = store.texts("SELECT text FROM messages WHERE text IS NOT NULL".to_owned()).await;
        assert_eq!(texts, ["Hello & welcome 😀"]);
    })
    .await;
}

#[tokio::test]
async fn each_difference_is_one_row_of_the_feed() {
    on_both(async |store| {
        apply(&store.db, &[read(1, 10, 11, vec![message(1, "a"), message(2, "b")])]).await;
        assert_eq!(kinds(&store.db, 0).await, [ChangeKind::ConversationCreated]);

        let mut next = read(1, 20, 21, vec![message(2, "b, edited"), message(3, "c")]);
        next.conversation.status = "closed".to_owned();
        next.details = Some(details(&[1], &["hot"]));
        let applied = apply(&store.db, &[next.clone()]).await;
        let expected = Applied {
            changed: 1,
            messages_added: 1,
            messages_changed: 1,
            messages_removed: 1,
            changes: 5,
            ..Applied::default()
        };
        assert_eq!(applied, expected);
        let expected = [
            ChangeKind::StatusChanged,
            ChangeKind::DetailsLoaded,
            ChangeKind::MessageChanged,
            ChangeKind::MessageAdded,
            ChangeKind::MessageRemoved,
        ];
        assert_eq!(kinds(&store.db, 1).await, expected);

        next.fetched_at = Millis(31);
        next.details = Some(details(&[2], &["hot", "cold"]));
        next.conversation.inbox_id = None;
        apply(&store.db, &[next]).await;
        let expected =
            [ChangeKind::ParticipantsChanged, ChangeKind::TagsChanged, ChangeKind::ConversationChanged];
        assert_eq!(kinds(&store.db, 6).await, expected);
        let all = changes::read(&store.db, ORG, 6, 10).await.unwrap();
        assert_eq!(all[0].detail, r#"{"added":[2],"removed":[1]}"#);
        assert_eq!(all[1].detail, r#"{"added":["cold"],"removed":[]}"#);
        assert_eq!(all[2].detail, r#"{"fields":["inbox_id"]}"#);
        let seqs: Vec<i64> = all.iter().map(|change| change.seq).collect();
        assert_eq!(seqs, [7, 8, 9]);
    })
    .await;
}

#[tokio::test]
async fn a_first_archive_writes_one_change_for_each_part() {
    on_both(async |store| {
        apply(&store.db, &[row(1, 10, 1)]).await;
        apply(&store.db, &[read(1, 10, 2, vec![message(1, "a"), message(2, "b")])]).await;
        apply(&store.db, &[Snapshot { details: Some(details(&[1, 2], &["hot"])), ..row(1, 10, 3) }]).await;
        let expected =
            [ChangeKind::ConversationCreated, ChangeKind::MessagesLoaded, ChangeKind::DetailsLoaded];
        assert_eq!(kinds(&store.db, 0).await, expected);
    })
    .await;
}

#[tokio::test]
async fn what_is_gone_at_drift_is_kept_and_comes_back_when_seen_again() {
    on_both(async |store| {
        apply(&store.db, &[read(1, 10, 11, vec![message(1, "a")])]).await;
        let mut tx = store.db.begin().await.unwrap();
        let ids = [ConversationId(1), ConversationId(2)];
        assert_eq!(mirror::mark_gone(&mut tx, ORG, &ids, Millis(12)).await.unwrap(), 1);
        assert_eq!(mirror::mark_gone(&mut tx, ORG, &ids, Millis(13)).await.unwrap(), 0);
        tx.commit().await.unwrap();
        let state = mirror::states(&store.db, ORG, &ids).await.unwrap();
        assert!(state[&ids[0]].gone);
        assert_eq!(mirror::messages_of(&store.db, ORG, ids[0]).await.unwrap().len(), 1);

        apply(&store.db, &[row(1, 10, 12)]).await;
        assert!(mirror::states(&store.db, ORG, &ids).await.unwrap()[&ids[0]].gone, "seen before it was gone");
        apply(&store.db, &[row(1, 10, 14)]).await;
        assert!(!mirror::states(&store.db, ORG, &ids).await.unwrap()[&ids[0]].gone);
        let expected =
            [ChangeKind::ConversationCreated, ChangeKind::ConversationGone, ChangeKind::ConversationRevived];
        assert_eq!(kinds(&store.db, 0).await, expected);
    })
    .await;
}

#[tokio::test]
async fn a_transaction_that_is_dropped_leaves_nothing() {
    on_both(async |store| {
        let before = store.dump(ORG).await;
        let mut tx = store.db.begin().await.unwrap();
        let many: Vec<Snapshot> = (1..60).map(|id| read(id, 1, 1, vec![message(id, "lost")])).collect();
        mirror::apply(&mut tx, ORG, &many, NOW).await.unwrap();
        drop(tx);
        assert_eq!(store.dump(ORG).await, before);
        assert_eq!(kinds(&store.db, 0).await, []);
        apply(&store.db, &many[..1]).await;
        assert_eq!(changes::read(&store.db, ORG, 0, 10).await.unwrap()[0].seq, 1);
    })
    .await;
}

#[tokio::test]
async fn a_page_that_repeats_rows_doubles_nothing() {
    on_both(async |store| {
        let mut older = message(1, "a");
        older.body = Some(Pii::new("before".to_owned()));
        let listed = vec![message(1, "a"), message(2, "b"), message(2, "b"), older];
        let applied = apply(&store.db, &[read(1, 10, 11, listed.clone())]).await;
        assert_eq!(applied.messages_added, 2);
        let stored = mirror::conversation(&store.db, ORG, ConversationId(1)).await.unwrap().unwrap();
        assert_eq!(stored.messages_hash, Some(mirror::messages_hash(&listed)));
    })
    .await;
}

#[tokio::test]
async fn a_message_id_of_another_conversation_is_refused() {
    on_both(async |store| {
        apply(&store.db, &[read(1, 10, 11, vec![message(1, "a")])]).await;
        let before = store.dump(ORG).await;
        let mut tx = store.db.begin().await.unwrap();
        let error = mirror::apply(&mut tx, ORG, &[read(2, 10, 11, vec![message(1, "a")])], NOW).await;
        assert!(matches!(error, Err(StoreError::Conflict { .. })), "{error:?}");
        drop(tx);
        assert_eq!(store.dump(ORG).await, before);
    })
    .await;
}

#[tokio::test]
async fn organizations_do_not_see_each_other() {
    on_both(async |store| {
        let other = model::OrgId(1);
        apply(&store.db, &[read(1, 10, 11, vec![message(1, "a")])]).await;
        let mut tx = store.db.begin().await.unwrap();
        mirror::apply(&mut tx, other, &[read(1, 10, 11, vec![message(1, "theirs")])], NOW).await.unwrap();
        tx.commit().await.unwrap();
        let ours = mirror::messages_of(&store.db, ORG, ConversationId(1)).await.unwrap();
        assert_eq!(ours, [message(1, "a")]);
        let theirs = changes::read(&store.db, other, 0, 10).await.unwrap();
        assert_eq!(theirs.iter().map(|change| change.seq).collect::<Vec<_>>(), [2]);
    })
    .await;
}

#[tokio::test]
async fn a_zero_character_is_kept_as_a_replacement_on_both_engines() {
    on_both(async |store| {
        let listed = vec![message(1, "a\0b")];
        apply(&store.db, &[read(1, 10, 11, listed.clone())]).await;
        let stored = mirror::messages_of(&store.db, ORG, ConversationId(1)).await.unwrap();
        assert_eq!(stored, [message(1, "a\u{fffd}b")]);
        assert_eq!(mirror::messages_hash(&stored), mirror::messages_hash(&listed));
        let again = apply(&store.db, &[read(1, 10, 12, listed)]).await;
        assert_eq!((again.unchanged, again.changes), (1, 0));
    })
    .await;
}

#[tokio::test]
async fn writers_at_once_lose_nothing_and_number_without_gaps() {
    on_both(async |store| {
        let writers: Vec<_> = (0..4_i64)
            .map(|writer| {
                let db = store.db.clone();
                tokio::spawn(async move {
                    for turn in 0..5_i64 {
                        let id = writer * 10 + turn;
                        let both =
                            [read(id + 1_000, 1, 1, vec![message(id, "own")]), row(1, writer * 10 + turn, 1)];
                        apply(&db, &both).await;
                    }
                })
            })
            .collect();
        for writer in writers {
            writer.await.unwrap();
        }
        let all = changes::read(&store.db, ORG, 0, 1_000).await.unwrap();
        let seqs: Vec<i64> = all.iter().map(|change| change.seq).collect();
        assert_eq!(seqs, (1..=seqs.len() as i64).collect::<Vec<_>>());
        assert_eq!(mirror::counts(&store.db, ORG).await.unwrap().conversations, 21);
        let shared = mirror::states(&store.db, ORG, &[ConversationId(1)]).await.unwrap();
        assert_eq!(shared[&ConversationId(1)].updated_at, Some(Millis(34)));
    })
    .await;
}

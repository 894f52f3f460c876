//! Reading the mirror: what is missing, what there is, page by page.

use model::record::Snapshot;
use model::{AttachmentId, ContactId, ConversationId, Millis};
use store::mirror;

use crate::engines::{Store, on_both};
use crate::samples::{NOW, ORG, attachment, contact, details, message, read, row};

async fn apply(store: &Store, snapshots: &[Snapshot]) {
    let mut tx = store.db.begin().await.unwrap();
    mirror::apply(&mut tx, ORG, snapshots, NOW).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn details_are_asked_for_until_they_are_as_new_as_the_conversation() {
    on_both(async |store| {
        let with_details = |id, at| Snapshot { details: Some(details(&[1], &[])), ..row(id, at, at) };
        apply(store, &[row(1, 10, 1), with_details(2, 10), with_details(3, 10), row(4, 10, 1)]).await;
        apply(store, &[row(3, 20, 20)]).await;
        let mut tx = store.db.begin().await.unwrap();
        mirror::mark_gone(&mut tx, ORG, &[ConversationId(4)], NOW).await.unwrap();
        tx.commit().await.unwrap();

        let all = mirror::conversations_without_details(&store.db, ORG, None, 10).await.unwrap();
        assert_eq!(all, [ConversationId(3), ConversationId(1)]);
        let rest =
            mirror::conversations_without_details(&store.db, ORG, Some(ConversationId(3)), 10).await.unwrap();
        assert_eq!(rest, [ConversationId(1)]);
        let first = mirror::conversations_without_details(&store.db, ORG, None, 1).await.unwrap();
        assert_eq!(first, [ConversationId(3)]);
    })
    .await;
}

#[tokio::test]
async fn a_contact_is_asked_for_once() {
    on_both(async |store| {
        let mut shared = row(3, 1, 1);
        shared.conversation.contact_id = Some(ContactId(1_002));
        apply(store, &[row(1, 1, 1), row(2, 1, 1), shared]).await;
        let missing = mirror::contacts_missing(&store.db, ORG, None, 10).await.unwrap();
        assert_eq!(missing, [ContactId(1_001), ContactId(1_002)]);
        let rest = mirror::contacts_missing(&store.db, ORG, Some(ContactId(1_001)), 10).await.unwrap();
        assert_eq!(rest, [ContactId(1_002)]);

        let mut tx = store.db.begin().await.unwrap();
        store::directory::apply_contacts(&mut tx, ORG, &[contact(1_001, "Ada")], NOW).await.unwrap();
        store::directory::mark_contacts_gone(&mut tx, ORG, &[ContactId(1_002)], NOW).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(mirror::contacts_missing(&store.db, ORG, None, 10).await.unwrap(), []);
    })
    .await;
}

#[tokio::test]
async fn the_bytes_of_an_attachment_are_fetched_once_and_kept() {
    on_both(async |store| {
        let with_file = |id: i64, file| {
            let mut message = message(id, "see");
            message.attachments = vec![attachment(file)];
            message
        };
        let listed = vec![with_file(1, 5), with_file(2, 5), with_file(3, 6), with_file(4, 7)];
        apply(store, &[read(1, 1, 1, listed)]).await;
        let missing = mirror::attachments_missing(&store.db, ORG, None, 10).await.unwrap();
        let ids: Vec<i64> = missing.iter().map(|missing| missing.attachment_id.0).collect();
        assert_eq!(ids, [5, 6, 7]);
        assert_eq!(missing[0].message_id.0, 1);

        let mut tx = store.db.begin().await.unwrap();
        mirror::store_attachment(&mut tx, ORG, AttachmentId(5), b"%PDF\0", Some("application/pdf"), NOW)
            .await
            .unwrap();
        mirror::store_attachment(&mut tx, ORG, AttachmentId(5), b"%PDF\0", None, Millis(1)).await.unwrap();
        mirror::mark_attachment_gone(&mut tx, ORG, AttachmentId(6), NOW).await.unwrap();
        tx.commit().await.unwrap();
        let missing = mirror::attachments_missing(&store.db, ORG, None, 10).await.unwrap();
        assert_eq!(missing.len(), 1);
        let file = mirror::attachment_bytes(&store.db, ORG, AttachmentId(5)).await.unwrap().unwrap();
        assert_eq!(
            (file.bytes.as_slice(), file.mime_type.as_deref()),
            (b"%PDF\0".as_slice(), Some("application/pdf"))
        );
        assert_eq!(file.stored_at, NOW);
        assert_eq!(mirror::attachment_bytes(&store.db, ORG, AttachmentId(6)).await.unwrap(), None);

        let counts = mirror::counts(&store.db, ORG).await.unwrap();
        let files = (
            counts.attachments,
            counts.attachments_with_bytes,
            counts.attachments_gone,
            counts.attachment_bytes,
        );
        assert_eq!(files, (3, 1, 1, 5));
    })
    .await;
}

#[tokio::test]
async fn counts_and_hashes_say_what_there_is() {
    on_both(async |store| {
        let mut closed = read(2, 5, 5, vec![message(21, "a"), message(22, "b")]);
        closed.conversation.status = "closed".to_owned();
        closed.conversation.created_at = Some(Millis(9_000));
        apply(store, &[read(1, 5, 5, vec![message(11, "a")]), closed, row(3, 5, 5)]).await;
        apply(store, &[read(1, 6, 6, vec![])]).await;

        let counts = mirror::counts(&store.db, ORG).await.unwrap();
        assert_eq!((counts.conversations, counts.messages, counts.messages_removed), (3, 2, 1));
        assert_eq!((counts.conversations_without_messages, counts.conversations_without_details), (1, 3));
        assert_eq!(counts.conversations_by_status["open"], 2);
        assert_eq!(counts.tables["messages"], 3);
        let created =
            mirror::count_created_between(&store.db, ORG, Millis(1_000), Millis(9_000)).await.unwrap();
        assert_eq!(created, 2);

        let first = mirror::hashes(&store.db, ORG, None, 2).await.unwrap();
        assert_eq!(first[0].hash, Some(mirror::messages_hash(&[])));
        assert_eq!(first[1].hash, Some(mirror::messages_hash(&[message(22, "b"), message(21, "a")])));
        assert_eq!((first[1].message_count, first[1].updated_at), (2, Some(Millis(5))));
        let rest = mirror::hashes(&store.db, ORG, Some(first[1].conversation_id), 2).await.unwrap();
        assert_eq!(rest.len(), 1);
        assert_eq!(rest[0].hash, None);
    })
    .await;
}

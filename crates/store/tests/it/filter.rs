//! Which rows go out when only some conversations are chosen.

use std::collections::BTreeSet;

use model::{ConversationId, InboxId, Millis, Pii, PlaybookId, UserId};
use store::directory::{self, Listing};
use store::mirror;
use store::tables::{self, Filter, Rows, Value, columns};

use crate::engines::{Store, on_both};
use crate::samples::{
    NOW, ORG, account, attachment, contact, details, fact, meeting, message, read, report_value, user,
};

/// Four conversations that differ in everything that can be asked for.
async fn fill(store: &Store) {
    let mut tx = store.db.begin().await.unwrap();
    for id in 1..=4_i64 {
        let mut said = message(id * 10, "a");
        said.attachments = vec![attachment(id)];
        said.author = model::record::Author { kind: "user".to_owned(), id: Some(20 + id), bot: false };
        said.extra = Pii::new(format!("{{\"context\":{{\"href\":\"https://site.test/page/{id}?a=%25\"}}}}"));
        let mut snapshot = read(id, 1, 1, vec![said]);
        snapshot.conversation.status = if id % 2 == 0 { "open" } else { "closed" }.to_owned();
        snapshot.conversation.created_at = Some(Millis(id * 1_000));
        snapshot.conversation.inbox_id = Some(InboxId(id));
        let mut more = details(&[10 + id], &[&format!("tag {id}")]);
        more.related_playbook_id = Some(PlaybookId(id));
        snapshot.details = Some(more);
        mirror::apply(&mut tx, ORG, &[snapshot], NOW).await.unwrap();
        mirror::store_attachment(&mut tx, ORG, model::AttachmentId(id), b"bytes", None, NOW).await.unwrap();
    }
    let contacts: Vec<_> = (1_001..=1_004).map(|id| contact(id, "Ada")).collect();
    directory::apply_contacts(&mut tx, ORG, &contacts, NOW).await.unwrap();
    let users: Vec<_> = (11..=14).chain(21..=24).chain([99]).map(|id| user(id, "Bo")).collect();
    directory::apply_users(&mut tx, ORG, &users, Listing::Complete, NOW).await.unwrap();
    directory::apply_accounts(&mut tx, ORG, &[account("a")], Listing::Complete, NOW).await.unwrap();
    let mut other = meeting("of another", "ACTIVE");
    other.conversation_id = Some(model::ConversationId(2));
    directory::apply_meetings(&mut tx, ORG, &[meeting("of the first", "ACTIVE"), other], NOW).await.unwrap();
    let values = [report_value(1, "a", Some(1.0)), report_value(2, "a", None)];
    directory::apply_report_values(&mut tx, ORG, &values, NOW).await.unwrap();
    store::facts::record(&mut tx, &[fact("of the first")]).await.unwrap();
    tx.commit().await.unwrap();
}

/// The first column after the organization of each row that goes out, read in pages of two, month by month where there are some.
async fn chosen(store: &Store, name: &str, filter: &Filter) -> Vec<String> {
    let table = tables::table(name).unwrap();
    let partitions = tables::partitions(&store.db, table, ORG).await.unwrap();
    let mut found = BTreeSet::new();
    let wholes = std::iter::once(None);
    for partition in wholes.chain(partitions.iter().map(Some)) {
        let among = match partition {
            Some(partition) => tables::among(&store.db, table, ORG, partition).await.unwrap(),
            None => None,
        };
        let rows = Rows { table, org: ORG, partition, filter: Some(filter), among: among.as_ref() };
        let mut after = None;
        loop {
            let page = tables::read_page(&store.db, rows, after.as_ref(), 2).await.unwrap();
            found.extend((0..page.rows()).map(|row| match page.value(row, 1).to_owned() {
                Value::Integer(number) => number.to_string(),
                Value::Text(text) => text,
                other => panic!("{other:?} in a key"),
            }));
            after = page.last_key();
            if after.is_none() {
                break;
            }
        }
    }
    found.into_iter().collect()
}

#[tokio::test]
async fn a_conversation_is_chosen_by_whatever_is_asked_for() {
    on_both(async |store| {
        fill(store).await;
        let all = Filter::default;
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let cases = [
            (all(), vec!["1", "2", "3", "4"]),
            (Filter { conversations: vec![ConversationId(3)], ..all() }, vec!["3"]),
            (Filter { statuses: texts(&["open"]), ..all() }, vec!["2", "4"]),
            (Filter { statuses: texts(&["open", "closed"]), ..all() }, vec!["1", "2", "3", "4"]),
            (Filter { since: Some(Millis(2_000)), until: Some(Millis(4_000)), ..all() }, vec!["2", "3"]),
            (Filter { inboxes: vec![InboxId(3), InboxId(4)], ..all() }, vec!["3", "4"]),
            (Filter { playbooks: vec![PlaybookId(2)], ..all() }, vec!["2"]),
            (Filter { tags: texts(&["tag 1", "it's none"]), ..all() }, vec!["1"]),
            (Filter { participants: vec![UserId(14)], ..all() }, vec!["4"]),
            (Filter { pages: texts(&["https://site.test/page/2"]), ..all() }, vec!["2"]),
            (Filter { pages: texts(&["https://site.test/page/%"]), ..all() }, vec![]),
            (Filter { pages: texts(&["https://site.test/"]), ..all() }, vec!["1", "2", "3", "4"]),
            (Filter { statuses: texts(&["open"]), tags: texts(&["tag 1", "tag 4"]), ..all() }, vec!["4"]),
        ];
        for (filter, expected) in cases {
            assert_eq!(chosen(store, "conversations", &filter).await, expected, "{filter:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn everything_that_hangs_on_a_conversation_follows_it() {
    on_both(async |store| {
        fill(store).await;
        let filter = Filter { tags: vec!["tag 1".to_owned()], ..Filter::default() };
        let expected = [
            ("conversations", vec!["1"]),
            ("messages", vec!["1"]),
            ("participants", vec!["1"]),
            ("tags", vec!["1"]),
            ("attachments", vec!["1"]),
            ("attachment_files", vec!["1"]),
            ("contacts", vec!["1001"]),
            ("users", vec!["11", "21"]),
            ("accounts", vec![]),
            ("meetings", vec!["of the first"]),
            ("facts", vec!["of the first"]),
            ("report_values", vec!["1"]),
        ];
        for (table, expected) in expected {
            assert_eq!(chosen(store, table, &filter).await, expected, "{table}");
        }
    })
    .await;
}

#[tokio::test]
async fn fewer_columns_are_read_from_the_same_rows() {
    on_both(async |store| {
        fill(store).await;
        for table in tables::every() {
            let last = table.columns.last().unwrap().name.to_owned();
            let few = columns::narrowed(table, &[last]).unwrap();
            let whole = tables::read(&store.db, table, ORG, None, 100).await.unwrap();
            let narrow = tables::read(&store.db, few, ORG, None, 100).await.unwrap();
            let kept: Vec<usize> =
                few.columns.iter().map(|column| table.place(column.name).unwrap()).collect();
            let expected: Vec<Vec<Value>> =
                whole.iter().map(|row| kept.iter().map(|place| row[*place].clone()).collect()).collect();
            assert_eq!(narrow, expected, "{}", table.name);
            let mut paged: Vec<tables::Row> = Vec::new();
            while paged.len() < whole.len() {
                paged.extend(tables::read(&store.db, few, ORG, paged.last(), 2).await.unwrap());
            }
            assert_eq!(paged, expected, "{}", table.name);
        }
    })
    .await;
}

//! The public tables go out in the order of their keys, page by page, whole.

use store::Engine;
use store::directory::{self, Listing};
use store::mirror;
use store::tables::{self, Among, Cut, Partition, Row, Rows, Table, Value};

use crate::engines::{Store, on_both};
use crate::samples::{
    NOW, ORG, account, attachment, contact, contact_attribute, details, fact, landing_page, meeting, message,
    new_export, playbook, read, report_value, team, user,
};

/// Three rows in every public table.
async fn fill(store: &Store) {
    let mut tx = store.db.begin().await.unwrap();
    let mut snapshots = Vec::new();
    for id in 1..4 {
        let mut first = message(id * 10, "a");
        first.attachments = vec![attachment(id)];
        let mut snapshot = read(id, 1, 1, vec![first]);
        snapshot.details = Some(details(&[id], &["hot"]));
        snapshots.push(snapshot);
        let file = model::AttachmentId(id);
        mirror::store_attachment(&mut tx, ORG, file, b"bytes", None, NOW).await.unwrap();
        let run = model::RunId(format!("run {id}"));
        store::export_runs::start(&mut tx, ORG, &run, &new_export("/tmp"), NOW).await.unwrap();
    }
    mirror::apply(&mut tx, ORG, &snapshots, NOW).await.unwrap();
    let listing = Listing::Complete;
    let texts = ["a", "b", "c"];
    directory::apply_contacts(&mut tx, ORG, &[1, 2, 3].map(|id| contact(id, "Ada")), NOW).await.unwrap();
    directory::apply_users(&mut tx, ORG, &[1, 2, 3].map(|id| user(id, "Ada")), listing, NOW).await.unwrap();
    directory::apply_teams(&mut tx, ORG, &[1, 2, 3].map(|id| team(id, &[1])), listing, NOW).await.unwrap();
    directory::apply_accounts(&mut tx, ORG, &texts.map(account), listing, NOW).await.unwrap();
    directory::apply_playbooks(&mut tx, ORG, &[1, 2, 3].map(playbook), listing, NOW).await.unwrap();
    let pages = texts.map(|url| landing_page(1, url));
    directory::apply_landing_pages(&mut tx, ORG, &pages, listing, NOW).await.unwrap();
    directory::apply_contact_attributes(&mut tx, ORG, &texts.map(contact_attribute), listing, NOW)
        .await
        .unwrap();
    directory::apply_meetings(&mut tx, ORG, &texts.map(|id| meeting(id, "ACTIVE")), NOW).await.unwrap();
    let values = texts.map(|metric| report_value(1, metric, Some(0.5)));
    store::facts::record(&mut tx, &texts.map(fact)).await.unwrap();
    directory::apply_report_values(&mut tx, ORG, &values, NOW).await.unwrap();
    tx.commit().await.unwrap();
}

/// The rows of a partition.
fn rows<'a>(table: &'static Table, partition: &'a Partition) -> Rows<'a> {
    Rows { table, org: ORG, partition: Some(partition), filter: None, among: None }
}

#[tokio::test]
async fn every_table_is_read_whole_in_small_pages() {
    on_both(async |store| {
        fill(store).await;
        for table in tables::every() {
            let whole = tables::read(&store.db, table, ORG, None, 100).await.unwrap();
            assert_eq!(whole.len(), 3, "{}", table.name);
            let mut paged: Vec<tables::Row> = Vec::new();
            loop {
                let page = tables::read(&store.db, table, ORG, paged.last(), 2).await.unwrap();
                if page.is_empty() {
                    break;
                }
                paged.extend(page);
            }
            assert_eq!(paged, whole, "{}", table.name);
            assert!(
                whole.iter().all(|row| row.len() == table.columns.len() && row[0] == Value::Integer(ORG.0))
            );
            assert_eq!(
                tables::read(&store.db, table, model::OrgId(1), None, 9).await.unwrap(),
                Vec::<tables::Row>::new()
            );
        }
    })
    .await;
}

/// All keys of a partition, read in small pages.
async fn keys(
    store: &Store,
    table: &'static Table,
    partition: &Partition,
    among: Option<&Among>,
) -> Vec<Row> {
    let read = Rows { among, ..rows(table, partition) };
    let (mut keys, mut after): (Vec<Row>, Option<Row>) = (Vec::new(), None);
    loop {
        let page = tables::read_page(&store.db, read, after.as_ref(), 2).await.unwrap();
        keys.extend((0..page.rows()).map(|row| page.row(row)[..=table.key.len()].to_vec()));
        after = page.last_key();
        if after.is_none() {
            return keys;
        }
    }
}

#[tokio::test]
async fn every_row_is_in_one_month_and_the_months_are_in_order() {
    const DAY_MS: i64 = 86_400_000;
    on_both(async |store| {
        fill(store).await;
        let mut tx = store.db.begin().await.unwrap();
        // Ids that do not follow time, months with gaps, and instants of no month.
        let times = [
            None,
            Some(NOW.0 - 40 * DAY_MS),
            Some(NOW.0),
            Some(i64::MAX),
            Some(NOW.0 - 400 * DAY_MS),
            Some(0),
        ];
        for (id, time) in (10..).zip(times.iter().cycle().take(24)) {
            let mut snapshot = read(id, 1, 1, vec![message(id * 100, "a"), message(id * 100 + 1, "b")]);
            snapshot.conversation.created_at = time.map(model::Millis);
            snapshot.details = Some(details(&[id], &["hot", "cold"]));
            mirror::apply(&mut tx, ORG, &[snapshot], NOW).await.unwrap();
        }
        let orphan = [report_value(9_999, "of no conversation", Some(1.0))];
        directory::apply_report_values(&mut tx, ORG, &orphan, NOW).await.unwrap();
        tx.commit().await.unwrap();
        for table in tables::every().filter(|table| table.cut != Cut::Whole) {
            let partitions = tables::partitions(&store.db, table, ORG).await.unwrap();
            let months: Vec<_> = partitions.iter().map(|partition| partition.month).collect();
            assert!(months.is_sorted_by(|a, b| a < b), "{}: {months:?}", table.name);
            let mut cut = Vec::new();
            for partition in &partitions {
                let found = keys(store, table, partition, None).await;
                let among = tables::among(&store.db, table, ORG, partition).await.unwrap();
                let is_told = store.db.engine() == Engine::Sqlite
                    && (table.cut, partition.month.is_some()) == (Cut::Conversation, true);
                assert_eq!(among.is_some(), is_told, "{}", table.name);
                assert_eq!(keys(store, table, partition, among.as_ref()).await, found, "{}", table.name);
                assert!(found.is_sorted_by(|a, b| order(a) < order(b)), "{}: {found:?}", table.name);
                cut.extend(found);
            }
            let whole = tables::read(&store.db, table, ORG, None, 1_000).await.unwrap();
            assert_eq!(cut.len(), whole.len(), "{}", table.name);
            for row in whole {
                assert!(cut.contains(&row[..=table.key.len()].to_vec()), "{}: {row:?}", table.name);
            }
        }
        let conversations = tables::table("conversations").unwrap();
        let months = tables::partitions(&store.db, conversations, ORG).await.unwrap();
        let none = keys(store, conversations, &months[0], None).await;
        assert!(months[0].month.is_none() && none.len() == 8, "{none:?}");
    })
    .await;
}

fn order(key: &Row) -> Vec<String> {
    key.iter()
        .map(|value| match value {
            Value::Integer(number) => format!("{number:020}"),
            Value::Text(text) => text.clone(),
            other => panic!("{other:?} in a key"),
        })
        .collect()
}

#[test]
fn a_tables_key_stands_first() {
    for table in tables::every() {
        let names: Vec<&str> = table.columns.iter().map(|column| column.name).collect();
        assert_eq!(&names[1..=table.key.len()], table.key, "{}", table.name);
    }
}

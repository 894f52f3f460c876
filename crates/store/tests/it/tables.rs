//! The public tables go out in the order of their keys, page by page, whole.

use store::directory::{self, Listing};
use store::mirror;
use store::tables::{self, TABLES, Value};

use crate::engines::{Store, on_both};
use crate::samples::{
    NOW, ORG, account, attachment, contact, contact_attribute, details, fact, landing_page, meeting, message,
    playbook, read, report_value, team, user,
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
        store::export_runs::start(&mut tx, ORG, &run, ("csv", "/tmp"), NOW).await.unwrap();
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

#[tokio::test]
async fn every_table_is_read_whole_in_small_pages() {
    on_both(async |store| {
        fill(store).await;
        for table in TABLES {
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

#[test]
fn a_tables_key_stands_first() {
    for table in TABLES {
        let names: Vec<&str> = table.columns.iter().map(|column| column.name).collect();
        assert_eq!(&names[1..=table.key.len()], table.key, "{}", table.name);
    }
}

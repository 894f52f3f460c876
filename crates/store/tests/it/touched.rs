//! What an incremental export leaves alone has not changed.

use std::collections::{BTreeMap, BTreeSet};

use model::{AttachmentId, ContactId, ConversationId, Entropy as _, Millis, Pii, SeededEntropy};
use store::directory::{self, Listing};
use store::tables::{self, Basis, Cut, Month, Partition, Row, Rows, TABLES, Table, Touched, touched};
use store::{Tx, mirror};

use crate::engines::{Store, on_both};
use crate::samples::{
    NOW, ORG, account, attachment, contact, contact_attribute, details, fact, landing_page, meeting, message,
    playbook, read, report_value, row, team, user,
};

const MONTH_MS: i64 = 32 * 86_400_000;

/// Every part with its rows.
async fn parts(store: &Store) -> BTreeMap<(&'static str, Option<Month>), Vec<Row>> {
    let mut parts = BTreeMap::new();
    // Each run writes itself down there, so it is written anew always.
    for table in TABLES.iter().filter(|table| table.name != "export_runs") {
        if table.cut == Cut::Whole {
            parts.insert((table.name, None), tables::read(&store.db, table, ORG, None, 1_000).await.unwrap());
            continue;
        }
        for partition in tables::partitions(&store.db, table, ORG).await.unwrap() {
            let page = tables::read_page(&store.db, rows(table, &partition), None, 1_000).await.unwrap();
            let rows: Vec<Row> = (0..page.rows()).map(|row| page.row(row)).collect();
            if !rows.is_empty() {
                parts.insert((table.name, partition.month), rows);
            }
        }
    }
    parts
}

async fn since(store: &Store, before: &Basis) -> Touched {
    let now = touched::basis(&store.db, ORG).await.unwrap();
    touched::touched(&store.db, ORG, (before, &now), &[]).await.unwrap()
}

/// What was touched, in words.
fn told(touched: &Touched) -> Vec<String> {
    let of = |table: &'static store::tables::Table| {
        touched.months(table).into_iter().map(move |month| {
            format!("{} {}", table.name, month.map_or_else(|| "none".to_owned(), |month| month.to_string()))
        })
    };
    TABLES.iter().flat_map(of).collect()
}

/// One write, drawn at random.
async fn write(tx: &mut Tx, draw: &SeededEntropy) {
    let below = |bound: u64| i64::try_from(draw.below(bound)).unwrap();
    let id = 1 + below(4);
    let at = Millis(NOW.0 + below(5));
    let name = ["a", "b", "c"][usize::try_from(below(3)).unwrap()];
    let listing = if below(2) == 0 { Listing::Complete } else { Listing::Partial };
    match below(14) {
        0..=3 => {
            let count = below(4);
            let mut messages: Vec<_> = (0..count).map(|n| message(id * 10 + n, name)).collect();
            if let Some(first) = messages.first_mut().filter(|_| below(2) == 0) {
                first.attachments = vec![attachment(1 + below(3))];
            }
            let mut snapshot = read(id, 1 + below(6), NOW.0 + below(6), messages);
            snapshot.conversation.created_at = [None, Some(Millis(0)), Some(Millis(below(3) * MONTH_MS))]
                [usize::try_from(below(3)).unwrap()];
            snapshot.details = (below(2) == 0).then(|| details(&[1 + below(3)], &[name]));
            mirror::apply(tx, ORG, &[snapshot], at).await.unwrap();
        }
        4 => {
            mirror::apply(tx, ORG, &[row(id, below(6), NOW.0 + below(6))], at).await.unwrap();
        }
        5 => {
            mirror::mark_gone(tx, ORG, &[ConversationId(id)], Millis(NOW.0 + below(20))).await.unwrap();
        }
        6 => {
            let mut contact = contact(id, name);
            contact.created_at = (below(3) > 0).then(|| Millis(below(3) * MONTH_MS));
            directory::apply_contacts(tx, ORG, &[contact], at).await.unwrap();
        }
        7 => {
            directory::mark_contacts_gone(tx, ORG, &[ContactId(id)], at).await.unwrap();
        }
        8 => {
            directory::apply_users(tx, ORG, &[user(id, name)], listing, at).await.unwrap();
            directory::apply_teams(tx, ORG, &[team(id, &[below(2)])], listing, at).await.unwrap();
        }
        9 => {
            let mut account = account(name);
            account.created_at = Some(Millis(below(3) * MONTH_MS));
            directory::apply_accounts(tx, ORG, &[account], listing, at).await.unwrap();
        }
        10 => {
            directory::apply_playbooks(tx, ORG, &[playbook(id)], listing, at).await.unwrap();
            directory::apply_landing_pages(tx, ORG, &[landing_page(id, name)], listing, at).await.unwrap();
            directory::apply_contact_attributes(tx, ORG, &[contact_attribute(name)], listing, at)
                .await
                .unwrap();
        }
        11 => {
            let mut meeting = meeting(name, name);
            meeting.scheduled_at = (below(3) > 0).then(|| Millis(below(3) * MONTH_MS));
            directory::apply_meetings(tx, ORG, &[meeting], at).await.unwrap();
        }
        12 => {
            let values = [report_value(id, name, Some(0.5 * draw.below(4) as f64))];
            directory::apply_report_values(tx, ORG, &values, at).await.unwrap();
        }
        _ => {
            let mut fact = fact(&format!("{id}{name}"));
            fact.received_at = Millis(below(3) * MONTH_MS);
            store::facts::record(tx, &[fact]).await.unwrap();
            let file = AttachmentId(id);
            mirror::store_attachment(tx, ORG, file, name.as_bytes(), None, at).await.unwrap();
            mirror::mark_attachment_gone(tx, ORG, AttachmentId(1 + below(4)), at).await.unwrap();
        }
    }
}

/// The rows of a partition.
fn rows<'a>(table: &'static Table, partition: &'a Partition) -> Rows<'a> {
    Rows { table, org: ORG, partition: Some(partition), filter: None, among: None }
}

#[tokio::test]
async fn whatever_is_written_every_part_that_differs_is_touched() {
    on_both(async |store| {
        let draw = SeededEntropy::new(7);
        let mut before = (touched::basis(&store.db, ORG).await.unwrap(), parts(store).await);
        let all: Vec<&Table> = TABLES.iter().collect();
        let mut differed = BTreeSet::new();
        for step in 0..220 {
            let mut tx = store.db.begin().await.unwrap();
            for _ in 0..=draw.below(2) {
                write(&mut tx, &draw).await;
            }
            if step % 7 == 0 {
                touched::fold(&mut tx, ORG).await.unwrap();
            }
            tx.commit().await.unwrap();
            let after = (touched::basis(&store.db, ORG).await.unwrap(), parts(store).await);
            let touched = touched::touched(&store.db, ORG, (&before.0, &after.0), &all).await.unwrap();
            let keys: BTreeSet<_> = before.1.keys().chain(after.1.keys()).copied().collect();
            for key in keys.into_iter().filter(|key| before.1.get(key) != after.1.get(key)) {
                let months = touched.months(tables::table(key.0).unwrap());
                assert!(
                    months.contains(&key.1),
                    "step {step}: {key:?} changed, {:?} are touched",
                    told(&touched)
                );
                differed.insert(key.0);
            }
            before = after;
        }
        assert_eq!(differed.len(), TABLES.len() - 1, "{differed:?}");
        assert_eq!(told(&since(store, &before.0).await), Vec::<String>::new());
    })
    .await;
}

#[tokio::test]
async fn what_was_not_written_is_not_touched() {
    on_both(async |store| {
        let mut tx = store.db.begin().await.unwrap();
        let mut old = read(1, 1, 1, vec![message(10, "a")]);
        old.conversation.created_at = Some(Millis(0));
        let mut new = read(2, 1, 1, vec![message(20, "a")]);
        new.conversation.created_at = Some(NOW);
        mirror::apply(&mut tx, ORG, &[old.clone(), new.clone()], NOW).await.unwrap();
        directory::apply_users(&mut tx, ORG, &[user(1, "Ada")], Listing::Complete, NOW).await.unwrap();
        tx.commit().await.unwrap();
        let before = touched::basis(&store.db, ORG).await.unwrap();

        let mut tx = store.db.begin().await.unwrap();
        mirror::apply(&mut tx, ORG, &[old.clone(), new.clone()], NOW).await.unwrap();
        directory::apply_users(&mut tx, ORG, &[user(1, "Ada")], Listing::Complete, NOW).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(told(&since(store, &before).await), Vec::<String>::new(), "the same again");

        new.fetched_at = Millis(2);
        new.conversation.updated_at = Some(Millis(2));
        new.messages.as_mut().unwrap()[0].body = Some(Pii::new("b".to_owned()));
        let mut tx = store.db.begin().await.unwrap();
        mirror::apply(&mut tx, ORG, &[new], NOW).await.unwrap();
        tx.commit().await.unwrap();
        let month = Month::of(NOW).unwrap();
        let expected = ["conversations", "messages", "attachments"].map(|table| format!("{table} {month}"));
        assert_eq!(told(&since(store, &before).await), expected);

        let before = touched::basis(&store.db, ORG).await.unwrap();
        old.fetched_at = Millis(3);
        old.conversation.updated_at = Some(Millis(3));
        old.conversation.created_at = Some(NOW);
        let mut tx = store.db.begin().await.unwrap();
        mirror::apply(&mut tx, ORG, &[old], NOW).await.unwrap();
        tx.commit().await.unwrap();
        let moved = told(&since(store, &before).await);
        for table in ["conversations", "messages", "participants", "tags", "attachments", "report_values"] {
            assert!(moved.contains(&format!("{table} 1970-01")), "{table}: {moved:?}");
            assert!(moved.contains(&format!("{table} {month}")), "{table}: {moved:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_conversation_that_is_deleted_leaves_its_month() {
    on_both(async |store| {
        let mut tx = store.db.begin().await.unwrap();
        let mut snapshot = read(1, 1, 1, vec![message(10, "a")]);
        snapshot.conversation.created_at = Some(NOW);
        mirror::apply(&mut tx, ORG, &[snapshot], NOW).await.unwrap();
        directory::apply_contacts(&mut tx, ORG, &[contact(1, "Ada")], NOW).await.unwrap();
        tx.commit().await.unwrap();
        let before = touched::basis(&store.db, ORG).await.unwrap();
        store.tamper("DELETE FROM conversations").await;
        store.tamper("DELETE FROM contacts").await;
        let month = Month::of(NOW).unwrap();
        let of = |table: &&str| format!("{table} {month}");
        let mut expected: Vec<String> =
            ["conversations", "messages", "participants", "tags", "attachments"].iter().map(of).collect();
        expected.extend(["contacts 1970-01".to_owned(), of(&"report_values")]);
        assert_eq!(told(&since(store, &before).await), expected);
    })
    .await;
}

#[tokio::test]
async fn the_months_asked_for_are_found_as_among_all() {
    on_both(async |store| {
        let draw = SeededEntropy::new(11);
        let mut tx = store.db.begin().await.unwrap();
        for _ in 0..120 {
            write(&mut tx, &draw).await;
        }
        tx.commit().await.unwrap();
        for table in tables::every().filter(|table| table.cut != Cut::Whole) {
            let all = tables::partitions(&store.db, table, ORG).await.unwrap();
            for partition in &all {
                let asked = BTreeSet::from([partition.month]);
                let found = tables::partitions_of(&store.db, table, ORG, &asked).await.unwrap();
                let mut alone = Vec::new();
                for one in &found {
                    assert_eq!(one.month, partition.month);
                    let page = tables::read_page(&store.db, rows(table, one), None, 1_000).await.unwrap();
                    alone.extend((0..page.rows()).map(|row| page.row(row)));
                }
                let page = tables::read_page(&store.db, rows(table, partition), None, 1_000).await.unwrap();
                assert_eq!(
                    alone,
                    (0..page.rows()).map(|row| page.row(row)).collect::<Vec<_>>(),
                    "{}",
                    table.name
                );
            }
        }
    })
    .await;
}

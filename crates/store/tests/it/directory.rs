//! People, teams, accounts and settings: written when they differ, kept when they go.

use model::ContactId;
use store::changes::{self, ChangeKind};
use store::directory::{self, Listing};
use store::{mirror, tables};

use crate::engines::{Store, on_both};
use crate::samples::{
    NOW, ORG, account, contact, contact_attribute, landing_page, meeting, playbook, report_value, team, user,
};

async fn rows(store: &Store, table: &str) -> Vec<tables::Row> {
    tables::read(&store.db, tables::table(table).unwrap(), ORG, None, 100).await.unwrap()
}

/// How many rows of a table are marked as gone.
async fn gone(store: &Store, table: &str) -> usize {
    let column =
        tables::table(table).unwrap().columns.iter().position(|column| column.name == "gone_at").unwrap();
    rows(store, table).await.iter().filter(|row| row[column] != tables::Value::Null).count()
}

/// One list: two new rows, the same again, a complete list without the second, and both back.
macro_rules! check_list {
    ($store:expr, $table:literal, $apply:ident, $one:expr, $two:expr) => {
        let mut tx = $store.db.begin().await.unwrap();
        let both = [$one, $two, $two];
        assert_eq!(directory::$apply(&mut tx, ORG, &both, Listing::Complete, NOW).await.unwrap(), 2, $table);
        assert_eq!(directory::$apply(&mut tx, ORG, &both, Listing::Complete, NOW).await.unwrap(), 0, $table);
        assert_eq!(
            directory::$apply(&mut tx, ORG, &both[..1], Listing::Partial, NOW).await.unwrap(),
            0,
            $table
        );
        assert_eq!(
            directory::$apply(&mut tx, ORG, &both[..1], Listing::Complete, NOW).await.unwrap(),
            1,
            $table
        );
        tx.commit().await.unwrap();
        assert_eq!((rows($store, $table).await.len(), gone($store, $table).await), (2, 1), $table);
        let mut tx = $store.db.begin().await.unwrap();
        assert_eq!(directory::$apply(&mut tx, ORG, &both, Listing::Complete, NOW).await.unwrap(), 1, $table);
        tx.commit().await.unwrap();
        assert_eq!(gone($store, $table).await, 0, $table);
    };
}

#[tokio::test]
async fn lists_are_idempotent_and_mark_what_they_lack() {
    on_both(async |store| {
        check_list!(store, "users", apply_users, user(1, "Ada"), user(2, "Bo"));
        check_list!(store, "teams", apply_teams, team(1, &[2, 1]), team(2, &[]));
        check_list!(store, "accounts", apply_accounts, account("a"), account("4242_example.test"));
        check_list!(store, "playbooks", apply_playbooks, playbook(1), playbook(2));
        check_list!(
            store,
            "landing_pages",
            apply_landing_pages,
            landing_page(1, "https://a.test"),
            landing_page(1, "x y")
        );
        check_list!(
            store,
            "contact_attributes",
            apply_contact_attributes,
            contact_attribute("a"),
            contact_attribute("b")
        );
        assert_eq!(mirror::users(&store.db, ORG).await.unwrap(), [user(1, "Ada"), user(2, "Bo")]);
    })
    .await;
}

#[tokio::test]
async fn meetings_and_metrics_are_updated_and_never_go() {
    on_both(async |store| {
        let mut tx = store.db.begin().await.unwrap();
        let both = [meeting("a", "ACTIVE"), meeting("b", "ACTIVE")];
        assert_eq!(directory::apply_meetings(&mut tx, ORG, &both, NOW).await.unwrap(), 2);
        let next = [meeting("b", "CANCELED")];
        assert_eq!(directory::apply_meetings(&mut tx, ORG, &next, NOW).await.unwrap(), 1);
        assert_eq!(directory::apply_meetings(&mut tx, ORG, &next, NOW).await.unwrap(), 0);
        let values = [report_value(1, "numAgentMessages", Some(4.0)), report_value(1, "csat", None)];
        assert_eq!(directory::apply_report_values(&mut tx, ORG, &values, NOW).await.unwrap(), 2);
        assert_eq!(directory::apply_report_values(&mut tx, ORG, &values, NOW).await.unwrap(), 0);
        tx.commit().await.unwrap();
        assert_eq!(rows(store, "meetings").await.len(), 2);
        assert_eq!(rows(store, "report_values").await[1][3], tables::Value::Real(4.0));
    })
    .await;
}

#[tokio::test]
async fn a_changed_contact_is_told_to_the_feed() {
    on_both(async |store| {
        let mut tx = store.db.begin().await.unwrap();
        assert_eq!(directory::apply_contacts(&mut tx, ORG, &[contact(1, "Ada")], NOW).await.unwrap(), 1);
        assert_eq!(directory::apply_contacts(&mut tx, ORG, &[contact(1, "Ada")], NOW).await.unwrap(), 0);
        assert_eq!(directory::apply_contacts(&mut tx, ORG, &[contact(1, "Ada L.")], NOW).await.unwrap(), 1);
        assert_eq!(directory::mark_contacts_gone(&mut tx, ORG, &[ContactId(1)], NOW).await.unwrap(), 1);
        assert_eq!(directory::apply_contacts(&mut tx, ORG, &[contact(1, "Ada L.")], NOW).await.unwrap(), 1);
        tx.commit().await.unwrap();
        let stored = mirror::contact(&store.db, ORG, ContactId(1)).await.unwrap();
        assert_eq!(stored, Some(contact(1, "Ada L.")));
        let feed = changes::read(&store.db, ORG, 0, 10).await.unwrap();
        let kinds: Vec<ChangeKind> = feed.iter().map(|change| change.kind).collect();
        assert_eq!(
            kinds,
            [ChangeKind::ContactCreated, ChangeKind::ContactChanged, ChangeKind::ContactChanged]
        );
        assert_eq!(feed[0].detail, r#"{"contact_id":1}"#);
        assert_eq!(mirror::counts(&store.db, ORG).await.unwrap().contacts_gone, 0);
    })
    .await;
}

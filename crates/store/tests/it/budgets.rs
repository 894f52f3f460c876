//! Ledgers: whoever read the newest version may replace it, nobody else.

use model::{Millis, OrgId};
use store::budgets::{Ledger, read, replace};

use crate::engines::on_both;

fn ledger(version: i64, text: &str) -> Ledger {
    Ledger { version, ledger: text.to_owned() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_is_replaced_only_by_who_read_its_newest_version() {
    on_both(async |store| {
        let (db, org) = (&store.db, OrgId(1));
        assert_eq!(read(db, org, "all").await.unwrap(), Ledger::default());
        assert!(replace(db, org, "all", &ledger(0, "one"), Millis(1)).await.unwrap());
        assert!(!replace(db, org, "all", &ledger(0, "late"), Millis(2)).await.unwrap());
        assert_eq!(read(db, org, "all").await.unwrap(), ledger(1, "one"));
        assert!(replace(db, org, "all", &ledger(1, "two"), Millis(3)).await.unwrap());
        assert_eq!(read(db, org, "all").await.unwrap(), ledger(2, "two"));
        assert_eq!(read(db, org, "reports").await.unwrap(), Ledger::default());
        assert_eq!(read(db, OrgId(2), "all").await.unwrap(), Ledger::default());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_at_once_one_wins() {
    on_both(async |store| {
        let tries = (0..8).map(|_| {
            let db = store.db.clone();
            tokio::spawn(async move { replace(&db, OrgId(1), "all", &ledger(0, "x"), Millis(1)).await })
        });
        let mut won = 0;
        for one in tries.collect::<Vec<_>>() {
            won += usize::from(one.await.unwrap().unwrap());
        }
        assert_eq!(won, 1);
    })
    .await;
}

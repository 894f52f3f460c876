//! The audit log: entries stand in the transaction of what they tell, numbered without gaps and chained.

mod checkpoints;
mod files;
mod tampering;

use model::{Millis, OrgId};
use store::audit::{self, Action, ActorKind, Filter, NewEntry, Object, ObjectKind, Who};
use store::pauses::{self, Pause, Scope};
use store::{Db, StoreError};

use crate::engines::{Store, on_both};
use crate::samples::{NOW, ORG};

fn entry<'a>(who: &'a Who, id: &str) -> NewEntry<'a> {
    let object = Object::new(ObjectKind::Connection, id.to_owned());
    NewEntry::done(NOW, who, Action::ConnectionConnect, object).org(ORG)
}

pub(crate) async fn append(db: &Db, id: &str) {
    let mut tx = db.begin().await.unwrap();
    audit::append(&mut tx, &entry(&Who::node(), id)).unwrap();
    tx.commit().await.unwrap();
}

/// Every entry follows the one before it, and the head names the last.
async fn assert_chained(store: &Store, entries: i64) {
    let (mut before, mut seq) = (audit::GENESIS, 0);
    for entry in audit::page(&store.db, 0, 10_000).await.unwrap() {
        seq += 1;
        assert_eq!(entry.seq, seq);
        before = audit::hash(&before, &entry);
        assert_eq!(before.as_slice(), entry.hash, "entry {seq}");
    }
    assert_eq!((seq, audit::head(&store.db).await.unwrap()), (entries, (entries, before)));
}

#[tokio::test]
async fn an_entry_stands_and_falls_with_what_it_tells() {
    on_both(async |store| {
        let pause = Pause { scope: Scope::org(ORG), reason: "test".to_owned(), since: NOW, until: None };
        for kept in [false, true] {
            let mut tx = store.db.begin().await.unwrap();
            let who = Who::new(ActorKind::User, "u1").in_role("admin").from("10.0.0.1");
            let new = NewEntry::done(NOW, &who, Action::PauseSet, Object::org(ORG)).org(ORG);
            audit::append(&mut tx, &new).unwrap();
            pauses::pause(&mut tx, &pause).await.unwrap();
            if kept {
                tx.commit().await.unwrap()
            } else {
                tx.rollback().await.unwrap()
            }
            let entries = audit::list(&store.db, &Filter::default(), 10).await.unwrap();
            let paused = pauses::list(&store.db, NOW).await.unwrap();
            assert_eq!((entries.len(), paused.len()), (usize::from(kept), usize::from(kept)));
        }
        let found = &audit::list(&store.db, &Filter::default(), 10).await.unwrap()[0];
        assert_eq!((found.seq, found.at, found.org), (1, NOW, Some(ORG)));
        assert_eq!((found.actor_kind.as_str(), found.actor_id.as_str()), ("user", "u1"));
        assert_eq!((found.role.as_deref(), found.origin.as_deref()), (Some("admin"), Some("10.0.0.1")));
        assert_eq!((found.action.as_str(), found.outcome.as_str()), ("pause.set", "done"));
        assert_eq!((found.object_kind.as_str(), found.object_id.clone()), ("organization", ORG.to_string()));
        assert_chained(store, 1).await;
    })
    .await;
}

#[tokio::test]
async fn transactions_at_once_make_one_chain_without_gaps() {
    on_both(async |store| {
        let writers = (0..8).map(|writer| {
            let db = store.db.clone();
            tokio::spawn(async move {
                for turn in 0..10 {
                    let mut tx = db.begin().await.unwrap();
                    for part in 0..3 {
                        let id = format!("{writer}-{turn}-{part}");
                        audit::append(&mut tx, &entry(&Who::node(), &id)).unwrap();
                    }
                    if turn % 5 == 4 { tx.rollback().await.unwrap() } else { tx.commit().await.unwrap() }
                }
            })
        });
        for writer in writers.collect::<Vec<_>>() {
            writer.await.unwrap();
        }
        assert_chained(store, 8 * 8 * 3).await;
    })
    .await;
}

#[tokio::test]
async fn the_tables_refuse_every_change() {
    on_both(async |store| {
        append(&store.db, "c1").await;
        let mut changes = vec![
            "UPDATE audit_log SET action = 'x'",
            "DELETE FROM audit_log",
            "INSERT INTO audit_log SELECT * FROM audit_log",
        ];
        changes.push(match store.file() {
            Some(_) => "INSERT OR REPLACE INTO audit_log SELECT * FROM audit_log",
            None => "TRUNCATE audit_log",
        });
        for change in changes {
            assert!(store.try_tamper(change).await.is_err(), "{change}");
        }
        assert_chained(store, 1).await;
    })
    .await;
}

#[tokio::test]
async fn what_is_no_id_goes_in_as_its_hash() {
    on_both(async |store| {
        append(&store.db, "ada@example.com").await;
        append(&store.db, "a\nforged line").await;
        let entries = audit::list(&store.db, &Filter::default(), 10).await.unwrap();
        assert!(entries.iter().all(|entry| entry.object_id.starts_with("sha256-")), "{entries:?}");
        assert_chained(store, 2).await;
    })
    .await;
}

#[tokio::test]
async fn entries_are_found_by_organization_time_and_action() {
    on_both(async |store| {
        let who = Who::node();
        let mut tx = store.db.begin().await.unwrap();
        for turn in 0..6 {
            let (action, org) = match turn % 2 {
                0 => (Action::PauseSet, ORG),
                _ => (Action::PauseEnd, OrgId(ORG.0 + 1)),
            };
            let new = NewEntry::done(NOW.plus(turn), &who, action, Object::org(org)).org(org);
            audit::append(&mut tx, &new).unwrap();
        }
        tx.commit().await.unwrap();
        let seqs = async |filter: Filter<'_>, limit| {
            let found = audit::list(&store.db, &filter, limit).await.unwrap();
            found.iter().map(|entry| entry.seq).collect::<Vec<_>>()
        };
        let all = Filter::default();
        assert_eq!(seqs(all, 2).await, [6, 5]);
        assert_eq!(seqs(Filter { before_seq: Some(5), ..all }, 2).await, [4, 3]);
        assert_eq!(seqs(Filter { org: Some(ORG), ..all }, 9).await, [5, 3, 1]);
        assert_eq!(seqs(Filter { action: Some("pause.end"), ..all }, 9).await, [6, 4, 2]);
        let window = Filter { from: Some(NOW.plus(1)), to: Some(Millis(NOW.0 + 3)), ..all };
        assert_eq!(seqs(window, 9).await, [3, 2]);
    })
    .await;
}

#[tokio::test]
async fn a_transaction_holds_so_many_entries_and_no_more() {
    on_both(async |store| {
        let (mut tx, who) = (store.db.begin().await.unwrap(), Who::node());
        for _ in 0..100_000 {
            audit::append(&mut tx, &entry(&who, "c")).unwrap();
        }
        let error = audit::append(&mut tx, &entry(&who, "c")).unwrap_err();
        assert!(matches!(error, StoreError::TooMany { .. }), "{error}");
        tx.rollback().await.unwrap();
        assert_chained(store, 0).await;
    })
    .await;
}

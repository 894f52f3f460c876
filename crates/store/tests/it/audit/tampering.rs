//! Somebody who may change the database and drop its triggers: whatever is done to the log is found, from the first bad
//! entry on.

use store::audit::{
    self, Action, ActorKind, AuditError, Fault, NewEntry, Object, ObjectKind, Who, Witnesses,
};

use super::checkpoints::signer;
use crate::engines::{Store, on_both};
use crate::samples::{NOW, ORG};

/// Twenty entries, signed after the 8th, the 16th and the last, and a copy of all of it to go back to.
pub(super) async fn write_log(store: &Store) {
    let signer = signer(store).await;
    for number in 1..=20 {
        let who = Who::new(ActorKind::User, format!("u{number}")).in_role("admin").from("10.0.0.1");
        let object = Object::new(ObjectKind::Connection, format!("c{number}"));
        let entry = NewEntry::failed(NOW.plus(number), &who, Action::TokenRefresh, object, "expired");
        let mut tx = store.db.begin().await.unwrap();
        audit::append(&mut tx, &entry.org(ORG).amount(number)).unwrap();
        tx.commit().await.unwrap();
        if [8, 16, 20].contains(&number) {
            audit::checkpoint(&store.db, &signer, NOW.plus(number)).await.unwrap().unwrap();
        }
        if number == 8 {
            keep(store, "old").await;
        }
    }
    keep(store, "kept").await;
    store
        .tamper(match store.file() {
            Some(_) => {
                "DROP TRIGGER audit_log_no_update; DROP TRIGGER audit_log_no_delete;
                 DROP TRIGGER audit_checkpoints_no_update; DROP TRIGGER audit_checkpoints_no_delete"
            }
            None => {
                "ALTER TABLE audit_log DISABLE TRIGGER USER; ALTER TABLE audit_checkpoints DISABLE TRIGGER USER"
            }
        })
        .await;
}

const TABLES: [&str; 3] = ["audit_log", "audit_head", "audit_checkpoints"];

async fn keep(store: &Store, name: &str) {
    for table in TABLES {
        store.texts(format!("CREATE TABLE {name}_{table} AS SELECT * FROM {table}")).await;
    }
}

/// Put a copy back over what there is.
pub(super) async fn put_back(store: &Store, name: &str) {
    for table in TABLES {
        store.texts(format!("DELETE FROM {table}")).await;
        store.texts(format!("INSERT INTO {table} SELECT * FROM {name}_{table}")).await;
    }
}

async fn run(store: &Store, statements: &[&str]) {
    for statement in statements {
        store.texts((*statement).to_owned()).await;
    }
}

/// What the check of the whole database finds.
pub(super) async fn fault(store: &Store) -> Fault {
    let checked = async {
        let witnesses = Witnesses::of(&store.db, None).await?;
        audit::verify(&store.db, witnesses).await
    };
    match checked.await {
        Err(AuditError::Fault(fault)) => fault,
        other => panic!("{other:?}"),
    }
}

async fn assert_whole(store: &Store) {
    let verified = audit::verify(&store.db, Witnesses::of(&store.db, None).await.unwrap()).await.unwrap();
    assert_eq!((verified.entries, verified.checkpoints, verified.signed_seq), (20, 3, 20));
}

#[tokio::test]
async fn a_flipped_byte_in_any_column_of_any_kind_is_found() {
    on_both(async |store| {
        write_log(store).await;
        assert_whole(store).await;
        for column in store.columns("audit_log").await {
            let value = match column.as_str() {
                "seq" | "at" | "org_id" | "amount" => format!("{column} + 1000"),
                "hash" => "(SELECT hash FROM kept_audit_log WHERE seq = 8)".to_owned(),
                _ => format!("'~' || substr({column}, 2)"),
            };
            for seq in [1, 7, 20] {
                store.texts(format!("UPDATE audit_log SET {column} = {value} WHERE seq = {seq}")).await;
                assert_eq!(fault(store).await.seq(), Some(seq), "{column} of {seq}");
                put_back(store, "kept").await;
            }
            let nullable = ["role", "origin", "reason", "amount", "org_id"].contains(&column.as_str());
            if nullable {
                store.texts(format!("UPDATE audit_log SET {column} = NULL WHERE seq = 7")).await;
                assert_eq!(fault(store).await, Fault::Changed { seq: 7 }, "{column}");
                put_back(store, "kept").await;
            }
        }
        assert_whole(store).await;
    })
    .await;
}

#[tokio::test]
async fn an_entry_dropped_inserted_or_swapped_is_named() {
    on_both(async |store| {
        write_log(store).await;
        let forged = "INSERT INTO audit_log SELECT 7, at, org_id, actor_kind, 'u99', role, origin, action,
            object_kind, object_id, outcome, reason, amount, hash FROM audit_log WHERE seq = 6";
        let behind =
            "INSERT INTO audit_log SELECT 21, at, org_id, actor_kind, actor_id, role, origin, action,
            object_kind, object_id, outcome, reason, amount, hash FROM audit_log WHERE seq = 20";
        let room = [
            "UPDATE audit_log SET seq = seq + 1000 WHERE seq >= 7",
            "UPDATE audit_log SET seq = seq - 999 WHERE seq > 1000",
        ];
        let swap = [
            "UPDATE audit_log SET seq = -1 WHERE seq = 5",
            "UPDATE audit_log SET seq = 5 WHERE seq = 9",
            "UPDATE audit_log SET seq = 9 WHERE seq = -1",
        ];
        let cases: [(&str, Vec<&str>, i64); 6] = [
            ("drop the first", vec!["DELETE FROM audit_log WHERE seq = 1"], 1),
            ("drop", vec!["DELETE FROM audit_log WHERE seq = 7"], 7),
            (
                "drop and close the gap",
                vec![
                    "DELETE FROM audit_log WHERE seq = 6",
                    room[0],
                    "UPDATE audit_log SET seq = seq - 1001 WHERE seq > 1000",
                ],
                6,
            ),
            ("insert", vec![room[0], room[1], forged], 7),
            ("insert behind", vec![behind], 21),
            ("swap", swap.to_vec(), 5),
        ];
        for (what, statements, seq) in cases {
            run(store, &statements).await;
            let fault = fault(store).await;
            // What was forged carries the hash of another entry, so it or its follower is the first that does not hold.
            let first = fault.seq().unwrap();
            assert_eq!(first, seq, "{what}: {fault}");
            put_back(store, "kept").await;
        }
        assert_whole(store).await;
    })
    .await;
}

#[tokio::test]
async fn a_cut_tail_is_found_by_the_head_and_by_the_checkpoints() {
    on_both(async |store| {
        write_log(store).await;
        run(store, &["DELETE FROM audit_log WHERE seq > 18"]).await;
        let by_head = Fault::Cut { seq: 19, witness: "checkpoint 3 of the database".to_owned(), known: 20 };
        assert_eq!(fault(store).await, by_head);
        run(store, &["UPDATE audit_head SET seq = 18, hash = (SELECT hash FROM audit_log WHERE seq = 18)"])
            .await;
        assert_eq!(fault(store).await.seq(), Some(19));
        run(store, &["DELETE FROM audit_checkpoints WHERE number = 2"]).await;
        assert!(matches!(fault(store).await, Fault::CheckpointMissing { number: 2, .. }));
        put_back(store, "kept").await;
        run(store, &["DELETE FROM audit_log", "DELETE FROM audit_checkpoints"]).await;
        let by_head = Fault::Cut { seq: 1, witness: "the log's head".to_owned(), known: 20 };
        assert_eq!(fault(store).await, by_head);
    })
    .await;
}

#[tokio::test]
async fn a_chain_made_anew_is_found_by_the_checkpoints() {
    on_both(async |store| {
        write_log(store).await;
        rewrite_from(store, 12).await;
        let replaced =
            Fault::Replaced { seq: 9, signed_seq: 16, witness: "checkpoint 2 of the database".to_owned() };
        assert_eq!(fault(store).await, replaced);
    })
    .await;
}

/// Change an entry's actor, and make every hash from there on fit.
async fn rewrite_from(store: &Store, seq: i64) {
    let bytes = |hash: &[u8]| match store.file() {
        Some(_) => format!("x'{}'", hex::encode(hash)),
        None => format!("decode('{}', 'hex')", hex::encode(hash)),
    };
    store.texts(format!("UPDATE audit_log SET actor_id = 'nobody' WHERE seq = {seq}")).await;
    let mut before = audit::GENESIS;
    for entry in audit::page(&store.db, 0, 100).await.unwrap() {
        before = audit::hash(&before, &entry);
        let hash = bytes(&before);
        store.texts(format!("UPDATE audit_log SET hash = {hash} WHERE seq = {}", entry.seq)).await;
    }
    store.texts(format!("UPDATE audit_head SET hash = {}", bytes(&before))).await;
}

#[tokio::test]
async fn a_checkpoint_that_was_changed_is_named() {
    on_both(async |store| {
        write_log(store).await;
        for column in store.columns("audit_checkpoints").await {
            let value = match column.as_str() {
                "number" | "at" | "seq" => format!("{column} + 1"),
                "hash" => "(SELECT hash FROM audit_log WHERE seq = 3)".to_owned(),
                "signature" => "(SELECT signature FROM kept_audit_checkpoints WHERE number = 1)".to_owned(),
                _ => format!("'~' || substr({column}, 2)"),
            };
            store.texts(format!("UPDATE audit_checkpoints SET {column} = {value} WHERE number = 3")).await;
            let fault = fault(store).await;
            let named = match &fault {
                Fault::Signature { number, .. } | Fault::CheckpointMissing { number, .. } => *number,
                other => panic!("{column}: {other}"),
            };
            assert_eq!(named, 3, "{column}: {fault}");
            put_back(store, "kept").await;
        }
    })
    .await;
}

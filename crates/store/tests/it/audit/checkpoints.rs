//! Checkpoints: signed once, only for what follows from the last one, and copied to a second place that knows better than a
//! database that was put back.

use std::path::Path;
use std::sync::Arc;

use model::{Entropy, SeededEntropy};
use store::audit::{self, AuditError, Fault, Signer, Witnesses};
use store::vault::{Key, Vault, VaultError};
use store::{Db, StoreError};

use super::append;
use super::tampering::{fault, put_back, write_log};
use crate::engines::{Store, on_both};
use crate::samples::NOW;

fn vault(seed: u64) -> Vault {
    let entropy: Arc<dyn Entropy> = Arc::new(SeededEntropy::new(seed));
    Vault::new(Key::generate(entropy.as_ref()), entropy)
}

pub(super) async fn signer(store: &Store) -> Signer {
    audit::signer(&store.db, &vault(1), NOW).await.unwrap()
}

/// What the check of the database against the second place finds.
async fn against(db: &Db, second: &Path) -> Result<audit::Verified, Fault> {
    let mut witnesses = Witnesses::of(db, None).await.unwrap();
    let checked = match audit::read_second_place(second, &mut witnesses) {
        Ok(_) => audit::verify(db, witnesses).await,
        Err(error) => Err(error),
    };
    checked.map_err(|error| match error {
        AuditError::Fault(fault) => fault,
        other => panic!("{other}"),
    })
}

#[tokio::test]
async fn the_key_is_made_once_and_opens_with_its_vault_alone() {
    on_both(async |store| {
        let (one, other) = (vault(1), vault(1));
        let (one, other) =
            tokio::join!(audit::signer(&store.db, &one, NOW), audit::signer(&store.db, &other, NOW));
        assert_eq!(one.unwrap().public_key(), other.unwrap().public_key());
        assert_eq!(audit::check_keys(&store.db, &vault(1)).await.unwrap(), 1);
        let error = audit::signer(&store.db, &vault(2), NOW).await.unwrap_err();
        assert!(matches!(error, StoreError::Vault(VaultError::WrongKey { .. })), "{error}");
        store.texts("UPDATE audit_keys SET public_key = sealed".to_owned()).await;
        let error = audit::check_keys(&store.db, &vault(1)).await.unwrap_err();
        assert!(matches!(error, StoreError::Vault(VaultError::Damaged)), "{error}");
    })
    .await;
}

#[tokio::test]
async fn a_checkpoint_is_made_for_what_is_new_by_one_node_alone() {
    on_both(async |store| {
        let (one, other) = (signer(store).await, signer(store).await);
        assert_eq!(audit::checkpoint(&store.db, &one, NOW).await.unwrap(), None);
        append(&store.db, "c1").await;
        let (first, second) =
            tokio::join!(audit::checkpoint(&store.db, &one, NOW), audit::checkpoint(&store.db, &other, NOW));
        let made: Vec<_> = [first.unwrap(), second.unwrap()].into_iter().flatten().collect();
        assert_eq!(made.iter().map(|one| (one.number, one.seq)).collect::<Vec<_>>(), [(1, 1)]);
        assert!(made[0].is_signed());
        assert_eq!(audit::checkpoints(&store.db, 0, 10).await.unwrap(), made);
        assert_eq!(audit::checkpoint(&store.db, &one, NOW).await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn what_was_tampered_with_is_not_signed() {
    on_both(async |store| {
        write_log(store).await;
        let signer = signer(store).await;
        for id in ["c21", "c22", "c23"] {
            append(&store.db, id).await;
        }
        store.texts("UPDATE audit_log SET object_id = 'c99' WHERE seq = 22".to_owned()).await;
        let error = audit::checkpoint(&store.db, &signer, NOW).await.unwrap_err();
        assert!(matches!(error, AuditError::Fault(Fault::Changed { seq: 22 })), "{error}");
    })
    .await;
}

#[tokio::test]
async fn a_database_put_back_is_found_by_the_second_place() {
    on_both(async |store| {
        write_log(store).await;
        let folder = tempfile::tempdir().unwrap();
        let second = folder.path().join("checkpoints.ndjson");
        let followed = audit::follow(&store.db, &second).await.unwrap();
        assert_eq!((followed.added, followed.unknown), (3, 0));
        assert_eq!(audit::follow(&store.db, &second).await.unwrap().added, 0);
        assert_eq!(against(&store.db, &second).await.unwrap().checkpoints, 6);

        put_back(store, "old").await;
        let alone = audit::verify(&store.db, Witnesses::of(&store.db, None).await.unwrap()).await.unwrap();
        assert_eq!((alone.entries, alone.signed_seq), (8, 8), "an old copy is whole in itself");
        assert_eq!(audit::follow(&store.db, &second).await.unwrap().unknown, 2);
        let cut = against(&store.db, &second).await.unwrap_err();
        assert_eq!((cut.seq(), matches!(cut, Fault::Cut { known: 20, .. })), (Some(9), true), "{cut}");

        // It goes on from there, past what the second place knows.
        for number in 0..15 {
            append(&store.db, &format!("new{number}")).await;
        }
        audit::checkpoint(&store.db, &signer(store).await, NOW).await.unwrap().unwrap();
        audit::follow(&store.db, &second).await.unwrap();
        let replaced = against(&store.db, &second).await.unwrap_err();
        assert!(matches!(replaced, Fault::Replaced { seq: 9, signed_seq: 16, .. }), "{replaced}");
    })
    .await;
}

#[tokio::test]
async fn a_line_that_a_crash_cut_off_is_written_again_and_a_changed_one_is_named() {
    on_both(async |store| {
        write_log(store).await;
        let folder = tempfile::tempdir().unwrap();
        let second = folder.path().join("checkpoints.ndjson");
        audit::follow(&store.db, &second).await.unwrap();
        let whole = std::fs::read(&second).unwrap();
        std::fs::write(&second, &whole[..whole.len() - 40]).unwrap();
        assert_eq!(against(&store.db, &second).await.unwrap().checkpoints, 5);
        assert_eq!(audit::follow(&store.db, &second).await.unwrap().added, 1);
        assert_eq!(against(&store.db, &second).await.unwrap().checkpoints, 6);

        let second_line = whole.iter().position(|byte| *byte == b'\n').unwrap() + 1;
        for at in 0..second_line {
            let mut changed = whole.clone();
            changed[at] ^= 1;
            std::fs::write(&second, &changed).unwrap();
            let found = against(&store.db, &second).await;
            let named = matches!(found, Err(Fault::Signature { .. } | Fault::Line { .. }));
            assert!(named, "byte {at}: {found:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_checkpoint_of_another_key_is_not_believed() {
    on_both(async |store| {
        write_log(store).await;
        let stranger = crate::engines::sqlite().await;
        append(&stranger.db, "c1").await;
        let other = audit::signer(&stranger.db, &vault(2), NOW).await.unwrap();
        let forged = audit::checkpoint(&stranger.db, &other, NOW).await.unwrap().unwrap();
        let mut witnesses = Witnesses::of(&store.db, None).await.unwrap();
        let error = witnesses.add(&"a file".into(), &forged).unwrap_err();
        assert!(matches!(error, Fault::Signature { number: 1, .. }), "{error}");
        let only = Witnesses::of(&store.db, Some(other.public_key())).await.unwrap_err();
        assert!(matches!(only, AuditError::Fault(Fault::Signature { number: 1, .. })), "{only}");
        store.texts("DELETE FROM audit_keys".to_owned()).await;
        assert!(matches!(fault(store).await, Fault::Signature { number: 1, .. }));
        stranger.end().await;
    })
    .await;
}

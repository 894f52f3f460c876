//! Decoys: they look like connections, whoever reads or uses one is written down, and each touch is told once.

use std::sync::Arc;

use model::{ConnectionId, OrgId, Secret, SeededEntropy};
use store::access::{Token, keys};
use store::audit::Who;
use store::honey::{self, NewHoney};
use store::vault::{Key, RotateOptions, Rotation, Vault};
use store::{StoreError, connections, notices};

use crate::engines::{Store, on_both};
use crate::rotation::{key_file, open, step_until};
use crate::samples::NOW;
use crate::vault::{insert, vault};

const ORG: OrgId = OrgId(7);

/// Another vault of the same key for each: with the same randomness two data keys would have one name.
fn with_seed(seed: u64) -> Vault {
    Vault::new(Key::generate(&SeededEntropy::new(1)), Arc::new(SeededEntropy::new(seed)))
}

async fn plant(store: &Store, id: &str, token: &str) -> Result<ConnectionId, StoreError> {
    let honey_id = ConnectionId(id.to_owned());
    let new =
        NewHoney { org: ORG, honey_id: honey_id.clone(), note: "in the wiki", api_url: "https://x.test/" };
    let mut tx = store.db.begin().await.unwrap();
    honey::plant(&mut tx, &new, &Secret::new(token), &with_seed(50), &Who::node(), NOW).await?;
    tx.commit().await.map(|()| honey_id)
}

#[tokio::test]
async fn whoever_reads_or_uses_a_decoy_is_told_once() {
    on_both(async |store| {
        insert(store, &vault(1), "c1", ORG).await;
        let id = plant(store, "h1", "honey-token").await.unwrap();
        let again = plant(store, "h2", "honey-token").await;
        assert!(matches!(again, Err(StoreError::Conflict { .. })), "{again:?}");
        assert_eq!(honey::tell(&store.db, NOW).await.unwrap(), []);
        assert_eq!(connections::get(&store.db, ORG).await.unwrap().unwrap().connection_id.0, "c1");

        let read = connections::tokens(&store.db, &id, &vault(1)).await.unwrap().unwrap();
        assert_eq!(read.access.expose(), "honey-token");
        assert!(honey::used(&store.db, b"honey-token").await.unwrap());
        assert!(!honey::used(&store.db, b"another").await.unwrap());
        let told = honey::tell(&store.db, NOW.plus(2_000)).await.unwrap();
        assert_eq!(told.iter().map(|one| (one.reads, one.uses)).collect::<Vec<_>>(), [(1, 1)]);
        assert_eq!(honey::tell(&store.db, NOW.plus(4_000)).await.unwrap(), []);
        let notice = notices::list(&store.db, Some(ORG), 10).await.unwrap().remove(0);
        assert_eq!((notice.kind.as_str(), notice.subject.as_str()), (honey::NOTICE, "h1"));
        assert!(notice.message.contains("in the wiki") && !notice.message.contains("honey-token"));

        let mut tx = store.db.begin().await.unwrap();
        let elsewhere = honey::remove(&mut tx, OrgId(8), &id, &Who::node(), NOW).await;
        assert!(matches!(elsewhere, Err(StoreError::NotFound { .. })), "{elsewhere:?}");
        honey::remove(&mut tx, ORG, &id, &Who::node(), NOW).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(notices::list(&store.db, Some(ORG), 10).await.unwrap(), []);
        assert!(connections::tokens(&store.db, &id, &vault(1)).await.unwrap().is_none());
        assert_eq!(honey::hashes(&store.db).await.unwrap(), Vec::<[u8; 32]>::new());
    })
    .await;
}

#[tokio::test]
async fn a_change_of_keys_is_no_touch() {
    on_both(async |store| {
        let folder = tempfile::tempdir().unwrap();
        // The key of the vault that plants.
        let path = key_file(folder.path(), 1);
        plant(store, "h1", "honey-token").await.unwrap();
        let vault = open(&path, 2).await;
        vault.check(&store.db, NOW).await.unwrap();
        let options = RotateOptions { batch: 10, data_keys: true };
        let mut rotation =
            Rotation::begin(&store.db, &vault, options, &Who::node(), NOW.plus(5)).await.unwrap();
        assert!(!step_until(&mut rotation, store, &vault, u64::MAX).await);
        assert_eq!(rotation.done().secrets, 1);
        assert_eq!(honey::tell(&store.db, NOW).await.unwrap(), []);
    })
    .await;
}

#[tokio::test]
async fn a_decoy_that_looks_like_a_key_opens_nothing_and_is_noticed_where_it_is_shown() {
    on_both(async |store| {
        insert(store, &vault(1), "c1", ORG).await;
        let honey_id = ConnectionId("h1".to_owned());
        let key = Token::generate(keys::PREFIX, &SeededEntropy::new(9));
        let new = NewHoney { org: ORG, honey_id: honey_id.clone(), note: "in a script", api_url: "" };
        let mut tx = store.db.begin().await.unwrap();
        honey::plant_key(&mut tx, &new, &Secret::new(key.expose()), &Who::node(), NOW).await.unwrap();
        tx.commit().await.unwrap();
        assert!(keys::find(&store.db, &key, NOW).await.unwrap().is_none());
        assert!(!honey::shown(&store.db, b"lsk_another").await.unwrap());
        assert!(honey::shown(&store.db, key.expose().as_bytes()).await.unwrap());
        let told = honey::tell(&store.db, NOW.plus(2_000)).await.unwrap();
        assert_eq!(told.iter().map(|one| (one.reads, one.uses)).collect::<Vec<_>>(), [(0, 1)]);
        let mut tx = store.db.begin().await.unwrap();
        honey::remove(&mut tx, ORG, &honey_id, &Who::node(), NOW).await.unwrap();
        tx.commit().await.unwrap();
        assert!(!honey::shown(&store.db, key.expose().as_bytes()).await.unwrap());
    })
    .await;
}

//! The vault on both engines: what is sealed opens in its place alone, older secrets still open, destroyed ones never do.

use std::sync::Arc;

use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use model::{ConnectionId, Entropy, OrgId, Secret, SeededEntropy};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use store::StoreError;
use store::connections::{self, Connection, ConnectionKind, ConnectionState, Tokens};
use store::vault::{self, Key, KeyFile, Ring, Vault, VaultError};

use crate::engines::{Store, on_both, postgres, sqlite};
use crate::samples::NOW;

pub(crate) fn vault(seed: u64) -> Vault {
    let entropy: Arc<dyn Entropy> = Arc::new(SeededEntropy::new(seed));
    Vault::new(Key::generate(entropy.as_ref()), entropy)
}

pub(crate) fn connection(id: &str, org: OrgId) -> Connection {
    Connection {
        connection_id: ConnectionId(id.to_owned()),
        org_id: org,
        kind: ConnectionKind::OAuth,
        state: ConnectionState::Active,
        scopes: vec![],
        api_url: "https://driftapi.com".to_owned(),
        created_at: NOW,
        last_used_at: None,
        expires_at: None,
    }
}

pub(crate) fn tokens(id: &str) -> Tokens {
    let secret = |word: &str| Secret::new(format!("{word} of {id}"));
    Tokens { access: secret("access_token"), refresh: Some(secret("refresh_token")), expires_at: None }
}

pub(crate) async fn insert(store: &Store, vault: &Vault, id: &str, org: OrgId) {
    let mut tx = store.db.begin().await.unwrap();
    connections::insert(&mut tx, &connection(id, org), &tokens(id), vault).await.unwrap();
    tx.commit().await.unwrap();
}

/// What a secret opens to.
async fn read(store: &Store, vault: &Vault, id: &str, kind: &str) -> Result<Option<String>, StoreError> {
    let secret = connections::secret(&store.db, &ConnectionId(id.to_owned()), kind, vault).await?;
    Ok(secret.map(|secret| secret.expose().to_owned()))
}

fn is_refused(read: &Result<Option<String>, StoreError>) -> bool {
    matches!(read, Err(StoreError::Vault(VaultError::Damaged | VaultError::Destroyed)))
}

async fn sealed(store: &Store, id: &str, kind: &str) -> String {
    let hex = if store.file().is_some() { "lower(hex(sealed))" } else { "encode(sealed, 'hex')" };
    let query = format!("SELECT {hex} FROM secrets WHERE connection_id = '{id}' AND kind = '{kind}'");
    store.texts(query).await.remove(0)
}

pub(crate) fn blob(store: &Store, hex: &str) -> String {
    if store.file().is_some() { format!("x'{hex}'") } else { format!("'\\x{hex}'::bytea") }
}

const KINDS: [&str; 2] = ["access_token", "refresh_token"];

/// What somebody who can write to the database, and has no key, may try.
#[derive(Debug, Clone)]
enum Attack {
    /// Two sealed texts change places, with the names of their data keys or without.
    Swap([(usize, usize); 2], bool),
    /// A bit of a sealed text is turned over.
    Flip((usize, usize), usize),
    /// A text that was replaced is put back.
    PutBack((usize, usize)),
    /// The connection is said to be another organization's.
    Org(usize),
    /// The secret is said to be of another version.
    Version((usize, usize), i64),
    /// The connection is given another one's data key: wrapped bytes alone, or the owner too.
    Key(usize, usize, bool),
}

fn attack() -> impl Strategy<Value = Attack> {
    let secret = || (0..3_usize, 0..2_usize);
    prop_oneof![
        4 => (secret(), secret(), any::<bool>()).prop_map(|(a, b, keys)| Attack::Swap([a, b], keys)),
        2 => (secret(), 0..800_usize).prop_map(|(at, bit)| Attack::Flip(at, bit)),
        1 => secret().prop_map(Attack::PutBack),
        1 => (0..3_usize).prop_map(Attack::Org),
        1 => (secret(), 1..9_i64).prop_map(|(at, by)| Attack::Version(at, by)),
        2 => (0..3_usize, 0..3_usize, any::<bool>()).prop_map(|(a, b, owner)| Attack::Key(a, b, owner)),
    ]
}

/// Carry an attack out; answers which secrets must be refused from now on.
async fn carry_out(store: &Store, vault: &Vault, ids: &[String; 3], attack: &Attack) -> Vec<(usize, usize)> {
    let both = |one: usize| vec![(one, 0), (one, 1)];
    let row =
        |(one, kind): (usize, usize)| format!("connection_id = '{}' AND kind = '{}'", ids[one], KINDS[kind]);
    match *attack {
        Attack::Swap([a, b], keys) => {
            let mut all = String::new();
            for (to, from) in [(a, b), (b, a)] {
                let hex = sealed(store, &ids[from.0], KINDS[from.1]).await;
                let key = format!(
                    ", data_key_id = (SELECT data_key_id FROM data_keys WHERE owner = '{}')",
                    ids[from.0]
                );
                let key = if keys { key.as_str() } else { "" };
                all += &format!("UPDATE secrets SET sealed = {}{key} WHERE {};", blob(store, &hex), row(to));
            }
            store.tamper(all).await;
            if a == b { vec![] } else { vec![a, b] }
        }
        Attack::Flip(at, bit) => {
            let mut bytes = hex::decode(sealed(store, &ids[at.0], KINDS[at.1]).await).unwrap();
            // The first byte is the format: another one is refused in other words.
            let bit = 8 + bit % ((bytes.len() - 1) * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
            let blob = blob(store, &hex::encode(bytes));
            store.tamper(format!("UPDATE secrets SET sealed = {blob} WHERE {}", row(at))).await;
            vec![at]
        }
        Attack::PutBack(at) => {
            let before = sealed(store, &ids[at.0], KINDS[at.1]).await;
            let mut tx = store.db.begin().await.unwrap();
            let id = ConnectionId(ids[at.0].clone());
            connections::save_tokens(&mut tx, &id, &tokens(&ids[at.0]), vault, NOW).await.unwrap();
            tx.commit().await.unwrap();
            let blob = blob(store, &before);
            store.tamper(format!("UPDATE secrets SET sealed = {blob} WHERE {}", row(at))).await;
            vec![at]
        }
        Attack::Org(one) => {
            let id = &ids[one];
            store
                .tamper(format!("UPDATE connections SET org_id = org_id + 1 WHERE connection_id = '{id}'"))
                .await;
            both(one)
        }
        Attack::Version(at, by) => {
            store.tamper(format!("UPDATE secrets SET version = version + {by} WHERE {}", row(at))).await;
            vec![at]
        }
        Attack::Key(a, b, _) if a == b => vec![],
        Attack::Key(a, b, owner) => {
            let (a_id, b_id) = (&ids[a], &ids[b]);
            if owner {
                // The data key of one goes, and the other's takes its name and place.
                store.tamper(format!(
                    "UPDATE secrets SET data_key_id = (SELECT data_key_id FROM data_keys WHERE owner = '{b_id}')
                     WHERE connection_id = '{a_id}'"
                )).await;
                both(a)
            } else {
                store
                    .tamper(format!(
                    "UPDATE data_keys SET wrapped = (SELECT wrapped FROM data_keys WHERE owner = '{b_id}')
                     WHERE owner = '{a_id}'"
                ))
                    .await;
                both(a)
            }
        }
    }
}

async fn withstand(store: &Store, vault: &Vault, case: usize, attack: &Attack) -> Result<(), TestCaseError> {
    let ids = [0, 1, 2].map(|one| format!("case {case} connection {one}"));
    for (one, id) in ids.iter().enumerate() {
        insert(store, vault, id, OrgId(if one == 2 { 8 } else { 7 })).await;
    }
    let refused = carry_out(store, vault, &ids, attack).await;
    for (one, id) in ids.iter().enumerate() {
        for (number, kind) in KINDS.into_iter().enumerate() {
            let read = read(store, vault, id, kind).await;
            if refused.contains(&(one, number)) {
                prop_assert!(is_refused(&read), "{attack:?}: {kind} of {id}: {read:?}");
            } else {
                prop_assert_eq!(read.unwrap(), Some(format!("{kind} of {id}")), "{:?}", attack);
            }
        }
    }
    Ok(())
}

fn withstand_all(store: &Store, runtime: &tokio::runtime::Runtime, cases: u32) {
    let (vault, case) = (vault(1), std::cell::Cell::new(0));
    let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    let held = runner.run(&attack(), |attack| {
        case.set(case.get() + 1);
        runtime.block_on(withstand(store, &vault, case.get(), &attack))
    });
    held.unwrap();
}

#[test]
fn whatever_is_moved_or_changed_in_the_database_no_secret_opens_as_another() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let store = runtime.block_on(sqlite());
    withstand_all(&store, &runtime, 100);
    runtime.block_on(store.end());
    if let Some(store) = runtime.block_on(postgres()) {
        withstand_all(&store, &runtime, 60);
        runtime.block_on(store.end());
    }
}

/// A text as the first format had it, made without the vault.
pub(crate) fn first_format(
    key: &Key,
    (org, place, kind, version): (OrgId, &str, &str, i64),
    plain: &str,
) -> Vec<u8> {
    let mut head = vec![1];
    head.extend(hex::decode(key.id().as_str()).unwrap());
    let mut aad = head.clone();
    aad.extend(org.0.to_le_bytes());
    aad.extend(version.to_le_bytes());
    for text in [place, kind] {
        aad.extend((text.len() as u64).to_le_bytes());
        aad.extend(text.as_bytes());
    }
    let nonce = [3; 24];
    let cipher = XChaCha20Poly1305::new(&(*key.expose()).into());
    let payload = Payload { msg: plain.as_bytes(), aad: &aad };
    [head, nonce.to_vec(), cipher.encrypt(&XNonce::from(nonce), payload).unwrap()].concat()
}

/// Put a secret of the first format where one of the second lies.
pub(crate) async fn put_first_format(store: &Store, key: &Key, id: &str, org: OrgId, kind: &str) {
    let sealed = first_format(key, (org, id, kind, 1), &format!("{kind} of {id}"));
    let blob = blob(store, &hex::encode(sealed));
    let row = format!("connection_id = '{id}' AND kind = '{kind}'");
    store.tamper(format!("UPDATE secrets SET sealed = {blob}, data_key_id = NULL WHERE {row}")).await;
}

#[tokio::test]
async fn a_secret_of_the_first_format_opens_and_is_sealed_anew_when_written() {
    on_both(async |store| {
        let (vault, key) = (vault(1), Key::generate(&SeededEntropy::new(1)));
        insert(store, &vault, "c1", OrgId(7)).await;
        put_first_format(store, &key, "c1", OrgId(7), KINDS[0]).await;
        assert!(sealed(store, "c1", KINDS[0]).await.starts_with("01"));
        assert_eq!(read(store, &vault, "c1", KINDS[0]).await.unwrap().unwrap(), "access_token of c1");
        let other = read(store, &self::vault(2), "c1", KINDS[0]).await;
        assert!(matches!(other, Err(StoreError::Vault(VaultError::WrongKey { .. }))), "{other:?}");

        let mut tx = store.db.begin().await.unwrap();
        let id = ConnectionId("c1".to_owned());
        connections::save_tokens(&mut tx, &id, &tokens("c1"), &vault, NOW).await.unwrap();
        tx.commit().await.unwrap();
        assert!(sealed(store, "c1", KINDS[0]).await.starts_with("02"));
        assert_eq!(read(store, &vault, "c1", KINDS[0]).await.unwrap().unwrap(), "access_token of c1");

        put_first_format(store, &key, "c1", OrgId(8), KINDS[0]).await;
        assert!(is_refused(&read(store, &vault, "c1", KINDS[0]).await), "bound to the organization");
        put_first_format(store, &key, "c1", OrgId(7), KINDS[0]).await;
        let moved =
            format!("UPDATE secrets SET sealed = {}", blob(store, &sealed(store, "c1", KINDS[0]).await));
        store.tamper(format!("{moved} WHERE kind = 'refresh_token'")).await;
        assert!(is_refused(&read(store, &vault, "c1", KINDS[1]).await), "bound to the kind");
    })
    .await;
}

#[tokio::test]
async fn what_a_destroyed_data_key_sealed_never_opens_again() {
    on_both(async |store| {
        let vault = vault(1);
        insert(store, &vault, "c1", OrgId(7)).await;
        insert(store, &vault, "c2", OrgId(7)).await;
        let (kept, id) = (sealed(store, "c1", KINDS[0]).await, ConnectionId("c1".to_owned()));
        let key = store.texts("SELECT data_key_id FROM data_keys WHERE owner = 'c1'".into()).await.remove(0);

        let mut tx = store.db.begin().await.unwrap();
        assert_eq!(vault::destroy(&mut tx, &id).await.unwrap(), 1);
        assert_eq!(vault::destroy(&mut tx, &id).await.unwrap(), 0);
        tx.commit().await.unwrap();
        assert!(connections::tokens(&store.db, &id, &vault).await.unwrap().is_none());
        let row = format!("'c1', '{}', 1, {}, 1, '{key}'", KINDS[0], blob(store, &kept));
        store
            .tamper(format!(
                "INSERT INTO secrets (connection_id, kind, version, sealed, saved_at, data_key_id) VALUES ({row})"
            ))
            .await;
        let read_again = read(store, &vault, "c1", KINDS[0]).await;
        assert!(matches!(read_again, Err(StoreError::Vault(VaultError::Destroyed))), "{read_again:?}");
        assert_eq!(read(store, &vault, "c2", KINDS[0]).await.unwrap().unwrap(), "access_token of c2");
        let instance = vault::destroy(&mut store.db.begin().await.unwrap(), &ConnectionId(String::new())).await;
        assert!(matches!(instance, Err(StoreError::NotFound { .. })), "{instance:?}");
    })
    .await;
}

#[tokio::test]
async fn a_destroyed_data_key_leaves_no_bytes_in_the_file() {
    let (store, vault) = (sqlite().await, vault(1));
    insert(&store, &vault, "c1", OrgId(7)).await;
    let wrapped = store.texts("SELECT hex(wrapped) FROM data_keys WHERE owner = 'c1'".into()).await.remove(0);
    let (wrapped, file) = (hex::decode(wrapped).unwrap(), store.file().unwrap());
    let mut tx = store.db.begin().await.unwrap();
    connections::set_state(&mut tx, &ConnectionId("c1".to_owned()), ConnectionState::Disconnected)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    // Closing folds the log into the file and removes it.
    store.db.close().await;
    let is_in = |bytes: Vec<u8>| bytes.windows(wrapped.len()).any(|window| window == wrapped);
    for entry in std::fs::read_dir(file.parent().unwrap()).unwrap() {
        let path = entry.unwrap().path();
        assert!(!is_in(std::fs::read(&path).unwrap()), "{}", path.display());
    }
}

#[tokio::test]
async fn a_secret_of_no_connection_opens_for_its_own_kind_and_subject() {
    on_both(async |store| {
        let vault = vault(1);
        let mut tx = store.db.begin().await.unwrap();
        let sealed = vault.seal_instance(&mut tx, ("totp", "user 1"), b"seed-canary", NOW).await.unwrap();
        tx.commit().await.unwrap();
        assert!(!sealed.windows(6).any(|window| window == b"canary"));
        let again = Vault::new(Key::generate(&SeededEntropy::new(1)), Arc::new(SeededEntropy::new(9)));
        let opened = again.open_instance(&store.db, ("totp", "user 1"), &sealed).await.unwrap();
        assert_eq!(opened.expose(), "seed-canary");
        for place in [("totp", "user 2"), ("oidc", "user 1"), ("totpuser", " 1")] {
            let refused = vault.open_instance(&store.db, place, &sealed).await;
            assert!(matches!(refused, Err(StoreError::Vault(VaultError::Damaged))), "{refused:?}");
        }
        store.tamper("DELETE FROM data_keys").await;
        let gone = vault.open_instance(&store.db, ("totp", "user 1"), &sealed).await;
        assert!(matches!(gone, Err(StoreError::Vault(VaultError::Destroyed))), "{gone:?}");
    })
    .await;
}

#[tokio::test]
async fn of_many_who_need_the_first_data_key_at_once_one_makes_it() {
    on_both(async |store| {
        let sealing = (0..16).map(|turn| {
            let db = store.db.clone();
            tokio::spawn(async move {
                let entropy = Arc::new(SeededEntropy::new(100 + turn));
                let vault = Vault::new(Key::generate(&SeededEntropy::new(1)), entropy);
                vault.check(&db, NOW).await.unwrap();
                let mut tx = db.begin().await.unwrap();
                let sealed = vault.seal_instance(&mut tx, ("kind", "subject"), b"same", NOW).await.unwrap();
                tx.commit().await.unwrap();
                sealed
            })
        });
        for sealing in sealing.collect::<Vec<_>>() {
            let opened =
                vault(1).open_instance(&store.db, ("kind", "subject"), &sealing.await.unwrap()).await;
            assert_eq!(opened.unwrap().expose(), "same");
        }
        assert_eq!(store.texts("SELECT owner FROM data_keys".into()).await, [""]);
    })
    .await;
}

#[tokio::test]
async fn a_key_file_that_is_lost_is_told_and_none_is_made() {
    on_both(async |store| {
        let folder = tempfile::tempdir().unwrap();
        let (path, entropy) = (folder.path().join("it.key"), Arc::new(SeededEntropy::new(4)));
        let open = async || {
            let noted = vault::noted(&store.db).await.unwrap();
            let file = KeyFile::beside(&path, noted.as_ref(), entropy.as_ref())?;
            let ring = Ring::read(Box::new(file), entropy.clone()).await?;
            let vault = Vault::over(Arc::new(ring), entropy.clone());
            vault.check(&store.db, NOW).await.map(|()| vault)
        };
        let vault = open().await.unwrap();
        insert(store, &vault, "c1", OrgId(7)).await;
        std::fs::rename(&path, folder.path().join("copy")).unwrap();
        let error = open().await.unwrap_err();
        assert!(matches!(error, StoreError::Vault(VaultError::KeyFileMissing { .. })), "{error}");
        assert!(!path.exists() && error.hint().is_some());
        std::fs::rename(folder.path().join("copy"), &path).unwrap();
        assert_eq!(
            read(store, &open().await.unwrap(), "c1", KINDS[0]).await.unwrap().unwrap(),
            "access_token of c1"
        );
    })
    .await;
}

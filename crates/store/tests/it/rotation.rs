//! Keys are changed while others use what they open: nobody notices, and the old key opens nothing afterwards.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use model::{ConnectionId, EndpointId, Entropy, EventId, OrgId, Secret, SeededEntropy};
use store::audit::Who;
use store::endpoints::{self, NewEndpoint};
use store::vault::{self, Key, KeyFile, KeyState, KeyText, Ring, RotateOptions, Rotation, Vault, VaultError};
use store::{Db, StoreError, connections};
use tokio::task::JoinSet;

use crate::engines::{Store, on_both};
use crate::samples::NOW;
use crate::vault::{blob, connection, insert, put_first_format, tokens};

const ORG: OrgId = OrgId(7);
const CONNECTIONS: u64 = 1_000;
const CALLERS: u64 = 64;
/// Processes that hold keys of their own.
const NODES: u64 = 4;
/// Of so many calls, one is a refresh that stores new tokens.
const REFRESH_EVERY: u64 = 20;

fn name(number: u64) -> String {
    format!("connection {number:04}")
}

/// A vault over the key file, as a process opens it.
pub(crate) async fn open(path: &Path, seed: u64) -> Vault {
    let entropy: Arc<dyn Entropy> = Arc::new(SeededEntropy::new(seed));
    let ring = Ring::read(Box::new(KeyFile::at(path)), Arc::clone(&entropy)).await.unwrap();
    Vault::over(Arc::new(ring), entropy)
}

/// A key file with the key of this seed.
pub(crate) fn key_file(folder: &Path, seed: u64) -> std::path::PathBuf {
    let path = folder.join("it.key");
    let _ = std::fs::remove_file(&path);
    KeyFile::beside(&path, None, &SeededEntropy::new(seed)).unwrap();
    path
}

async fn connect_all(store: &Store, vault: &Vault) {
    vault.check(&store.db, NOW).await.unwrap();
    let mut tx = store.db.begin().await.unwrap();
    for number in 0..CONNECTIONS {
        let id = name(number);
        connections::insert(&mut tx, &connection(&id, ORG), &tokens(&id), vault).await.unwrap();
    }
    tx.commit().await.unwrap();
}

/// Calls that were made, and what went wrong with the others.
#[derive(Default)]
struct Calls {
    made: AtomicU64,
    stop: AtomicBool,
}

async fn call(db: Db, vault: Vault, seed: u64, calls: Arc<Calls>) -> Result<(), String> {
    let dice = SeededEntropy::new(seed);
    while !calls.stop.load(Ordering::Relaxed) {
        let name = name(dice.below(CONNECTIONS));
        let id = ConnectionId(name.clone());
        let held = connections::tokens(&db, &id, &vault).await.map_err(|error| error.to_string())?;
        let right = tokens(&name);
        let access = held.ok_or("no token")?.access;
        if access.expose() != right.access.expose() {
            return Err(format!("another token than that of {name}"));
        }
        if dice.below(REFRESH_EVERY) == 0 {
            let saved = async {
                let mut tx = db.begin().await?;
                connections::save_tokens(&mut tx, &id, &right, &vault, NOW.plus(9)).await?;
                tx.commit().await
            };
            saved.await.map_err(|error| error.to_string())?;
        }
        calls.made.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}

/// Step until so much is done, or to the end; answers whether there is more.
pub(crate) async fn step_until(rotation: &mut Rotation, store: &Store, vault: &Vault, done: u64) -> bool {
    let now = NOW.plus(5);
    loop {
        let so_far = rotation.done();
        if so_far.renewed + so_far.wrapped >= done {
            return true;
        }
        if !rotation.step(&store.db, vault, now).await.unwrap() {
            return false;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_four_callers_of_a_thousand_connections_notice_no_change_of_keys() {
    for data_keys in [false, true] {
        on_both(async |store| {
            let folder = tempfile::tempdir().unwrap();
            let path = key_file(folder.path(), 1);
            connect_all(store, &open(&path, 2).await).await;
            let (calls, mut callers) = (Arc::new(Calls::default()), JoinSet::new());
            for caller in 0..CALLERS {
                let vault = open(&path, 1_000 + caller % NODES).await;
                callers.spawn(call(store.db.clone(), vault, caller, Arc::clone(&calls)));
            }

            let options = RotateOptions { batch: 20, data_keys };
            let cut_off = open(&path, 3).await;
            let mut rotation =
                Rotation::begin(&store.db, &cut_off, options, &Who::node(), NOW.plus(5)).await.unwrap();
            let chosen = rotation.chosen().clone();
            assert!(step_until(&mut rotation, store, &cut_off, CONNECTIONS / 2).await);
            drop((rotation, cut_off));

            let vault = open(&path, 4).await;
            let mut rotation =
                Rotation::begin(&store.db, &vault, options, &Who::node(), NOW.plus(6)).await.unwrap();
            assert!(rotation.chosen().resumed);
            assert_eq!((&rotation.chosen().from, &rotation.chosen().to), (&chosen.from, &chosen.to));
            assert!(!step_until(&mut rotation, store, &vault, u64::MAX).await);
            calls.stop.store(true, Ordering::Relaxed);
            while let Some(called) = callers.join_next().await {
                assert_eq!(called.unwrap(), Ok(()));
            }
            let made = calls.made.load(Ordering::Relaxed);
            assert!(made > CALLERS, "{made} calls");
            eprintln!("{made} calls during the change, data keys too: {data_keys}");
            assert_eq!(rotation.done().damaged, 0);
            nothing_opens_with_the_old_key(store, &path).await;
        })
        .await;
    }
}

/// The key of seed 1 is gone from the file, refused by name, and fails where it is tried all the same.
async fn nothing_opens_with_the_old_key(store: &Store, path: &Path) {
    let old = Key::generate(&SeededEntropy::new(1));
    let text = std::fs::read_to_string(path).unwrap();
    assert_eq!(text.lines().count(), 1);
    assert!(!text.contains(&hex::encode(old.expose())));
    let noted = vault::overview(&store.db).await.unwrap();
    assert_eq!((noted.first_format, noted.replaced <= 1), (0, true));
    let states: Vec<_> = noted.keys.iter().map(|key| (key.state, key.data_keys > 0)).collect();
    assert_eq!(states, [(KeyState::Current, true), (KeyState::Retired, false)]);

    let (now_held, old_id) = (open(path, 5).await, old.id());
    let with_old = Vault::new(old, Arc::new(SeededEntropy::new(6)));
    let all = async |vault: &Vault| {
        let mut opened = Vec::new();
        for one in connections::list(&store.db).await.unwrap() {
            opened.push(connections::tokens(&store.db, &one.connection_id, vault).await);
        }
        opened
    };
    assert!(all(&now_held).await.iter().all(|held| matches!(held, Ok(Some(_)))));
    let refused =
        |held: &Result<_, StoreError>| matches!(held, Err(StoreError::Vault(VaultError::WrongKey { .. })));
    assert!(all(&with_old).await.iter().all(refused));
    let current = noted.keys[0].key_id.clone();
    store.tamper(format!("UPDATE data_keys SET key_id = '{old_id}' WHERE key_id = '{current}'")).await;
    let damaged = |held: &Result<_, StoreError>| matches!(held, Err(StoreError::Vault(VaultError::Damaged)));
    assert!(all(&with_old).await.iter().all(damaged));
}

async fn add_endpoint(store: &Store, vault: &Vault) -> EndpointId {
    let new = NewEndpoint {
        org: ORG,
        endpoint_id: EndpointId("e1".to_owned()),
        url: "https://receiver.test/".to_owned(),
        kinds: vec![],
        cursor: 0,
        secret: Secret::new("whsec of e1"),
    };
    let mut tx = store.db.begin().await.unwrap();
    endpoints::add(&mut tx, &new, vault, NOW).await.unwrap();
    tx.commit().await.unwrap();
    new.endpoint_id
}

async fn add_event(store: &Store, sealed: &[u8], id: &str) {
    let (sealed, key) = (blob(store, &hex::encode(sealed)), blob(store, "00"));
    let columns = "event_id, org_id, kind, spelled, received_at, key, payload_form, payload";
    let values = format!("'{id}', 7, 'new_message', 'new_message', 1, {key}, 'sealed', {sealed}");
    store.tamper(format!("INSERT INTO events ({columns}) VALUES ({values})")).await;
}

async fn payload(store: &Store, id: &str) -> Vec<u8> {
    let event = EventId(id.to_owned());
    let (_, payload) = store::inbox::get(&store.db, &event).await.unwrap().unwrap();
    let store::inbox::Payload::Sealed(sealed) = payload else { panic!("not sealed") };
    sealed
}

#[tokio::test]
async fn whatever_the_old_keys_sealed_is_sealed_anew() {
    on_both(async |store| {
        let (folder, old) = (tempfile::tempdir().unwrap(), Key::generate(&SeededEntropy::new(1)));
        let path = key_file(folder.path(), 1);
        let vault = open(&path, 2).await;
        insert(store, &vault, "c1", ORG).await;
        put_first_format(store, &old, "c1", ORG, "refresh_token").await;
        let endpoint = add_endpoint(store, &vault).await;
        put_first_format(store, &old, "e1", ORG, "signing_secret_1").await;
        let event = EventId("event 2".to_owned());
        let body = vault.seal_event(&store.db, (ORG, &event), b"body of event 2", NOW).await.unwrap();
        add_event(store, &body, "event 2").await;
        let body = crate::vault::first_format(&old, (ORG, "event 1", "event", 1), "body of event 1");
        add_event(store, &body, "event 1").await;
        add_event(store, &[2; 90], "event 3").await;
        let mut tx = store.db.begin().await.unwrap();
        let elsewhere = vault.seal_instance(&mut tx, ("totp", "u1"), b"seed", NOW).await.unwrap();
        tx.commit().await.unwrap();

        let options = RotateOptions { batch: 1, data_keys: true };
        let mut rotation =
            Rotation::begin(&store.db, &vault, options, &Who::node(), NOW.plus(5)).await.unwrap();
        assert!(!step_until(&mut rotation, store, &vault, u64::MAX).await);
        let done = rotation.done();
        // Both secrets of the connection, the endpoint's, two events; the third does not open with any key.
        assert_eq!((done.renewed, done.secrets, done.events, done.damaged), (2, 3, 2, 1));
        assert_eq!(rotation.by_hand(), []);

        let vault = open(&path, 4).await;
        let id = ConnectionId("c1".to_owned());
        let held = connections::tokens(&store.db, &id, &vault).await.unwrap().unwrap();
        assert_eq!(held.refresh.unwrap().expose(), "refresh_token of c1");
        let signing = endpoints::secrets(&store.db, ORG, &endpoint, &vault, NOW).await.unwrap();
        assert_eq!(signing[0].expose(), "signing_secret_1 of e1");
        let current =
            store.texts("SELECT data_key_id FROM data_keys WHERE owner = '' AND replaced_at IS NULL".into());
        let current = hex::decode(current.await.remove(0)).unwrap();
        for id in ["event 1", "event 2"] {
            let (event, sealed) = (EventId(id.to_owned()), payload(store, id).await);
            let opened = vault.open_event(&store.db, (ORG, &event), &sealed).await.unwrap();
            assert_eq!(opened.expose(), format!("body of {id}").as_bytes());
            assert_eq!((sealed[0], &sealed[1..17]), (2, current.as_slice()));
        }
        assert_eq!(payload(store, "event 3").await, [2; 90]);
        let opened = vault.open_instance(&store.db, ("totp", "u1"), &elsewhere).await.unwrap();
        assert_eq!(opened.expose(), "seed", "what lies elsewhere opens with the data key that was replaced");
        nothing_opens_with_the_old_key(store, &path).await;
    })
    .await;
}

#[tokio::test]
async fn a_new_key_may_be_given_to_every_node_before_it_is_used() {
    on_both(async |store| {
        let folder = tempfile::tempdir().unwrap();
        let path = key_file(folder.path(), 1);
        let vault = open(&path, 2).await;
        insert(store, &vault, "c1", ORG).await;
        let prepared = Rotation::prepare(&store.db, &vault, &Who::node(), NOW).await.unwrap();
        let again = Rotation::prepare(&store.db, &open(&path, 3).await, &Who::node(), NOW).await.unwrap();
        assert_eq!((prepared.made, again.made, &again.to), (true, false, &prepared.to));
        assert_eq!(vault::noted(&store.db).await.unwrap(), Some(prepared.from));

        let (id, options) = (ConnectionId("c1".to_owned()), RotateOptions { batch: 10, data_keys: false });
        let mut rotation =
            Rotation::begin(&store.db, &vault, options, &Who::node(), NOW.plus(5)).await.unwrap();
        assert_eq!((&rotation.chosen().to, rotation.chosen().resumed), (&prepared.to, false));
        assert!(!step_until(&mut rotation, store, &vault, u64::MAX).await);
        assert!(connections::tokens(&store.db, &id, &open(&path, 4).await).await.unwrap().is_some());
    })
    .await;
}

#[tokio::test]
async fn keys_of_the_environment_are_changed_when_people_give_both() {
    on_both(async |store| {
        let entropy: Arc<dyn Entropy> = Arc::new(SeededEntropy::new(9));
        let text = |seeds: &[u64]| {
            let keys =
                seeds.iter().map(|seed| hex::encode(Key::generate(&SeededEntropy::new(*seed)).expose()));
            Secret::new(keys.collect::<Vec<_>>().join(","))
        };
        let given = async |seeds: &[u64]| {
            let source = Box::new(KeyText::new(text(seeds), "LONGSHORE_KEY"));
            let ring = Ring::read(source, Arc::clone(&entropy)).await.unwrap();
            Vault::over(Arc::new(ring), Arc::clone(&entropy))
        };
        insert(store, &given(&[1]).await, "c1", ORG).await;
        let (options, later) = (RotateOptions { batch: 10, data_keys: false }, NOW.plus(5));
        let alone = Rotation::begin(&store.db, &given(&[1]).await, options, &Who::node(), later).await;
        assert!(matches!(alone, Err(StoreError::Vault(VaultError::CannotAdd { .. }))), "{alone:?}");
        let without = Rotation::begin(&store.db, &given(&[2]).await, options, &Who::node(), later).await;
        assert!(matches!(without, Err(StoreError::Vault(VaultError::WrongKey { .. }))), "{without:?}");

        let both = given(&[1, 2]).await;
        let mut rotation = Rotation::begin(&store.db, &both, options, &Who::node(), later).await.unwrap();
        assert!(!step_until(&mut rotation, store, &both, u64::MAX).await);
        assert_eq!(rotation.by_hand(), [Key::generate(&SeededEntropy::new(1)).id()]);
        given(&[2]).await.check(&store.db, later).await.unwrap();
        let old = given(&[1]).await.check(&store.db, later).await;
        assert!(matches!(old, Err(StoreError::Vault(VaultError::WrongKey { .. }))), "{old:?}");
    })
    .await;
}

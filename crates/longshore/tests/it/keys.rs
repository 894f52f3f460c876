//! The keys of the vault on the command line: shown by name, changed while others use them, lost, and given by a program.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use drift::OsEntropy;
use model::{ConnectionId, Entropy, Millis, OrgId, Secret, SeededEntropy};
use serde_json::Value;
use store::connections::{self, Connection, ConnectionKind, ConnectionState, Tokens};
use store::vault::{self, Key, KeyFile, Ring, Vault, VaultError, parse_keys};
use store::{DatabaseUrl, Db, OpenOptions, StoreError};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use crate::databases;
use crate::support::{Double, Place, small, wait_until};

fn connected() -> Place {
    let (place, double) = (Place::new(), Double::start(small()));
    let words = ["connect", "--token-stdin", "--set", &double.api()];
    let ran = place.run_with_stdin(&words, double.sandbox.private_token());
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    place
}

fn key_text(place: &Place) -> String {
    std::fs::read_to_string(place.path("longshore.key")).unwrap()
}

/// The name of the newest key in the file.
fn newest(place: &Place) -> String {
    parse_keys(&key_text(place), "it").unwrap().last().unwrap().id().to_string()
}

/// Whether the vault opens: `endpoints add` seals a secret.
fn seals(place: &Place, environment: Option<(&str, &str)>) -> (i32, String) {
    let mut command = place.command(&["endpoints", "add", "https://receiver.test/", "--json"]);
    let ran = place.ran(command.envs(environment).output().unwrap());
    (ran.code, ran.stderr + &ran.stdout)
}

#[test]
fn a_key_is_changed_and_the_old_one_taken_out_of_its_file() {
    let place = connected();
    let (old_text, old) = (key_text(&place), newest(&place));
    let prepared = place.run(&["keys", "rotate", "--prepare", "--json"]).json();
    let new = newest(&place);
    assert_eq!(
        (&prepared["from"], &prepared["to"]),
        (&Value::from(old.as_str()), &Value::from(new.as_str()))
    );
    assert_eq!((&prepared["rotated"], key_text(&place).lines().count()), (&Value::from(false), 2));
    let show = || place.run(&["keys", "show"]).stdout.replace(&old, "OLD").replace(&new, "NEW");
    let without_times = |text: String| {
        let is_time = |word: &&str| word.starts_with("20") && word.contains('-') || word.ends_with('Z');
        let lines = text
            .lines()
            .map(|line| line.split_whitespace().filter(|word| !is_time(word)).collect::<Vec<_>>().join(" "));
        lines.collect::<Vec<_>>().join("\n")
    };
    insta::assert_snapshot!(without_times(show()), @r"
    keys are read from the key file longshore.key
    key state at hand data keys used since retired
    NEW new yes 0
    OLD current yes 2
    1 secrets
    ");

    let rotated = place.run(&["keys", "rotate", "--data-keys"]);
    insta::assert_snapshot!(rotated.stdout.replace(&old, "OLD").replace(&new, "NEW"), @r"
    key NEW took the place of OLD in the key file longshore.key
    1 data keys wrapped anew, 2 renewed; 1 secrets and 0 events sealed anew
    key OLD is retired and gone from there; only older copies of the database need it
    ");
    insta::assert_snapshot!(without_times(show()), @r"
    keys are read from the key file longshore.key
    key state at hand data keys used since retired
    NEW current yes 3
    OLD retired no 0
    1 secrets
    ");
    assert_eq!(seals(&place, None).0, 0);
    let (code, said) = seals(&place, Some(("LONGSHORE_KEY", old_text.trim())));
    assert_eq!(code, 6, "{said}");
    assert!(said.contains(&format!("sealed with key {new}, the key at hand is {old}")), "{said}");
    for text in [&old_text, &key_text(&place)] {
        assert!(!show().contains(text.trim()));
    }
}

#[test]
fn a_lost_key_file_is_told_and_not_made_anew() {
    let place = connected();
    let (text, id) = (key_text(&place), newest(&place));
    std::fs::remove_file(place.path("longshore.key")).unwrap();
    for words in
        [&["keys", "show"][..], &["keys", "rotate"], &["serve", "--listen", "127.0.0.1:0"], &["archive"]]
    {
        let ran = place.run(words);
        assert_eq!(ran.code, 6, "{words:?}: {}", ran.stderr);
        let said =
            format!("the key file longshore.key is missing, and this database was sealed with key {id}");
        assert!(ran.stderr.contains(&said), "{words:?}: {}", ran.stderr);
        assert!(!place.path("longshore.key").exists(), "{words:?}");
    }
    place.write("printed", &text);
    let (code, said) = seals(&place, Some(("LONGSHORE_KEY_COMMAND", "/bin/cat printed")));
    assert_eq!(code, 0, "{said}");
    let (code, said) = seals(&place, Some(("LONGSHORE_KEY_COMMAND", "/bin/false printed")));
    assert_eq!(code, 6);
    assert!(said.contains("the key command /bin/false did not give its keys: exit status: 1"), "{said}");
    assert!(!said.contains(text.trim()));
}

#[test]
fn a_key_that_the_program_cannot_write_is_changed_by_giving_both() {
    let place = connected();
    let old = key_text(&place).trim().to_owned();
    let new = hex::encode(Key::generate(&OsEntropy).expose());
    let rotate = |key: &str| {
        let mut command = place.command(&["keys", "rotate", "--json"]);
        place.ran(command.env("LONGSHORE_KEY", key).output().unwrap())
    };
    let alone = rotate(&old);
    assert_eq!(alone.code, 6);
    assert!(alone.stderr.contains("LONGSHORE_KEY cannot be given a new key"), "{}", alone.stderr);
    assert!(alone.stderr.contains("LONGSHORE_KEY=OLD,NEW"), "{}", alone.stderr);
    let both = rotate(&format!("{old},{new}")).json();
    assert_eq!(both["remove_by_hand"][0], both["from"]);
    assert_eq!(seals(&place, Some(("LONGSHORE_KEY", &new))).0, 0);
    assert_eq!(seals(&place, Some(("LONGSHORE_KEY", &old))).0, 6);
}

const CONNECTIONS: u64 = 1_000;
const CALLERS: u64 = 64;

fn id(number: u64) -> ConnectionId {
    ConnectionId(format!("connection {number:04}"))
}

fn tokens(id: &ConnectionId) -> Tokens {
    Tokens { access: Secret::new(format!("at of {id}")), refresh: None, expires_at: None }
}

async fn open(place: &Place) -> Vault {
    let ring = Ring::read(Box::new(KeyFile::at(&place.path("longshore.key"))), Arc::new(OsEntropy)).await;
    Vault::over(Arc::new(ring.unwrap()), Arc::new(OsEntropy))
}

async fn connect_all(db: &Db, place: &Place) {
    KeyFile::beside(&place.path("longshore.key"), None, &OsEntropy).unwrap();
    let vault = open(place).await;
    vault.check(db, Millis(1)).await.unwrap();
    let mut tx = db.begin().await.unwrap();
    for id in (0..CONNECTIONS).map(id) {
        let new = Connection {
            connection_id: id.clone(),
            org_id: OrgId(7),
            kind: ConnectionKind::Private,
            state: ConnectionState::Active,
            scopes: vec![],
            api_url: "https://driftapi.com".to_owned(),
            created_at: Millis(1),
            last_used_at: None,
            expires_at: None,
        };
        connections::insert(&mut tx, &new, &tokens(&id), &vault).await.unwrap();
    }
    tx.commit().await.unwrap();
}

/// Callers that go on until they are stopped; each call opens a token, and one in twenty stores a new one.
struct Callers {
    tasks: JoinSet<Result<(), StoreError>>,
    made: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
}

impl Callers {
    async fn start(db: &Db, place: &Place) -> Self {
        let mut all = Self { tasks: JoinSet::new(), made: Arc::default(), stop: Arc::default() };
        let vault = open(place).await;
        for caller in 0..CALLERS {
            let (db, vault) = (db.clone(), vault.clone());
            let (made, stop) = (Arc::clone(&all.made), Arc::clone(&all.stop));
            all.tasks.spawn(async move {
                let dice = SeededEntropy::new(caller);
                while !stop.load(Ordering::Relaxed) {
                    let id = id(dice.below(CONNECTIONS));
                    let held = connections::tokens(&db, &id, &vault).await?.unwrap();
                    assert_eq!(held.access.expose(), tokens(&id).access.expose());
                    if dice.below(20) == 0 {
                        let mut tx = db.begin().await?;
                        connections::save_tokens(&mut tx, &id, &held, &vault, Millis(2)).await?;
                        tx.commit().await?;
                    }
                    made.fetch_add(1, Ordering::Relaxed);
                }
                Ok(())
            });
        }
        all
    }

    /// How many calls were made, once every caller ended without a failure.
    async fn end(mut self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        while let Some(ended) = self.tasks.join_next().await {
            ended.unwrap().unwrap();
        }
        self.made.load(Ordering::Relaxed)
    }
}

#[test]
fn a_change_of_keys_that_is_killed_half_way_goes_on_and_no_call_fails() {
    for database in databases::each() {
        let (place, runtime) = (Place::new(), Runtime::new().unwrap());
        let url = match database.strip_prefix("sqlite://") {
            Some(file) => DatabaseUrl::file(place.path(file)),
            None => DatabaseUrl::parse(&database).unwrap(),
        };
        let db = runtime.block_on(Db::open(&url, OpenOptions::default())).unwrap();
        runtime.block_on(connect_all(&db, &place));
        let old = parse_keys(&key_text(&place), "it").unwrap().remove(0);
        let callers = runtime.block_on(Callers::start(&db, &place));

        let words = ["keys", "rotate", "--batch", "1", "--json", "--database", &database];
        let mut child = place.command(&words).spawn().unwrap();
        let half = i64::try_from(CONNECTIONS / 2).unwrap();
        wait_until(|| {
            let seen = runtime.block_on(vault::overview(&db)).unwrap();
            seen.keys[0].key_id != old.id() && seen.keys[0].data_keys >= half
        });
        assert!(child.try_wait().unwrap().is_none(), "it was to be killed half way");
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(key_text(&place).lines().count(), 2, "both keys are needed");

        let words = ["keys", "rotate", "--json", "--database", &database];
        let ended = place.run(&words);
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        assert_eq!((&ended.json()["resumed"], &ended.json()["damaged"]), (&true.into(), &0.into()));
        let made = runtime.block_on(callers.end());
        eprintln!(
            "{made} calls during the change on {}",
            if database.starts_with("sqlite") { "SQLite" } else { "PostgreSQL" }
        );
        assert!(made > CALLERS);
        assert_eq!(key_text(&place).lines().count(), 1);
        runtime.block_on(nothing_opens(&db, old));
        runtime.block_on(db.close());
    }
}

/// Nothing opens with the old key.
async fn nothing_opens(db: &Db, old: Key) {
    let with_old = Vault::new(old, Arc::new(OsEntropy) as Arc<dyn Entropy>);
    for id in (0..CONNECTIONS).map(id) {
        let held = connections::tokens(db, &id, &with_old).await;
        assert!(matches!(held, Err(StoreError::Vault(VaultError::WrongKey { .. }))), "{held:?}");
    }
    assert_eq!(vault::overview(db).await.unwrap().keys[1].data_keys, 0);
}

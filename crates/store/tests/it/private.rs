//! What the program keeps for itself: connections and their secrets, runs, checkpoints, watermarks, failures.

use std::sync::Arc;

use model::{ConnectionId, ConversationId, Entropy, Millis, OrgId, RunId, Secret, SeededEntropy};
use store::checkpoints::{self, Checkpoint};
use store::connections::{self, Connection, ConnectionKind, ConnectionState, Tokens};
use store::vault::{Key, Vault, VaultError};
use store::{StoreError, failures, listings, mirror, runs, watermarks};

use crate::engines::on_both;
use crate::samples::{NOW, ORG, row};

fn vault(seed: u64) -> Vault {
    let entropy: Arc<dyn Entropy> = Arc::new(SeededEntropy::new(seed));
    Vault::new(Key::generate(entropy.as_ref()), entropy)
}

fn connection(id: &str) -> Connection {
    Connection {
        connection_id: ConnectionId(id.to_owned()),
        org_id: ORG,
        kind: ConnectionKind::OAuth,
        state: ConnectionState::Active,
        scopes: vec!["conversation_read".to_owned(), "contact_read".to_owned()],
        api_url: "https://driftapi.com".to_owned(),
        created_at: NOW,
        last_used_at: None,
        expires_at: Some(NOW.plus(7_200_000)),
    }
}

fn tokens(access: &str, refresh: Option<&str>) -> Tokens {
    Tokens {
        access: Secret::new(access),
        refresh: refresh.map(Secret::new),
        expires_at: Some(NOW.plus(7_200_000)),
    }
}

#[tokio::test]
async fn a_connection_keeps_its_tokens_and_rotates_them() {
    on_both(async |store| {
        let (vault, new) = (vault(1), connection("c1"));
        let mut tx = store.db.begin().await.unwrap();
        connections::insert(&mut tx, &new, &tokens("at-1", Some("rt-1")), &vault).await.unwrap();
        connections::put_secret(
            &mut tx,
            &new.connection_id,
            "client_secret",
            &Secret::new("cs"),
            &vault,
            NOW,
        )
        .await
        .unwrap();
        tx.commit().await.unwrap();
        assert_eq!(connections::get(&store.db, ORG).await.unwrap(), Some(new.clone()));

        let mut tx = store.db.begin().await.unwrap();
        connections::save_tokens(&mut tx, &new.connection_id, &tokens("at-2", None), &vault, NOW)
            .await
            .unwrap();
        connections::touch(&mut tx, &new.connection_id, Millis(5)).await.unwrap();
        tx.commit().await.unwrap();
        let held = connections::tokens(&store.db, &new.connection_id, &vault).await.unwrap().unwrap();
        assert_eq!(held.access.expose(), "at-2");
        assert_eq!(held.refresh.unwrap().expose(), "rt-1");
        let secret =
            connections::secret(&store.db, &new.connection_id, "client_secret", &vault).await.unwrap();
        assert_eq!(secret.unwrap().expose(), "cs");
        assert_eq!(connections::list(&store.db).await.unwrap()[0].last_used_at, Some(Millis(5)));

        let mut tx = store.db.begin().await.unwrap();
        connections::set_state(&mut tx, &new.connection_id, ConnectionState::Disconnected).await.unwrap();
        tx.commit().await.unwrap();
        assert!(connections::tokens(&store.db, &new.connection_id, &vault).await.unwrap().is_none());
        let state = connections::get(&store.db, ORG).await.unwrap().unwrap().state;
        assert_eq!(state, ConnectionState::Disconnected);
    })
    .await;
}

#[tokio::test]
async fn tokens_of_an_unknown_connection_are_refused() {
    on_both(async |store| {
        let mut tx = store.db.begin().await.unwrap();
        let unknown = ConnectionId("none".to_owned());
        let error = connections::save_tokens(&mut tx, &unknown, &tokens("a", None), &vault(1), NOW).await;
        assert!(matches!(error, Err(StoreError::NotFound { .. })), "{error:?}");
    })
    .await;
}

#[tokio::test]
async fn a_sealed_token_put_back_or_moved_does_not_open() {
    on_both(async |store| {
        let vault = vault(1);
        let mut tx = store.db.begin().await.unwrap();
        connections::insert(&mut tx, &connection("c1"), &tokens("at-1", Some("rt-1")), &vault).await.unwrap();
        connections::insert(&mut tx, &connection("c2"), &tokens("at-2", None), &vault).await.unwrap();
        tx.commit().await.unwrap();
        store
            .tamper(
                "UPDATE secrets SET sealed = (SELECT sealed FROM secrets WHERE connection_id = 'c2')
                 WHERE connection_id = 'c1' AND kind = 'access_token'",
            )
            .await;
        let error = connections::tokens(&store.db, &ConnectionId("c1".to_owned()), &vault).await.unwrap_err();
        assert!(matches!(error, StoreError::Vault(VaultError::Damaged)), "{error}");
    })
    .await;
}

#[tokio::test]
async fn the_wrong_key_is_named_at_once() {
    on_both(async |store| {
        vault(1).check(&store.db, NOW).await.unwrap();
        vault(1).check(&store.db, NOW).await.unwrap();
        let error = vault(2).check(&store.db, NOW).await.unwrap_err();
        assert!(matches!(error, StoreError::Vault(VaultError::WrongKey { .. })), "{error}");
        assert!(error.hint().is_some());
    })
    .await;
}

#[tokio::test]
async fn no_secret_lies_in_the_database_in_the_clear() {
    on_both(async |store| {
        let vault = vault(1);
        vault.check(&store.db, NOW).await.unwrap();
        for turn in 0..3 {
            let mut tx = store.db.begin().await.unwrap();
            let id = format!("c{turn}");
            let both = tokens("at-canary-4f2a", Some("rt-canary-4f2a"));
            connections::insert(&mut tx, &connection(&id), &both, &vault).await.unwrap();
            connections::save_tokens(&mut tx, &ConnectionId(id), &both, &vault, NOW).await.unwrap();
            tx.commit().await.unwrap();
        }
        if let Some(file) = store.file() {
            // The log is searched as it is, and the file once more after everything is folded into it.
            search(file.parent().unwrap());
            store.db.close().await;
            search(file.parent().unwrap());
        } else {
            let rows = store
                .texts("SELECT CAST(s AS TEXT) || CAST(c AS TEXT) FROM secrets s, connections c".to_owned())
                .await;
            let canary = "canary-4f2a";
            let hexed: String = canary.bytes().map(|byte| format!("{byte:02x}")).collect();
            assert!(
                !rows.is_empty() && rows.iter().all(|row| !row.contains(canary) && !row.contains(&hexed))
            );
        }
    })
    .await;
}

fn search(folder: &std::path::Path) {
    let mut found = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        found += bytes.len();
        assert!(!bytes.windows(11).any(|window| window == b"canary-4f2a"));
    }
    assert!(found > 0);
}

#[tokio::test]
async fn a_run_goes_on_from_its_checkpoint_until_it_is_finished() {
    on_both(async |store| {
        let (first, second) = (RunId("run 1".to_owned()), RunId("run 2".to_owned()));
        let mut tx = store.db.begin().await.unwrap();
        runs::start(&mut tx, ORG, "archive", NOW, &first).await.unwrap();
        let checkpoint =
            Checkpoint { token: Some("next".to_owned()), done: false, counts: "{\"rows\":50}".to_owned() };
        checkpoints::save(&mut tx, &first, "list", &Checkpoint::default()).await.unwrap();
        checkpoints::save(&mut tx, &first, "list", &checkpoint).await.unwrap();
        watermarks::set(&mut tx, ORG, "updated_at", Millis(9)).await.unwrap();
        tx.commit().await.unwrap();

        let unfinished = runs::latest_unfinished(&store.db, ORG, "archive").await.unwrap().unwrap();
        assert_eq!(unfinished.run_id, first);
        assert_eq!(checkpoints::load(&store.db, &first, "list").await.unwrap(), Some(checkpoint));
        assert_eq!(checkpoints::load(&store.db, &first, "other").await.unwrap(), None);
        assert_eq!(watermarks::get(&store.db, ORG, "updated_at").await.unwrap(), Some(Millis(9)));
        assert_eq!(watermarks::get(&store.db, OrgId(1), "updated_at").await.unwrap(), None);

        let mut tx = store.db.begin().await.unwrap();
        runs::finish(&mut tx, &first, "complete", Some("{}"), NOW.plus(1)).await.unwrap();
        let again = runs::finish(&mut tx, &first, "complete", None, NOW).await;
        assert!(matches!(again, Err(StoreError::NotFound { .. })), "{again:?}");
        runs::start(&mut tx, ORG, "verify", NOW, &second).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(runs::latest_unfinished(&store.db, ORG, "archive").await.unwrap(), None);
        let latest = runs::latest(&store.db, ORG, "archive").await.unwrap().unwrap();
        assert_eq!(
            (latest.outcome.as_deref(), latest.certificate.as_deref()),
            (Some("complete"), Some("{}"))
        );
        assert_eq!(runs::get(&store.db, &first).await.unwrap(), Some(latest));
        assert_eq!(runs::list(&store.db, ORG, 10).await.unwrap().len(), 2);
    })
    .await;
}

#[tokio::test]
async fn failures_count_up_and_are_cleared_by_success() {
    on_both(async |store| {
        let mut tx = store.db.begin().await.unwrap();
        failures::record(&mut tx, ORG, "messages", "7", "retryable", "503", NOW).await.unwrap();
        failures::record(&mut tx, ORG, "messages", "7", "retryable", "504", NOW.plus(5)).await.unwrap();
        failures::record(&mut tx, ORG, "contact", "9", "scope", "403", NOW).await.unwrap();
        tx.commit().await.unwrap();
        let all = failures::list(&store.db, ORG, None, 10).await.unwrap();
        assert_eq!(all.iter().map(|failure| failure.key.as_str()).collect::<Vec<_>>(), ["9", "7"]);
        let one = &failures::list(&store.db, ORG, Some("messages"), 10).await.unwrap()[0];
        assert_eq!(
            (one.attempts, one.reason.as_str(), one.first_at, one.last_at),
            (2, "504", NOW, NOW.plus(5))
        );
        let counts = failures::count(&store.db, ORG).await.unwrap();
        assert_eq!(counts, [("contact".to_owned(), 1), ("messages".to_owned(), 1)]);

        let mut tx = store.db.begin().await.unwrap();
        assert!(failures::clear(&mut tx, ORG, "messages", "7").await.unwrap());
        assert!(!failures::clear(&mut tx, ORG, "messages", "7").await.unwrap());
        tx.commit().await.unwrap();
        assert_eq!(failures::list(&store.db, ORG, Some("messages"), 10).await.unwrap(), []);
    })
    .await;
}

#[tokio::test]
async fn a_listing_tells_what_the_list_did_not_show() {
    on_both(async |store| {
        let run = RunId("run 1".to_owned());
        let mut tx = store.db.begin().await.unwrap();
        mirror::apply(&mut tx, ORG, &[1, 2, 3, 4].map(|id| row(id, 1, 1)), NOW).await.unwrap();
        mirror::mark_gone(&mut tx, ORG, &[ConversationId(4)], NOW).await.unwrap();
        for ids in [[2, 9], [2, 2]] {
            listings::record(&mut tx, &run, 1, &ids.map(ConversationId)).await.unwrap();
        }
        tx.commit().await.unwrap();
        assert_eq!(listings::count(&store.db, &run, 1).await.unwrap(), 2);
        let unlisted = listings::unlisted(&store.db, ORG, &run, 1, None, 10).await.unwrap();
        assert_eq!(unlisted, [ConversationId(1), ConversationId(3)]);
        let rest = listings::unlisted(&store.db, ORG, &run, 1, Some(ConversationId(1)), 10).await.unwrap();
        assert_eq!(rest, [ConversationId(3)]);

        let mut tx = store.db.begin().await.unwrap();
        listings::clear(&mut tx, &run).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(listings::count(&store.db, &run, 1).await.unwrap(), 0);
    })
    .await;
}

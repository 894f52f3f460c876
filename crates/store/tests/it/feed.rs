//! Readers of the change feed, what they owe outside, and where it goes.

use std::sync::Arc;

use model::{EndpointId, Entropy, Millis, Secret, SeededEntropy};
use store::changes::{self, ChangeKind, Start};
use store::consumers::{self, ConsumerKind, ConsumerState};
use store::effects::{self, Attempt, EffectState};
use store::endpoints::{self, EndpointState, NewEndpoint, ROTATED_MS, Replaced};
use store::vault::{Key, Vault};
use store::{Db, StoreError, mirror};

use crate::engines::on_both;
use crate::samples::{NOW, ORG, message, read};

const NAME: &str = "lake";

/// One change for each of these conversations, a second apart.
async fn grow(db: &Db, conversations: std::ops::Range<i64>) {
    for id in conversations {
        let mut tx = db.begin().await.unwrap();
        let snapshot = read(id, 1, 1, vec![message(id * 10, "hello")]);
        mirror::apply(&mut tx, ORG, &[snapshot], NOW.plus(id * 1_000)).await.unwrap();
        tx.commit().await.unwrap();
    }
}

async fn register(db: &Db, name: &str, kind: ConsumerKind, start: Start) {
    let cursor = changes::position(db, ORG, start).await.unwrap();
    let mut tx = db.begin().await.unwrap();
    consumers::register(&mut tx, ORG, (name, kind), cursor, NOW).await.unwrap();
    tx.commit().await.unwrap();
}

async fn get(db: &Db, name: &str) -> consumers::Consumer {
    consumers::get(db, ORG, name).await.unwrap().unwrap()
}

fn vault() -> Vault {
    let entropy: Arc<dyn Entropy> = Arc::new(SeededEntropy::new(4));
    Vault::new(Key::generate(entropy.as_ref()), entropy)
}

fn endpoint(id: &str) -> NewEndpoint {
    NewEndpoint {
        org: ORG,
        endpoint_id: EndpointId(id.to_owned()),
        url: "https://receiver.test/hook".to_owned(),
        kinds: vec![ChangeKind::MessageAdded, ChangeKind::ConversationCreated],
        cursor: 0,
        secret: Secret::new("whsec_first"),
    }
}

#[tokio::test]
async fn a_feed_is_read_from_wherever_one_likes() {
    on_both(async |store| {
        assert_eq!(changes::position(&store.db, ORG, Start::Now).await.unwrap(), 0);
        grow(&store.db, 1..6).await;
        let at = async |start| changes::position(&store.db, ORG, start).await.unwrap();
        assert_eq!(at(Start::Beginning).await, 0);
        assert_eq!(at(Start::Now).await, 5);
        assert_eq!(at(Start::At(3)).await, 2);
        assert_eq!(at(Start::Since(NOW.plus(2_500))).await, 2);
        assert_eq!(at(Start::Since(NOW.plus(9_000))).await, 5);
        let found = changes::of_conversation(&store.db, ORG, model::ConversationId(4), 0, 10).await.unwrap();
        assert_eq!(found.iter().map(|change| change.seq).collect::<Vec<_>>(), [4]);
    })
    .await;
}

#[tokio::test]
async fn a_cursor_moves_only_from_where_it_was_read() {
    on_both(async |store| {
        grow(&store.db, 1..6).await;
        register(&store.db, NAME, ConsumerKind::Tail, Start::Beginning).await;
        let read = get(&store.db, NAME).await;
        let lag = consumers::lag(&store.db, &read).await.unwrap();
        assert_eq!((lag.changes, lag.ms(NOW.plus(11_000))), (5, 10_000));

        let mut tx = store.db.begin().await.unwrap();
        assert!(consumers::advance(&mut tx, &read, 3, Some(120), NOW).await.unwrap());
        assert!(!consumers::advance(&mut tx, &read, 4, None, NOW).await.unwrap(), "it stands elsewhere");
        tx.commit().await.unwrap();
        let read = get(&store.db, NAME).await;
        assert_eq!((read.cursor, read.file_bytes, read.read_at), (3, Some(120), Some(NOW)));

        let mut tx = store.db.begin().await.unwrap();
        consumers::pause(&mut tx, ORG, NAME).await.unwrap();
        assert!(!consumers::advance(&mut tx, &read, 4, None, NOW).await.unwrap(), "it is paused");
        consumers::resume(&mut tx, ORG, NAME).await.unwrap();
        consumers::rewind(&mut tx, ORG, NAME, 1).await.unwrap();
        tx.commit().await.unwrap();
        let read = get(&store.db, NAME).await;
        assert_eq!((read.cursor, read.state), (1, ConsumerState::Resuming));
        assert_eq!(consumers::lag(&store.db, &read).await.unwrap().changes, 4);

        let mut tx = store.db.begin().await.unwrap();
        let missing = consumers::rewind(&mut tx, ORG, "nobody", 1).await;
        assert!(matches!(missing, Err(StoreError::NotFound { .. })), "{missing:?}");
        let taken = consumers::register(&mut tx, ORG, (NAME, ConsumerKind::Tail), 0, NOW).await;
        assert!(matches!(taken, Err(StoreError::Conflict { .. })), "{taken:?}");
    })
    .await;
}

#[tokio::test]
async fn those_that_lag_are_found_unless_they_are_paused() {
    on_both(async |store| {
        register(&store.db, "a", ConsumerKind::Webhook, Start::Now).await;
        register(&store.db, "b", ConsumerKind::Webhook, Start::Now).await;
        register(&store.db, "tail", ConsumerKind::Tail, Start::Now).await;
        let behind = async || -> Vec<String> {
            let found = consumers::behind(&store.db, ConsumerKind::Webhook, 10).await.unwrap();
            found.into_iter().map(|consumer| consumer.name).collect()
        };
        assert_eq!(behind().await, Vec::<String>::new());
        grow(&store.db, 1..3).await;
        assert_eq!(behind().await, ["a", "b"]);
        let mut tx = store.db.begin().await.unwrap();
        consumers::pause(&mut tx, ORG, "a").await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(behind().await, ["b"]);
        let b = get(&store.db, "b").await;
        let mut tx = store.db.begin().await.unwrap();
        consumers::advance(&mut tx, &b, 2, None, NOW).await.unwrap();
        consumers::resume(&mut tx, ORG, "b").await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(behind().await, ["b"], "it has something to put back to work");
        let mut tx = store.db.begin().await.unwrap();
        consumers::resumed(&mut tx, ORG, "b").await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(behind().await, Vec::<String>::new());
    })
    .await;
}

#[tokio::test]
async fn effects_are_owed_once_and_again_when_asked_for() {
    on_both(async |store| {
        grow(&store.db, 1..4).await;
        let all = changes::read(&store.db, ORG, 0, 10).await.unwrap();
        let all: Vec<_> = all.iter().collect();
        let owe = async |changes: &[&changes::Change]| {
            let mut tx = store.db.begin().await.unwrap();
            effects::owe(&mut tx, ORG, NAME, changes).await.unwrap();
            tx.commit().await.unwrap();
        };
        owe(&all).await;
        owe(&all[..1]).await;
        assert_eq!(effects::counts(&store.db, ORG, NAME).await.unwrap().owed, 3);
        assert_eq!(effects::owed_lanes(&store.db, ORG, NAME, None, 10).await.unwrap(), [1, 2, 3]);
        assert_eq!(effects::owed_lanes(&store.db, ORG, NAME, Some(1), 1).await.unwrap(), [2]);

        let mut tx = store.db.begin().await.unwrap();
        let attempt = |key: &str, state, error: Option<&str>| Attempt {
            key: key.to_owned(),
            state,
            outside_id: None,
            counts: true,
            error: error.map(str::to_owned),
            at: NOW,
        };
        let attempts = [
            attempt("1", EffectState::Owed, Some("it answered 500")),
            attempt("1", EffectState::Done, None),
            attempt("2", EffectState::Failed, Some("it answered 400")),
        ];
        effects::attempted(&mut tx, ORG, NAME, &attempts).await.unwrap();
        tx.commit().await.unwrap();
        let counts = effects::counts(&store.db, ORG, NAME).await.unwrap();
        assert_eq!((counts.owed, counts.done, counts.failed), (1, 1, 1));
        assert_eq!(effects::owed_in_all(&store.db).await.unwrap(), 1);
        let of = effects::of_conversation(&store.db, ORG, model::ConversationId(1), 0, 9).await.unwrap();
        assert_eq!((of[0].attempts, of[0].state, &of[0].error), (2, EffectState::Done, &None));
        assert!(effects::owed(&store.db, ORG, NAME, 1, 9).await.unwrap().is_empty());

        owe(&all).await;
        assert_eq!(effects::owed(&store.db, ORG, NAME, 2, 9).await.unwrap()[0].attempts, 0);
        let mut tx = store.db.begin().await.unwrap();
        let done: Vec<_> =
            ["1", "2", "3"].map(|key| attempt(key, EffectState::Done, None)).into_iter().collect();
        effects::attempted(&mut tx, ORG, NAME, &done).await.unwrap();
        assert_eq!(effects::prune(&mut tx, ORG, NOW, 3).await.unwrap(), 0, "they are not older");
        assert_eq!(effects::prune(&mut tx, ORG, NOW.plus(1), 2).await.unwrap(), 2);
        tx.commit().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn what_concerns_no_conversation_has_its_contacts_lane() {
    let change = |conversation: Option<i64>, detail: &str| changes::Change {
        seq: 1,
        org: ORG,
        conversation_id: conversation.map(model::ConversationId),
        kind: ChangeKind::ContactChanged,
        message_id: None,
        detail: detail.to_owned(),
        at: NOW,
        trace: None,
    };
    assert_eq!(effects::lane(&change(Some(7), "{}")), 7);
    assert_eq!(effects::lane(&change(None, r#"{"contact_id":9}"#)), -9);
    assert_eq!(effects::lane(&change(None, "{}")), 0);
}

#[tokio::test]
async fn an_endpoint_is_added_fails_is_disabled_and_goes_on() {
    on_both(async |store| {
        let (new, vault) = (endpoint("e1"), vault());
        let id = &new.endpoint_id;
        let mut tx = store.db.begin().await.unwrap();
        endpoints::add(&mut tx, &new, &vault, NOW).await.unwrap();
        endpoints::failed(&mut tx, ORG, id, ("it answered 500", Some(NOW.plus(5))), NOW).await.unwrap();
        endpoints::failed(&mut tx, ORG, id, ("it answered 400", None), NOW.plus(9)).await.unwrap();
        tx.commit().await.unwrap();
        let found = endpoints::get(&store.db, ORG, id).await.unwrap().unwrap();
        assert_eq!((found.failures, found.failing_since, found.retry_at), (2, Some(NOW), Some(NOW.plus(5))));
        assert_eq!((found.kinds, found.state), (new.kinds.clone(), EndpointState::Enabled));

        let mut tx = store.db.begin().await.unwrap();
        endpoints::disable(&mut tx, ORG, id, Some("it is gone"), NOW).await.unwrap();
        tx.commit().await.unwrap();
        let found = endpoints::list(&store.db, ORG).await.unwrap().remove(0);
        assert_eq!((found.state, found.error.as_deref()), (EndpointState::Disabled, Some("it is gone")));
        assert_eq!(get(&store.db, "e1").await.state, ConsumerState::Paused);

        let mut tx = store.db.begin().await.unwrap();
        endpoints::enable(&mut tx, ORG, id).await.unwrap();
        endpoints::failed(&mut tx, ORG, id, ("it answered 500", Some(NOW)), NOW).await.unwrap();
        endpoints::succeeded(&mut tx, ORG, id).await.unwrap();
        tx.commit().await.unwrap();
        let found = endpoints::get(&store.db, ORG, id).await.unwrap().unwrap();
        assert_eq!((found.failures, found.failing_since, found.retry_at, found.error), (0, None, None, None));
        assert_eq!(get(&store.db, "e1").await.state, ConsumerState::Resuming);

        let mut tx = store.db.begin().await.unwrap();
        endpoints::remove(&mut tx, ORG, id).await.unwrap();
        let again = endpoints::remove(&mut tx, ORG, id).await;
        assert!(matches!(again, Err(StoreError::NotFound { .. })), "{again:?}");
        tx.commit().await.unwrap();
        assert_eq!(consumers::get(&store.db, ORG, "e1").await.unwrap(), None);
        assert_eq!(store.texts("SELECT kind FROM secrets".to_owned()).await, Vec::<String>::new());
    })
    .await;
}

#[tokio::test]
async fn a_rotated_secret_signs_on_for_a_day() {
    on_both(async |store| {
        let (new, vault) = (endpoint("e1"), vault());
        let id = &new.endpoint_id;
        let signing = async |now: Millis| -> Vec<String> {
            let secrets = endpoints::secrets(&store.db, ORG, id, &vault, now).await.unwrap();
            secrets.iter().map(|secret| secret.expose().to_owned()).collect()
        };
        let rotate = async |secret: &str, replaced, now| {
            let mut tx = store.db.begin().await.unwrap();
            let secret = Secret::new(secret);
            endpoints::rotate(&mut tx, (ORG, id), &secret, replaced, &vault, now).await.unwrap();
            tx.commit().await.unwrap();
        };
        let mut tx = store.db.begin().await.unwrap();
        let unknown = endpoints::rotate(&mut tx, (ORG, id), &new.secret, Replaced::End, &vault, NOW).await;
        assert!(matches!(unknown, Err(StoreError::NotFound { .. })), "{unknown:?}");
        endpoints::add(&mut tx, &new, &vault, NOW).await.unwrap();
        tx.commit().await.unwrap();

        rotate("whsec_second", Replaced::SignOn, NOW).await;
        assert_eq!(signing(NOW.plus(ROTATED_MS - 1)).await, ["whsec_second", "whsec_first"]);
        assert_eq!(signing(NOW.plus(ROTATED_MS)).await, ["whsec_second"]);
        rotate("whsec_third", Replaced::SignOn, NOW.plus(ROTATED_MS)).await;
        assert_eq!(signing(NOW.plus(ROTATED_MS)).await, ["whsec_third", "whsec_second"]);
        rotate("whsec_last", Replaced::End, NOW.plus(ROTATED_MS)).await;
        assert_eq!(signing(NOW.plus(ROTATED_MS)).await, ["whsec_last"]);
        for turn in 0..10 {
            rotate(&format!("whsec_{turn}"), Replaced::SignOn, NOW.plus(ROTATED_MS)).await;
        }
        assert_eq!(signing(NOW.plus(ROTATED_MS)).await.len(), 5);
    })
    .await;
}

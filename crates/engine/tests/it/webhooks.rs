//! Outgoing webhooks from the change feed to a receiver: nothing lost, in order per conversation, the same id with the
//! same bytes each time, whatever fails and whoever dies.

mod harness;

use model::{Clock, EndpointId, Entropy, SeededEntropy};
use sinks::webhook::SigningSecret;
use store::audit::Who;
use store::changes::{self, ChangeKind};
use store::effects::{self, EffectState};
use store::endpoints::{self, EndpointState, Replaced};
use store::{consumers, notices};

use crate::engines::Database;
use harness::{Answer, Hooks, LEASE_MS, ORG};

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

async fn feed(hooks: &Hooks) -> Vec<i64> {
    changes::read(&hooks.db, ORG, 0, 10_000).await.unwrap().iter().map(|change| change.seq).collect()
}

fn sorted(mut seqs: Vec<i64>) -> Vec<i64> {
    seqs.sort_unstable();
    seqs.dedup();
    seqs
}

async fn enable(hooks: &Hooks, endpoint: &EndpointId) {
    let mut tx = hooks.db.begin().await.unwrap();
    endpoints::enable(&mut tx, ORG, endpoint).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn every_change_arrives_in_order_whatever_the_receiver_does() {
    for database in Database::each().await {
        let hooks = Hooks::start(database);
        hooks.add(&[]).await;
        let dice = SeededEntropy::new(7);
        hooks.receiver.answers(move |_| match dice.below(10) {
            0 => Answer::Status(500),
            1 => Answer::Status(400),
            2 => Answer::Cut,
            3 => Answer::RetryAfter(429, "7"),
            _ => Answer::Status(200),
        });
        for _ in 0..6 {
            hooks.grow(1..=8).await;
            hooks.step().await;
        }
        hooks.run().await;
        hooks.receiver.check();
        assert_eq!(sorted(hooks.receiver.seqs()), feed(&hooks).await);
    }
}

#[tokio::test]
async fn a_death_between_any_two_awaits_loses_nothing() {
    for database in Database::each().await {
        let hooks = Hooks::start(database);
        hooks.add(&[]).await;
        let dice = SeededEntropy::new(11);
        for _ in 0..25 {
            hooks.grow(1..=5).await;
            hooks.step_killed_after(1 + dice.below(120)).await;
            hooks.clock.advance(LEASE_MS + 1);
        }
        hooks.run().await;
        hooks.receiver.check();
        assert_eq!(sorted(hooks.receiver.seqs()), feed(&hooks).await);
    }
}

#[tokio::test]
async fn an_endpoint_that_takes_nothing_is_disabled_and_goes_on_where_it_stopped() {
    for database in Database::each().await {
        let hooks = Hooks::start(database);
        let id = hooks.add(&[]).await;
        hooks.receiver.answers(|_| Answer::Status(503));
        for _ in 0..3 {
            hooks.grow(1..=4).await;
        }
        let began = hooks.clock.now();
        hooks.run().await;
        let endpoint = hooks.endpoint(&id).await;
        assert_eq!(endpoint.state, EndpointState::Disabled);
        let lasted_ms = hooks.clock.now().since(began);
        assert!((DAY_MS..DAY_MS + HOUR_MS).contains(&lasted_ms), "{lasted_ms}");
        assert!(hooks.receiver.tried().len() < 200, "{}", hooks.receiver.tried().len());
        let told = notices::list(&hooks.db, Some(ORG), 10).await.unwrap();
        assert_eq!((told.len(), told[0].kind.as_str()), (1, "endpoint"));
        let counts = effects::counts(&hooks.db, ORG, &id.0).await.unwrap();
        assert_eq!((counts.owed, counts.failed), (12, 0));

        hooks.receiver.answers(|_| Answer::Status(200));
        hooks.grow(1..=4).await;
        hooks.step().await;
        assert_eq!(hooks.receiver.seqs(), Vec::<i64>::new());
        enable(&hooks, &id).await;
        hooks.step().await;
        hooks.step().await;
        hooks.receiver.check();
        assert_eq!(sorted(hooks.receiver.seqs()), feed(&hooks).await, "at once, not after a day's wait");
        assert_eq!(hooks.receiver.seqs().len(), 16, "and once");
    }
}

#[tokio::test]
async fn one_webhook_that_is_always_refused_holds_up_its_conversation_only() {
    for database in Database::each().await {
        let hooks = Hooks::start(database);
        let id = hooks.add(&[]).await;
        hooks.grow(1..=2).await;
        hooks.receiver.answers(|seen| Answer::Status(if seen.seq == 1 { 500 } else { 200 }));
        let began = hooks.clock.now();
        // The other conversation goes on for four days, and so the receiver is seen to work.
        for _ in 0..96 {
            hooks.grow(1..=2).await;
            let end = hooks.clock.now().plus(HOUR_MS);
            while hooks.clock.now() < end {
                hooks.step().await;
                hooks.clock.advance(HOUR_MS / 2);
            }
        }
        hooks.run().await;
        let failed = effects::of_conversation(&hooks.db, ORG, model::ConversationId(1), 0, 1).await.unwrap();
        assert_eq!((failed[0].state, failed[0].attempts), (EffectState::Failed, 10));
        let given_up_at = failed[0].last_at.unwrap().since(began);
        assert!((3 * DAY_MS..4 * DAY_MS).contains(&given_up_at), "{given_up_at}");
        let mut expected = feed(&hooks).await;
        expected.retain(|seq| *seq != 1);
        assert_eq!(sorted(hooks.receiver.seqs()), expected);
        hooks.receiver.check();

        hooks.receiver.answers(|_| Answer::Status(200));
        let endpoint = hooks.endpoint(&id).await;
        assert_eq!(
            endpoints::replay(&hooks.db, &endpoint, 0, 1, (&Who::node(), model::Millis(1))).await.unwrap(),
            1
        );
        hooks.step().await;
        assert_eq!(hooks.receiver.seqs().last(), Some(&1));
        let refused = hooks.receiver.tried().into_iter().find(|seen| seen.seq == 1).unwrap();
        let taken = hooks.receiver.taken().pop().unwrap();
        assert_eq!((taken.id, taken.body), (refused.id, refused.body), "the same id with the same bytes");
    }
}

#[tokio::test]
async fn a_rewound_endpoint_gets_the_same_bytes_again() {
    for database in Database::each().await {
        let hooks = Hooks::start(database);
        let id = hooks.add(&[ChangeKind::MessageAdded]).await;
        for _ in 0..3 {
            hooks.grow(1..=3).await;
        }
        hooks.run().await;
        assert_eq!(hooks.receiver.seqs().len(), 6, "conversations that are new were not asked for");
        let mut tx = hooks.db.begin().await.unwrap();
        consumers::rewind(&mut tx, ORG, &id.0, 0).await.unwrap();
        tx.commit().await.unwrap();
        hooks.run().await;
        assert_eq!(hooks.receiver.seqs().len(), 12);
        hooks.receiver.check();
    }
}

#[tokio::test]
async fn both_secrets_sign_while_one_is_rotated() {
    for database in Database::each().await {
        let hooks = Hooks::start(database);
        let id = hooks.add(&[]).await;
        let secret = SigningSecret::generate(&SeededEntropy::new(99));
        let mut tx = hooks.db.begin().await.unwrap();
        let now = hooks.clock.now();
        endpoints::rotate(&mut tx, (ORG, &id), secret.text(), Replaced::SignOn, &hooks.vault, now)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        hooks.trust(secret);
        hooks.grow(1..=1).await;
        hooks.run().await;
        hooks.clock.advance(DAY_MS);
        hooks.grow(1..=1).await;
        hooks.run().await;
        let signatures: Vec<usize> = hooks.receiver.taken().iter().map(|seen| seen.signatures).collect();
        assert_eq!(signatures, [2, 1]);
    }
}

#[tokio::test]
async fn a_receiver_that_asks_for_patience_gets_it_and_one_that_is_gone_is_left() {
    for database in Database::each().await {
        let hooks = Hooks::start(database);
        let id = hooks.add(&[]).await;
        hooks.receiver.answers(|_| Answer::RetryAfter(429, "7200"));
        hooks.grow(1..=1).await;
        hooks.step().await;
        hooks.grow(2..=2).await;
        hooks.step().await;
        assert_eq!(hooks.receiver.tried().len(), 1, "the whole endpoint is left alone");
        hooks.receiver.answers(|_| Answer::Status(200));
        hooks.run().await;
        let waited_ms = hooks.receiver.taken()[0].at.since(hooks.receiver.tried()[0].at);
        assert!((2 * HOUR_MS..3 * HOUR_MS).contains(&waited_ms), "{waited_ms}");

        hooks.receiver.answers(|_| Answer::Status(410));
        hooks.grow(1..=2).await;
        hooks.step().await;
        assert_eq!(hooks.endpoint(&id).await.state, EndpointState::Disabled);
        assert!(hooks.endpoint(&id).await.error.unwrap().contains("410"));
    }
}

#[tokio::test]
async fn a_paused_consumer_owes_on_and_sends_nothing() {
    for database in Database::each().await {
        let hooks = Hooks::start(database);
        let id = hooks.add(&[]).await;
        let mut tx = hooks.db.begin().await.unwrap();
        consumers::pause(&mut tx, ORG, &id.0).await.unwrap();
        tx.commit().await.unwrap();
        hooks.grow(1..=3).await;
        hooks.step().await;
        assert!(hooks.receiver.tried().is_empty());
        let mut tx = hooks.db.begin().await.unwrap();
        consumers::resume(&mut tx, ORG, &id.0).await.unwrap();
        tx.commit().await.unwrap();
        hooks.run().await;
        assert_eq!(sorted(hooks.receiver.seqs()), feed(&hooks).await);
    }
}

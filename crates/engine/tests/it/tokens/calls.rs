//! However many call at once, on however many nodes: one refresh for each expiry, and no call fails.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use engine::archive::{self, Ask};
use sandbox::{Fault, FaultProfile, FaultRule, Options};
use store::audit;

use super::node::{Shared, TOKEN_CALLS, TOKEN_MS, call_all, options};
use crate::engines::Database;

const NODES: u64 = 4;
const CALLERS: usize = 64;

#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_callers_on_each_of_four_nodes_refresh_once_for_each_expiry() {
    for database in Database::each().await {
        let shared = Shared::start(database, options(40)).await;
        let (sandbox, clock) = (&shared.world.sandbox, &shared.world.clock);
        let nodes = shared.nodes(NODES).await;
        for round in 1..=6 {
            match round % 3 {
                // Dead before its time: Drift refuses it.
                0 => drop(sandbox.expire_tokens()),
                // Dead in its time.
                1 => clock.advance(TOKEN_MS),
                // Soon to die.
                _ => clock.advance(TOKEN_MS - 50_000),
            }
            let failed = call_all(&nodes, CALLERS).await;
            assert!(failed.is_empty(), "round {round}: {failed:?}");
            assert_eq!((sandbox.refreshes(), sandbox.calls(TOKEN_CALLS)), (round, round));
        }
        let filter = audit::Filter { action: Some("token.refresh"), ..audit::Filter::default() };
        assert_eq!(audit::list(&nodes[0].db, &filter, 99).await.unwrap().len(), 6);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_that_expire_in_the_middle_of_an_archive_cost_it_nothing() {
    for database in Database::each().await {
        let shared = Shared::start(database, options(400)).await;
        let sandbox = shared.world.sandbox.clone();
        let nodes = Arc::new(shared.nodes(NODES).await);
        let ctx = shared.world.context().await.unwrap();
        let running = tokio::spawn(async move { archive::run(&ctx, Ask::Full).await });
        let (stop, others) = (Arc::new(AtomicBool::new(false)), Arc::clone(&nodes));
        let stopped = Arc::clone(&stop);
        let calling = tokio::spawn(async move {
            let mut failed = Vec::new();
            while !stopped.load(Ordering::Relaxed) {
                failed.extend(call_all(&others, 4).await);
            }
            failed
        });
        for expiry in 1..=3 {
            let seen = sandbox.log().total();
            until(|| sandbox.log().total() > seen + 60).await;
            assert!(expiry > 1 || !running.is_finished(), "the archive is to be in its middle");
            sandbox.expire_tokens();
            until(|| sandbox.refreshes() >= expiry).await;
        }
        let certificate = running.await.unwrap().unwrap().certificate;
        stop.store(true, Ordering::Relaxed);
        let failed = calling.await.unwrap();
        assert!(certificate.complete, "{:?}", certificate.reasons);
        assert!(failed.is_empty(), "{failed:?}");
        assert_eq!((sandbox.refreshes(), sandbox.replays(), sandbox.calls(TOKEN_CALLS)), (3, 0, 3));
    }
}

async fn until(condition: impl Fn() -> bool) {
    while !condition() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_provider_is_waited_for_by_all() {
    for database in Database::each().await {
        let shared = Shared::start(database, options(40)).await;
        let sandbox = &shared.world.sandbox;
        let nodes = shared.nodes(NODES).await;
        let slow = FaultRule::once(Fault::Slow { ms: 20_000 }).on("/oauth2/token");
        sandbox.faults().set(FaultProfile::new(1).with(slow));
        sandbox.expire_tokens();
        let failed = call_all(&nodes, CALLERS).await;
        assert!(failed.is_empty(), "{failed:?}");
        assert_eq!((sandbox.refreshes(), sandbox.calls(TOKEN_CALLS)), (1, 1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_cut_off_is_asked_for_again_while_drift_forgives_it() {
    for database in Database::each().await {
        let shared = Shared::start(database, Options { refresh_grace_ms: 600_000, ..options(40) }).await;
        let sandbox = &shared.world.sandbox;
        let nodes = shared.nodes(NODES).await;
        sandbox.faults().once(Fault::Cut, "/oauth2/token");
        sandbox.expire_tokens();
        let failed = call_all(&nodes, CALLERS).await;
        assert!(failed.is_empty(), "{failed:?}");
        assert_eq!((sandbox.refreshes(), sandbox.replays(), sandbox.calls(TOKEN_CALLS)), (1, 1, 2));
    }
}

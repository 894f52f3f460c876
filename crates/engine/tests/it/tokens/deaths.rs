//! A process that dies with a refresh under way, at every place: what it had is taken over, and where Drift has spent the
//! refresh token without anybody having its successor, that is said.

use std::sync::Arc;

use engine::clients;
use model::{Entropy as _, SeededEntropy};
use sandbox::Options;
use store::connections::{self, ConnectionState};
use store::{notices, renewals};
use tokio::runtime::Builder;

use super::node::{Held, Node, Place, RIGHT_MS, Shared, Stop, TOKEN_CALLS, call_all, options};
use crate::engines::Database;
use crate::transport::InProcess;

/// Lives on each engine that end in the middle.
const LIVES: u64 = 60;
/// Longest such life, in turns of its runtime, as a power of two.
const TURNS_LOG2_MAX: u64 = 17;

/// A process that makes one call; it ends, with whatever it had under way, after so many turns, or where its refresh
/// stands still. Answers whether the call came to its end.
fn live(place: &Place, number: u64, transport: InProcess, end: End) -> bool {
    let place = place.clone();
    let life = std::thread::spawn(move || {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let ended = runtime.block_on(async {
            match end {
                End::After(turns) => {
                    let node = Node::open(&place, number, Arc::new(transport)).await;
                    let call = tokio::spawn(async move { node.call(1).await });
                    for _ in 0..turns {
                        if call.is_finished() {
                            break;
                        }
                        tokio::task::yield_now().await;
                    }
                    call.is_finished()
                }
                End::At(stop) => {
                    let held = Held::new(transport, stop);
                    let node = Node::open(&place, number, Arc::clone(&held) as _).await;
                    let call = tokio::spawn(async move { node.call(1).await });
                    held.standing().await;
                    call.is_finished()
                }
            }
        });
        // Every task is dropped where it stands.
        runtime.shutdown_background();
        ended
    });
    life.join().unwrap()
}

enum End {
    After(u64),
    At(Stop),
}

async fn state_of(shared: &Shared) -> ConnectionState {
    let org = model::OrgId(shared.world.sandbox.world().org_id());
    connections::get(&shared.world.database.db, org).await.unwrap().unwrap().state
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_dies_before_drift_is_asked_costs_a_wait() {
    for database in Database::each().await {
        let shared = Shared::start(database, options(40)).await;
        let sandbox = &shared.world.sandbox;
        sandbox.expire_tokens();
        assert!(!live(&shared.place(), 9, shared.world.transport(), End::At(Stop::Asking)));

        let nodes = shared.nodes(4).await;
        shared.world.clock.advance(RIGHT_MS);
        let failed = call_all(&nodes, 16).await;
        assert!(failed.is_empty(), "{failed:?}");
        assert_eq!((sandbox.refreshes(), sandbox.calls(TOKEN_CALLS)), (1, 1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_died_with_its_process_is_given_again_where_drift_forgives_it() {
    for database in Database::each().await {
        let shared = Shared::start(database, Options { refresh_grace_ms: 600_000, ..options(40) }).await;
        let sandbox = &shared.world.sandbox;
        sandbox.expire_tokens();
        assert!(!live(&shared.place(), 9, shared.world.transport(), End::At(Stop::Answered)));
        assert_eq!(sandbox.refreshes(), 1);

        let nodes = shared.nodes(4).await;
        shared.world.clock.advance(RIGHT_MS);
        let failed = call_all(&nodes, 16).await;
        assert!(failed.is_empty(), "{failed:?}");
        assert_eq!((sandbox.refreshes(), sandbox.replays(), sandbox.calls(TOKEN_CALLS)), (1, 1, 2));
        assert_eq!(state_of(&shared).await, ConnectionState::Active);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_drift_does_not_forgive_it_the_connection_is_exhausted_and_says_why() {
    for database in Database::each().await {
        let shared = Shared::start(database, options(40)).await;
        let sandbox = &shared.world.sandbox;
        sandbox.expire_tokens();
        assert!(!live(&shared.place(), 9, shared.world.transport(), End::At(Stop::Answered)));

        let nodes = shared.nodes(4).await;
        shared.world.clock.advance(RIGHT_MS);
        let failed = call_all(&nodes, 16).await;
        assert_eq!(failed.len(), 64);
        assert!(failed.iter().all(|error| error.class() == drift::Class::Auth), "{failed:?}");
        assert_eq!(sandbox.calls(TOKEN_CALLS), 2, "one asks again, and nobody after it");
        assert_eq!(state_of(&shared).await, ConnectionState::Exhausted);
        let [notice] = notices::list(&nodes[0].db, None, 10).await.unwrap().try_into().unwrap();
        assert_eq!((notice.kind.as_str(), notice.subject.as_str()), (clients::NOTICE, "exhausted"));
        let says = ["had sent the refresh token", "before it could keep the next one", "connect again"];
        assert!(says.iter().all(|part| notice.message.contains(part)), "{}", notice.message);

        shared.world.connect_oauth().await.unwrap();
        assert_eq!(state_of(&shared).await, ConnectionState::Active);
        assert!(notices::list(&nodes[0].db, None, 10).await.unwrap().is_empty());
        assert!(shared.node(8).await.call(16).await.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_comes_late_mends_what_was_given_up() {
    for database in Database::each().await {
        let shared = Shared::start(database, options(40)).await;
        // Its deadline must not end the wait for an answer: the process itself is stopped.
        shared.freeze();
        shared.world.sandbox.expire_tokens();
        let held = Held::new(shared.world.transport(), Stop::Answered);
        let stopped = shared.node_over(9, Arc::clone(&held) as _).await;
        let heir = shared.node(1).await;
        let call = tokio::spawn(async move { (stopped.call(1).await, stopped) });
        held.standing().await;
        expire_right(&shared).await;
        assert_eq!(heir.call(4).await.len(), 4);
        assert_eq!(state_of(&shared).await, ConnectionState::Exhausted);

        held.go.notify_one();
        let (failed, _stopped) = call.await.unwrap();
        assert!(failed.is_empty(), "{failed:?}");
        assert_eq!(state_of(&shared).await, ConnectionState::Active);
        assert!(notices::list(&heir.db, None, 10).await.unwrap().is_empty());
        assert!(shared.node(2).await.call(4).await.is_empty());
        assert_eq!(shared.world.sandbox.refreshes(), 1);
    }
}

/// Let the right to renew run out without the clock: whoever waits for an answer goes on waiting.
async fn expire_right(shared: &Shared) {
    let sql = "UPDATE renewals SET held_until = 0";
    shared.world.database.execute(sql).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whichever_turn_a_process_dies_at_every_expiry_is_refreshed_once() {
    for database in Database::each().await {
        let forgiving = Options { refresh_grace_ms: 3_600_000_000, ..options(40) };
        let shared = Shared::start(database, forgiving).await;
        let (sandbox, place) = (&shared.world.sandbox, shared.place());
        let dice = SeededEntropy::new(7);
        let org = model::OrgId(sandbox.world().org_id());
        let id = connections::get(&shared.world.database.db, org).await.unwrap().unwrap().connection_id;
        let (mut expiries, mut deaths) = (0, 0);
        for number in 0..LIVES {
            let left = renewals::state(&shared.world.database.db, &id).await.unwrap().unwrap();
            if sandbox.refreshes() == expiries && left.unanswered == 0 {
                sandbox.expire_tokens();
                expiries += 1;
            }
            let turns = 1 << dice.below(TURNS_LOG2_MAX + 1);
            let ended = live(&place, 100 + number, shared.world.transport(), End::After(turns));
            deaths += u64::from(!ended);
            shared.world.clock.advance(RIGHT_MS);
        }
        let survivors = shared.nodes(2).await;
        let failed = call_all(&survivors, 16).await;
        assert!(failed.is_empty(), "{failed:?}");
        assert_eq!(sandbox.refreshes(), expiries);
        let left = renewals::state(&survivors[0].db, &id).await.unwrap().unwrap();
        assert_eq!((left.failures, left.unanswered), (0, 0));
        eprintln!(
            "{deaths} deaths in {LIVES} lives, {expiries} expiries, {} refreshes, {} given again",
            sandbox.refreshes(),
            sandbox.replays()
        );
        assert!(deaths > LIVES / 8 && expiries > 2, "{deaths} deaths, {expiries} expiries");
    }
}

//! Giving a connection up: with Drift answering, refusing, silent and dead, and cut off anywhere.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use engine::disconnect::{Ended, Plan, Revoking, Selection};
use model::{Clock as _, ConnectionId, Millis, OrgId, Secret};
use sandbox::world::{Change, Speaker};
use store::audit::{self, Who};
use store::connections::{self, Connection, ConnectionKind, ConnectionState, Tokens};
use store::disconnects::{self, Data};
use store::pauses::{self, Pause, Scope};
use store::{notices, queue, schedules};

use super::harness::{Live, options};
use crate::engines::Database;

const KEEP: Plan = Plan { data: Data::Keep, revoking: Revoking::Ask };

/// A connected and archived world of a public app, with work that waits.
async fn busy(database: Database) -> Live {
    let live = Live::start(database, options(10)).await;
    live.world.connect_oauth().await.unwrap();
    live.world.archive().await.unwrap();
    let conversation = live.world.sandbox.world().expected().next().unwrap();
    live.change(Change::NewMessage { conversation, from: Speaker::Contact, text: None });
    live.deliver().await;
    live.route().await;
    live.world.sandbox.log().clear();
    live
}

async fn disconnect(live: &Live, plan: Plan) -> Vec<Ended> {
    live.world.connections().disconnect(&Selection::All, plan, &Who::node()).await.unwrap()
}

async fn state(live: &Live) -> ConnectionState {
    connections::get(&live.node.db, live.org()).await.unwrap().unwrap().state
}

async fn has_tokens(live: &Live) -> bool {
    let world = live.world.connections();
    let id = connections::get(&live.node.db, live.org()).await.unwrap().unwrap().connection_id;
    connections::tokens(&world.db, &id, &world.vault).await.unwrap().is_some()
}

async fn words(live: &Live) -> Vec<(String, String, Option<String>)> {
    let mut told = audit::list(&live.node.db, &audit::Filter::default(), 100).await.unwrap();
    told.reverse();
    let told = told.into_iter().filter(|entry| entry.action != "connection.connect");
    told.map(|entry| (entry.action, entry.outcome, entry.reason)).collect()
}

/// From now on Drift does not answer a revocation.
fn silence(live: &Live) {
    *live.world.silent.lock().unwrap() = Some("/app/uninstall".to_owned());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_is_revoked_and_its_secrets_destroyed_and_its_jobs_stopped() {
    for database in Database::each().await {
        let live = busy(database).await;
        let [ended] = disconnect(&live, KEEP).await.try_into().unwrap();
        assert_eq!((ended.outcome.as_str(), ended.destroyed, ended.erased), ("revoked", true, None));
        assert_eq!(live.world.sandbox.calls("POST /app/uninstall"), 1);
        assert_eq!(state(&live).await, ConnectionState::Disconnected);
        assert!(!has_tokens(&live).await);
        assert!(schedules::list(&live.node.db, live.org()).await.unwrap().is_empty());

        live.world.sandbox.log().clear();
        live.pass(86_400_000).await;
        assert_eq!(live.world.sandbox.log().total(), 0, "nothing asks Drift any more");
        assert!(live.world.archive().await.is_err());
        assert!(disconnect(&live, KEEP).await.is_empty(), "what is over stays so");
        let done = |action: &str, reason: Option<&str>| {
            (action.to_owned(), "done".to_owned(), reason.map(str::to_owned))
        };
        let expected = [
            done("connection.disconnect", Some("keep_data")),
            done("token.revoke", None),
            done("key.destroy", None),
        ];
        assert_eq!(words(&live).await, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drift_that_does_not_answer_is_asked_again_and_nothing_else_uses_the_tokens() {
    for database in Database::each().await {
        let live = busy(database).await;
        silence(&live);
        let [ended] = disconnect(&live, KEEP).await.try_into().unwrap();
        assert_eq!((ended.outcome.as_str(), ended.destroyed), ("unreachable", false));
        assert_eq!(state(&live).await, ConnectionState::Disconnecting);
        assert!(has_tokens(&live).await);
        assert!(live.world.archive().await.is_err());
        assert!(live.node.clients.client(live.org()).await.is_err());

        live.world.silent.lock().unwrap().take();
        live.pass(3_600_000).await;
        assert_eq!(state(&live).await, ConnectionState::Disconnected);
        assert!(!has_tokens(&live).await);
        let told = words(&live).await;
        let revoked =
            live.world.sandbox.log().count(|entry| entry.path() == "/app/uninstall" && entry.status == 200);
        assert!(revoked > 0, "{told:?}");
        // The clock may have run past the deadline while Drift answered: then the next try finds the grant gone.
        let is_told = told.iter().any(|(action, outcome, reason)| {
            action == "token.revoke" && (outcome == "done" || reason.as_deref() == Some("gone"))
        });
        assert!(is_told, "{told:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_that_a_person_set_holds_on() {
    for database in Database::each().await {
        let live = busy(database).await;
        let now = live.world.clock.now();
        let pause =
            Pause { scope: Scope::org(live.org()), reason: "holiday".into(), since: now, until: None };
        let mut tx = live.node.db.begin().await.unwrap();
        pauses::pause(&mut tx, &pause).await.unwrap();
        tx.commit().await.unwrap();
        disconnect(&live, KEEP).await;
        assert_eq!(pauses::list(&live.node.db, now).await.unwrap(), [pause]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drift_that_is_dead_for_a_day_does_not_keep_the_tokens_alive() {
    for database in Database::each().await {
        let live = busy(database).await;
        silence(&live);
        assert!(!disconnect(&live, KEEP).await[0].destroyed);
        for _ in 0..25 {
            live.world.clock.advance(3_600_000);
            live.settle().await;
        }
        assert_eq!(state(&live).await, ConnectionState::Disconnected);
        assert!(!has_tokens(&live).await);
        let [notice] = notices::list(&live.node.db, None, 10).await.unwrap().try_into().unwrap();
        assert_eq!(notice.kind, "disconnect");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_and_a_grant_that_is_gone_end_it_at_once() {
    for database in Database::each().await {
        let live = busy(database).await;
        live.world.sandbox.revoke_tokens();
        let [ended] = disconnect(&live, KEEP).await.try_into().unwrap();
        assert_eq!((ended.outcome.as_str(), ended.destroyed), ("gone", true));
        assert!(!has_tokens(&live).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn data_is_erased_where_that_was_asked_for() {
    for database in Database::each().await {
        let live = busy(database).await;
        let plan = Plan { data: Data::Erase, revoking: Revoking::Skip };
        let [ended] = disconnect(&live, plan).await.try_into().unwrap();
        assert_eq!((ended.outcome.as_str(), ended.destroyed), ("not_asked", true));
        assert!(ended.erased.unwrap() > 50, "{ended:?}");
        assert_eq!(live.world.sandbox.log().total(), 0);
        let held =
            store::mirror::count_created_between(&live.node.db, live.org(), Millis(0), Millis(i64::MAX))
                .await;
        assert_eq!(held.unwrap(), 0);
    }
}

/// Poll a future so often, then drop it; answers whether it came to its end.
async fn poll_times<T>(future: impl Future<Output = T>, times: usize) -> bool {
    let (mut future, mut left) = (pin!(future), times);
    poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(_) => Poll::Ready(true),
        Poll::Pending if left == 0 => Poll::Ready(false),
        Poll::Pending => {
            left -= 1;
            Poll::Pending
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn cut_off_at_any_await_it_is_carried_through_by_the_queue() {
    let (mut dropped, mut times) = (0, 0);
    loop {
        let live = busy(Database::sqlite().await).await;
        let world = live.world.connections();
        let who = Who::node();
        let whole = poll_times(world.disconnect(&Selection::All, KEEP, &who), times).await;
        if state(&live).await.is_given_up() {
            live.pass(3_600_000).await;
            assert_eq!(state(&live).await, ConnectionState::Disconnected, "after {times} polls");
            assert!(!has_tokens(&live).await, "after {times} polls");
        }
        if whole {
            break;
        }
        (dropped, times) = (dropped + 1, times + 1);
    }
    assert!(dropped > 5, "only {dropped} places to cut it off");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_connections_of_a_dead_drift_are_ended_side_by_side() {
    for database in Database::each().await {
        let live = busy(database).await;
        let world = live.world.connections();
        for number in 1..=100 {
            let connection = Connection {
                connection_id: ConnectionId(format!("c{number:04}")),
                org_id: OrgId(9_000_000 + number),
                kind: ConnectionKind::OAuth,
                state: ConnectionState::Active,
                scopes: Vec::new(),
                api_url: String::new(),
                created_at: Millis(1),
                last_used_at: None,
                expires_at: None,
            };
            let (access, refresh) = (Secret::new("at-x"), Some(Secret::new("rt-x")));
            let tokens = Tokens { access, refresh, expires_at: None };
            let mut tx = world.db.begin().await.unwrap();
            connections::insert(&mut tx, &connection, &tokens, &world.vault).await.unwrap();
            for kind in ["client_id", "client_secret"] {
                let id = &connection.connection_id;
                let secret = Secret::new("x");
                connections::put_secret(&mut tx, id, kind, &secret, &world.vault, Millis(1)).await.unwrap();
            }
            tx.commit().await.unwrap();
        }
        silence(&live);
        let ended = disconnect(&live, KEEP).await;
        assert_eq!(ended.len(), 101);
        assert!(ended.iter().all(|one| !one.destroyed && one.outcome == "unreachable"), "{ended:?}");
        let all = queue::Which::all(queue::JobState::Waiting);
        let which = queue::Which { kind: Some("revoke_connection".to_owned()), ..all };
        assert_eq!(queue::count(&live.node.db, OrgId(0), &which).await.unwrap(), 101);
        let known = disconnects::get(&live.node.db, &ended[0].connection_id).await.unwrap().unwrap();
        assert_eq!(known.attempts, 1);
    }
}

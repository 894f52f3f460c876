//! Giving a connection up: with Drift answering, refusing, silent and dead, and cut off anywhere.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use engine::NodeLimits;
use engine::clients::ClientError;
use engine::disconnect::{Ended, Plan, Revoking, Selection};
use engine::jobs::{EndUnused, WatchVendor};
use model::{Clock as _, ConnectionId, Millis, OrgId, Profile, Secret, ShareLinkId};
use sandbox::world::{Change, Speaker};
use sandbox::{Fault, FaultProfile, FaultRule};
use store::audit::{self, Who};
use store::connections::{self, Connection, ConnectionKind, ConnectionState, Tokens};
use store::disconnects::{self, Data, Disconnect, Left, Revocation};
use store::install::links::{self, ShareLink};
use store::pauses::{self, Pause, Scope};
use store::{mirror, notices, queue, schedules};

use super::harness::{Live, options};
use crate::engines::Database;

const DAY_MS: i64 = 86_400_000;
const KEEP: Plan = Plan::asked(Data::Keep);

/// A connected and archived world of a public app, with work that waits.
async fn busy(database: Database) -> Live {
    let live = hurried(database).await;
    // From here on time moves by hand: a clock that hurries ends every token between two calls.
    live.world.stand_still();
    live
}

/// The same, and time moves on by itself to whatever comes next.
async fn hurried(database: Database) -> Live {
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

async fn progress(live: &Live) -> Disconnect {
    let id = connections::get(&live.node.db, live.org()).await.unwrap().unwrap().connection_id;
    disconnects::get(&live.node.db, &id).await.unwrap().unwrap()
}

async fn conversations(live: &Live) -> i64 {
    mirror::count_created_between(&live.node.db, live.org(), Millis(0), Millis(i64::MAX)).await.unwrap()
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
        assert_eq!(live.world.sandbox.calls("POST /app/uninstall"), 1);
        let last = words(&live).await.into_iter().rfind(|(action, ..)| action == "token.revoke");
        assert_eq!(last.unwrap().1, "done");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_has_ended_is_renewed_and_never_taken_for_a_refusal() {
    for database in Database::each().await {
        let live = busy(database).await;
        // Whatever the store knows of its end, Drift takes the token for ended, and once more under the call.
        live.world.sandbox.expire_tokens();
        let ended_under_it = FaultRule::once(Fault::ExpiredToken).on("/app/uninstall").after(1);
        live.world.sandbox.faults().set(FaultProfile { seed: 1, rules: vec![ended_under_it] });
        let [ended] = disconnect(&live, KEEP).await.try_into().unwrap();
        assert_eq!((ended.outcome.as_str(), ended.destroyed), ("revoked", true));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn under_a_clock_that_hurries_nothing_is_taken_for_a_refusal() {
    for database in Database::each().await {
        let live = hurried(database).await;
        silence(&live);
        assert_eq!(disconnect(&live, KEEP).await[0].outcome, "unreachable");
        live.world.silent.lock().unwrap().take();
        for _ in 0..30 {
            live.pass(3_600_000).await;
        }
        assert!(!has_tokens(&live).await);
        let told = words(&live).await;
        assert!(told.iter().all(|(_, _, reason)| reason.as_deref() != Some("refused")), "{told:?}");
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
        assert!(notice.message.contains("could not be revoked"), "{}", notice.message);
        let known = progress(&live).await;
        assert_eq!(known.outcome, Some(Revocation::Unrevoked));
        assert!(known.attempts > 20, "{known:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drift_that_never_answers_costs_its_deadline_and_no_more() {
    for database in Database::each().await {
        let live = busy(database).await;
        let never = FaultRule::always(Fault::Slow { ms: 600_000 }).on("/app/uninstall");
        live.world.sandbox.faults().set(FaultProfile { seed: 1, rules: vec![never] });
        let began = live.world.clock.now();
        let clock = live.world.clock.clone();
        let turning = tokio::spawn(async move {
            loop {
                tokio::task::spawn_blocking(|| std::thread::sleep(std::time::Duration::from_millis(2)))
                    .await
                    .unwrap();
                clock.advance(100);
            }
        });
        let [ended] = disconnect(&live, KEEP).await.try_into().unwrap();
        turning.abort();
        assert_eq!((ended.outcome.as_str(), ended.destroyed), ("unreachable", false));
        assert!(live.world.clock.now().since(began) < 600_000);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_that_is_gone_needs_no_revocation() {
    for database in Database::each().await {
        let live = busy(database).await;
        live.world.sandbox.revoke_tokens();
        let [ended] = disconnect(&live, KEEP).await.try_into().unwrap();
        assert_eq!((ended.outcome.as_str(), ended.destroyed), ("gone", true));
        assert!(!has_tokens(&live).await);
        assert!(notices::list(&live.node.db, None, 10).await.unwrap().is_empty(), "nothing is left to do");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_of_a_good_token_is_final_and_said() {
    for database in Database::each().await {
        let live = busy(database).await;
        let world = live.world.connections();
        let id = connections::get(&world.db, live.org()).await.unwrap().unwrap().connection_id;
        let mut tx = world.db.begin().await.unwrap();
        let wrong = Secret::new("not-the-apps");
        connections::put_secret(&mut tx, &id, "client_secret", &wrong, &world.vault, Millis(1))
            .await
            .unwrap();
        tx.commit().await.unwrap();
        let [ended] = disconnect(&live, KEEP).await.try_into().unwrap();
        assert_eq!((ended.outcome.as_str(), ended.destroyed), ("refused", true));
        let [notice] = notices::list(&world.db, None, 10).await.unwrap().try_into().unwrap();
        assert!(notice.message.contains("remove the app in Drift"), "{}", notice.message);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn data_is_erased_where_that_was_asked_for() {
    for database in Database::each().await {
        let live = busy(database).await;
        let plan = Plan { revoking: Revoking::Skip, ..Plan::asked(Data::Erase) };
        let [ended] = disconnect(&live, plan).await.try_into().unwrap();
        assert_eq!((ended.outcome.as_str(), ended.data.as_str()), ("not_asked", "erased"));
        assert!(ended.erased.unwrap() > 50, "{ended:?}");
        assert_eq!(live.world.sandbox.log().total(), 0);
        assert_eq!(conversations(&live).await, 0);
        let [notice] = notices::list(&live.node.db, None, 10).await.unwrap().try_into().unwrap();
        assert_eq!(notice.kind, "disconnect", "what is left to do outlasts the erasure");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn data_that_another_connection_uses_is_kept_and_that_is_said() {
    for database in Database::each().await {
        let live = busy(database).await;
        silence(&live);
        let [ended] = disconnect(&live, Plan::asked(Data::Erase)).await.try_into().unwrap();
        assert_eq!((ended.data.as_str(), ended.erased), ("to_erase", None));
        let given_up = ended.connection_id;
        live.world.connect_oauth().await.unwrap();
        let before = conversations(&live).await;
        let who = Who::node();
        let ended = live.world.connections().end(&given_up, Revoking::Ask, &who).await.unwrap().unwrap();
        assert_eq!((ended.outcome.as_str(), ended.data.as_str(), ended.erased), ("replaced", "shared", None));
        assert_eq!((conversations(&live).await, before > 0), (before, true));
        let known = disconnects::get(&live.node.db, &given_up).await.unwrap().unwrap();
        assert_eq!(known.left, Some(Left::Shared));
        assert!(live.world.connections().end(&given_up, Revoking::Ask, &who).await.unwrap().is_none());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn asked_for_twice_it_is_done_once() {
    for database in Database::each().await {
        let live = busy(database).await;
        silence(&live);
        let first = disconnect(&live, KEEP).await;
        let second = disconnect(&live, KEEP).await;
        assert_eq!(first, second);
        assert_eq!(progress(&live).await.attempts, 2);
        let skip = Plan { revoking: Revoking::Skip, ..KEEP };
        assert_eq!(disconnect(&live, skip).await[0].outcome, "not_asked");
        assert!(disconnect(&live, skip).await.is_empty());
        live.pass(86_400_000).await;
        let destroyed = words(&live).await.into_iter().filter(|(action, ..)| action == "key.destroy");
        assert_eq!(destroyed.count(), 1);
    }
}

/// Links to connect with: for the organization, for another, for any. The answer says which are revoked.
async fn links_after(selection: Selection, live: &Live) -> [bool; 3] {
    let (db, now) = (&live.node.db, live.world.clock.now());
    let key = links::signing_key(db, &live.world.connections().vault, now).await.unwrap();
    let made = [("ours", Some(live.org())), ("theirs", Some(OrgId(live.org().0 + 1))), ("any", None)];
    let mut tx = db.begin().await.unwrap();
    for (name, org) in made {
        let times = (now, now.plus(links::LIFE_MS));
        let link = ShareLink::new(ShareLinkId(name.into()), (org, Profile::Archive), times, 5);
        links::create(&mut tx, &link, &key).await.unwrap();
    }
    tx.commit().await.unwrap();
    live.world.connections().disconnect(&selection, KEEP, &Who::node()).await.unwrap();
    let mut revoked = [false; 3];
    for (revoked, (name, _)) in revoked.iter_mut().zip(made) {
        *revoked = links::get(db, &ShareLinkId(name.into())).await.unwrap().unwrap().revoked_at.is_some();
    }
    revoked
}

#[tokio::test(flavor = "multi_thread")]
async fn links_that_would_connect_it_again_end_with_it() {
    for database in Database::each().await {
        let live = busy(database).await;
        assert_eq!(links_after(Selection::Org(live.org()), &live).await, [true, false, false]);
        let told = words(&live).await.into_iter().filter(|(action, ..)| action == "share_link.revoke");
        assert_eq!(told.map(|(.., reason)| reason.unwrap()).collect::<Vec<_>>(), ["disconnected"]);
    }
    for database in Database::each().await {
        let live = busy(database).await;
        assert_eq!(links_after(Selection::All, &live).await, [true, false, true]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_somebody_holds_makes_no_call_once_the_connection_is_given_up() {
    for database in Database::each().await {
        let live = busy(database).await;
        let client = live.node.clients.client(live.org()).await.unwrap();
        client.conversation_stats().await.unwrap();
        silence(&live);
        disconnect(&live, KEEP).await;
        live.world.clock.advance(500);
        live.world.sandbox.log().clear();
        let refused = client.conversation_stats().await.unwrap_err();
        assert!(refused.to_string().contains("given up"), "{refused}");
        assert_eq!(live.world.sandbox.log().total(), 0);
        let told = live.node.clients.refused(live.org(), &refused).await;
        assert!(matches!(told, ClientError::GivenUp), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn work_that_comes_late_is_moot_and_pauses_nothing() {
    for database in Database::each().await {
        let live = busy(database).await;
        disconnect(&live, KEEP).await;
        live.world.sandbox.log().clear();
        live.run(WatchVendor {}).await;
        assert_eq!(live.world.sandbox.log().total(), 0);
        assert!(pauses::list(&live.node.db, live.world.clock.now()).await.unwrap().is_empty());
        let all = queue::Which::all(queue::JobState::Waiting);
        assert_eq!(queue::count(&live.node.db, live.org(), &all).await.unwrap(), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_use_is_noted_once_a_minute() {
    for database in Database::each().await {
        let live = busy(database).await;
        let client = live.node.clients.client(live.org()).await.unwrap();
        let mut seen = Vec::new();
        for step in [0, 30_000, 40_000] {
            live.world.clock.advance(step);
            client.conversation_stats().await.unwrap();
            let found = connections::get(&live.node.db, live.org()).await.unwrap().unwrap();
            seen.push(live.world.clock.now().since(found.last_used_at.unwrap()));
        }
        assert!(seen[0] < 60_000 && seen[2] < 60_000, "{seen:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_nobody_uses_is_pointed_out_and_ended_where_so_set() {
    for database in Database::each().await {
        let limits = NodeLimits { end_unused_ms: Some(60 * DAY_MS), ..NodeLimits::default() };
        let live = Live::start_within(database, options(10), limits).await;
        live.world.connect_oauth().await.unwrap();
        live.world.stand_still();
        live.run(EndUnused {}).await;
        assert!(notices::list(&live.node.db, None, 10).await.unwrap().is_empty());

        live.world.clock.advance(31 * DAY_MS);
        live.run(EndUnused {}).await;
        let [notice] = notices::list(&live.node.db, None, 10).await.unwrap().try_into().unwrap();
        assert_eq!(notice.kind, notices::OF_UNUSED);
        assert_eq!(state(&live).await, ConnectionState::Active);

        live.world.clock.advance(31 * DAY_MS);
        live.run(EndUnused {}).await;
        assert_eq!(state(&live).await, ConnectionState::Disconnected);
        let told = words(&live).await;
        assert!(told.iter().any(|(_, _, reason)| reason.as_deref() == Some("unused")), "{told:?}");
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

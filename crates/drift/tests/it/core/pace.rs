//! Callers who share a budget.

use std::sync::{Arc, Mutex};

use drift::{Auth, Client, Config, Priority, Secret};
use futures_util::future::join_all;
use model::{Clock, UserId};

use super::{Network, USER, json, status, with};

fn at(per_minute: u32) -> Config {
    Config::default().per_minute(Some(per_minute))
}

#[tokio::test]
async fn the_urgent_do_not_wait_behind_the_backfill() {
    let network = Network::slow(20, |_, _| json(USER));
    let client = network.client_with(at(600));
    let waited = Arc::new(Mutex::new(Vec::new()));
    let backfill = (0..60).map(|_| {
        let client = client.at(Priority::Backfill);
        tokio::spawn(async move {
            for _ in 0..10 {
                client.user(UserId(7)).await.unwrap();
            }
        })
    });
    let live = (0..4_u64).map(|number| {
        let (client, clock, waited) = (client.at(Priority::Live), network.clock.clone(), Arc::clone(&waited));
        tokio::spawn(async move {
            for _ in 0..10 {
                clock.sleep(1_000 + 130 * number).await;
                let asked_at = clock.now();
                client.user(UserId(8)).await.unwrap();
                waited.lock().unwrap().push(clock.now().since(asked_at));
            }
        })
    });
    let everyone: Vec<_> = backfill.chain(live).collect();
    let started = network.clock.now();
    network.hurry(join_all(everyone)).await;
    let worst = *waited.lock().unwrap().iter().max().unwrap();
    assert!(worst <= 20 + 4 * 101, "at most the other urgent ones go first, but one waited {worst} ms");
    let took = network.clock.now().since(started);
    assert!(took < 65_500, "640 calls at 600 a minute took {took} ms");
}

#[tokio::test]
async fn a_caller_that_goes_away_takes_no_slot_with_it() {
    let network = Network::new(|_, _| json(USER));
    let client = network.client_with(at(60));
    network.hurry(client.user(UserId(7))).await.unwrap();
    let waiting: Vec<_> = (0..20)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.user(UserId(7)).await })
        })
        .collect();
    tokio::task::yield_now().await;
    assert_eq!(client.pace().snapshot().waiting, 20);
    for caller in &waiting[..19] {
        caller.abort();
    }
    let started = network.clock.now();
    network.hurry(join_all(waiting)).await;
    assert!(network.clock.now().since(started) <= 1_010, "the one that stayed gets the next slot");
    assert_eq!((client.pace().snapshot().waiting, client.pace().snapshot().used_last_minute), (0, 2));
}

#[tokio::test]
async fn a_refusal_makes_everyone_wait() {
    let network = Network::new(|number, _| match number {
        0 => with(status(429, ""), "retry-after", "10"),
        _ => json(USER),
    });
    let client = network.client_with(at(600));
    let started = network.clock.now();
    network.hurry(join_all((0..8).map(|_| client.user(UserId(7))))).await;
    let asked = network.asked.lock().unwrap().clone();
    assert!(asked[1..].iter().all(|asked| asked.at.since(started) >= 10_000), "{asked:?}");
    let snapshot = client.pace().snapshot();
    assert_eq!(snapshot.refused_429, 1);
    assert!(snapshot.per_minute.unwrap() < 310.0, "{snapshot:?}");
}

#[tokio::test]
async fn reports_have_a_budget_of_their_own_and_draw_from_the_common_one() {
    let network = Network::new(|_, _| json(r#"{"count":0,"data":[]}"#));
    let client = network.client_with(at(600));
    let started = network.clock.now();
    let query = drift::ReportQuery::default();
    network.hurry(join_all((0..4).map(|_| client.conversation_report(&query)))).await;
    let took = network.clock.now().since(started);
    assert!((3_000..3_200).contains(&took), "4 reports at 60 a minute took {took} ms");
    assert_eq!(client.pace().snapshot().used_last_minute, 4);
}

#[tokio::test]
async fn two_clients_can_share_one_budget() {
    let network = Network::new(|_, _| json(USER));
    let one = network.client_with(at(60));
    let auth = Auth::Private(Secret::new("another"));
    let two = Client::sharing(at(60), network.seams(), auth, Arc::clone(one.pace())).unwrap();
    let started = network.clock.now();
    network.hurry(join_all([&one, &two, &one, &two].map(|client| client.user(UserId(7))))).await;
    assert!(network.clock.now().since(started) >= 3_000);
}

#[tokio::test]
async fn the_service_may_raise_and_lower_the_budget() {
    let network = Network::new(|number, _| {
        with(json(USER), "x-ratelimit-limit", if number == 0 { "1200" } else { "300" })
    });
    let client = network.client_with(at(600));
    for expected in [1_194.0, 298.5] {
        network.hurry(client.user(UserId(7))).await.unwrap();
        assert!((client.pace().snapshot().per_minute.unwrap() - expected).abs() < 0.1);
    }
}

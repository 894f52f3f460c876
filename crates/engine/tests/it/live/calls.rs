//! What freshness costs, counted where the calls arrive.

use sandbox::world::{Change, Speaker};

use store::inbox::{self, Selection};

use super::harness::{Live, options};
use crate::engines::Database;

const MESSAGES: &str = "GET /conversations/{id}/messages";

fn message(conversation: i64) -> Change {
    Change::NewMessage { conversation, from: Speaker::Contact, text: None }
}

#[tokio::test(flavor = "multi_thread")]
async fn forty_messages_within_a_minute_are_at_most_four_refreshes() {
    for database in Database::each().await {
        let live = Live::archived(database, options(20)).await;
        let conversation = live.world.sandbox.world().expected().next().unwrap();
        live.world.stand_still();
        for _ in 0..40 {
            live.change(message(conversation));
            live.turn().await;
            live.world.clock.advance(1_500);
        }
        live.settle().await;
        assert!(inbox::count(&live.node.db, &Selection::default()).await.unwrap() >= 40);

        let refreshes =
            live.world.sandbox.log().count(|entry| entry.path() == format!("/conversations/{conversation}"));
        assert!((1..=4).contains(&refreshes), "{refreshes} refreshes");
        live.assert_converged("after forty messages").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_costs_little_more_than_one_refresh_for_each_conversation() {
    let live = Live::archived(Database::sqlite().await, options(100)).await;
    let conversations: Vec<i64> = live.world.sandbox.world().expected().collect();
    live.world.stand_still();
    for _ in 0..20 {
        for conversation in &conversations {
            live.change(message(*conversation));
        }
        live.turn().await;
        live.world.clock.advance(500);
    }
    live.settle().await;

    let refreshes = live.world.sandbox.calls("GET /conversations/{id}");
    let most = conversations.len() as u64 * 12 / 10;
    assert!(refreshes <= most, "{refreshes} refreshes of {} conversations", conversations.len());
    live.assert_converged("after a flood").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stragglers_of_a_flood_fold_with_it() {
    let live = Live::archived(Database::sqlite().await, options(100)).await;
    let conversations: Vec<i64> = live.world.sandbox.world().expected().collect();
    live.world.stand_still();
    for (times, wait_ms) in [(8, 3_000), (1, 7_000), (1, 1_000)] {
        for _ in 0..times {
            for conversation in &conversations {
                live.change(message(*conversation));
            }
        }
        live.turn().await;
        live.world.clock.advance(wait_ms);
    }
    live.settle().await;

    let refreshes = live.world.sandbox.calls("GET /conversations/{id}");
    let most = conversations.len() as u64 * 12 / 10;
    assert!(refreshes <= most, "{refreshes} refreshes of {} conversations", conversations.len());
    live.assert_converged("after a flood and its stragglers").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_mirror_was_fetched_after_is_not_fetched_again() {
    for database in Database::each().await {
        let live = Live::archived(database, options(20)).await;
        let conversation = live.world.sandbox.world().expected().next().unwrap();
        live.change(message(conversation));
        live.deliver().await;
        live.world.clock.advance(10_000);
        live.world.archive().await.unwrap();
        live.world.sandbox.log().clear();

        live.settle().await;

        assert_eq!(live.world.sandbox.calls(MESSAGES), 0);
        live.assert_converged("after an archive that came first").await;
    }
}

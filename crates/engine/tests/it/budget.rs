//! The budget is kept: nearly all of it used, none of it overdrawn. Time is the fake clock's, so the figures are exact.

use drift::Priority;
use model::Clock;
use sandbox::{Options, RateLimit, Source};

use crate::engines::Database;
use crate::world::{NOW, World};

fn bucket(per_minute: u32) -> Options {
    let rate =
        RateLimit { per_minute: Some(per_minute), reports_per_minute: Some(60), ..RateLimit::default() };
    Options { source: Source::Generated { conversations: 1_200 }, rate, ..Options::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_known_budget_is_used_up_and_never_overdrawn() {
    let mut world = World::start(Database::sqlite().await, bucket(600)).await;
    world.config = world.config.clone().per_minute(Some(600));
    world.connect().await.unwrap();

    world.archive().await.unwrap();

    let calls = world.sandbox.log().total();
    let budget = 600.0 * (world.clock.now().since(NOW) as f64 / 60_000.0);
    assert_eq!(world.sandbox.log().totals().refused_by_bucket, 0);
    assert!(calls as f64 >= 0.98 * budget, "{calls} calls of {budget:.0}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_budget_of_half_of_what_we_assume_is_found_out() {
    let mut world = World::start(Database::sqlite().await, bucket(300)).await;
    world.config = world.config.clone().per_minute(Some(600));
    world.connect().await.unwrap();

    world.archive().await.unwrap();

    let totals = world.sandbox.log().totals();
    let budget = 300.0 * (world.clock.now().since(NOW) as f64 / 60_000.0);
    let refused = totals.refused_by_bucket as f64 / totals.total as f64;
    assert!(refused < 0.02, "{:.2} % refused", refused * 100.0);
    assert!(
        (totals.total - totals.refused_by_bucket) as f64 >= 0.90 * budget,
        "{} of {budget:.0}",
        totals.total
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn urgent_calls_do_not_wait_behind_the_backfill() {
    let mut world = World::start(Database::sqlite().await, bucket(600)).await;
    world.config = world.config.clone().per_minute(Some(600));
    world.connect().await.unwrap();
    let ctx = world.context().await.unwrap();
    let mut backfill = tokio::task::JoinSet::new();
    for _ in 0..63 {
        let drift = ctx.drift.at(Priority::Backfill);
        backfill.spawn(async move {
            for _ in 0..4 {
                drift.users().await.unwrap();
            }
        });
    }
    let (live, clock) = (ctx.drift.at(Priority::Live), world.clock.clone());
    let calling = tokio::spawn(async move {
        for _ in 0..10 {
            let asked = clock.now();
            live.users().await.unwrap();
            assert!(clock.now().since(asked) <= 300, "a live call waited for more than a slot or two");
        }
    });
    calling.await.unwrap();
    assert!(!backfill.is_empty());
}

//! Whatever becomes of the webhooks on their way, after one sweep the mirror is what Drift has.

use std::sync::Arc;

use engine::archive::{self, Ask};
use engine::jobs::{Sweep, WatchVendor};
use model::SeededEntropy;
use sandbox::{DeliveryFaults, Options, WebhookOptions};
use store::{call_stats, notices, sweeps};

use super::harness::{Live, options};
use crate::engines::Database;

const HOUR_MS: i64 = 3_600_000;

fn rough(conversations: u64, seed: u64) -> Options {
    let faults = DeliveryFaults::preset("rough", seed).unwrap();
    Options { webhooks: WebhookOptions { faults, ..WebhookOptions::collected() }, ..options(conversations) }
}

#[tokio::test(flavor = "multi_thread")]
async fn doubled_shuffled_late_and_lost_events_converge_after_one_sweep() {
    for database in Database::each().await {
        let live = Live::archived(database, rough(60, 7)).await;
        let dice = SeededEntropy::new(9);
        for _ in 0..30 {
            live.world.sandbox.world().traffic(5, &dice, live.node.clock.now());
            live.turn().await;
            live.world.clock.advance(20_000);
        }
        live.settle().await;

        live.pass(2 * HOUR_MS).await;

        live.assert_converged("after one sweep").await;
        let summary = sweeps::summary(&live.node.db, live.org(), model::Millis(0)).await.unwrap();
        assert!(summary.sweeps >= 1 && summary.found.missed > 0, "{summary:?}");
        assert!(summary.missed_share().unwrap() < 0.6, "{summary:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_of_an_unchanged_mirror_reads_a_page_and_signals_nothing() {
    for database in Database::each().await {
        let live = Live::archived(database, options(300)).await;
        live.run(Sweep {}).await;
        let [sweep] = sweeps::last(&live.node.db, live.org(), 9).await.unwrap().try_into().unwrap();
        assert_eq!((sweep.found.differing, sweep.outcome.as_deref()), (0, Some("done")));
        assert!(live.world.sandbox.log().total() <= 3, "{}", live.world.sandbox.log().total());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_during_an_archive_are_neither_lost_nor_applied_twice() {
    for database in Database::each().await {
        let live = Live::start(database, options(150)).await;
        live.world.connect().await.unwrap();
        let context = live.world.context().await.unwrap();
        let run = tokio::spawn(async move { archive::run(&context, Ask::Full).await });
        let dice = Arc::new(SeededEntropy::new(5));
        while !run.is_finished() {
            live.world.sandbox.world().traffic(2, &*dice, live.node.clock.now());
            live.turn().await;
            live.world.clock.advance(1_000);
        }
        run.await.unwrap().unwrap();
        live.settle().await;

        live.run(Sweep {}).await;
        live.assert_converged("after an archive under way").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_healthy_service_raises_no_notice_and_its_calls_are_counted() {
    for database in Database::each().await {
        let live = Live::archived(database, options(20)).await;
        live.run(WatchVendor {}).await;
        assert!(notices::list(&live.node.db, None, 9).await.unwrap().is_empty());
        let counted = call_stats::since(&live.node.db, live.org(), model::Millis(0)).await.unwrap();
        assert!(counted.iter().any(|count| count.outcome == "ok" && count.calls >= 1), "{counted:?}");
    }
}

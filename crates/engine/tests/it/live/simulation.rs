//! Deaths, faults and changes from a seed, with webhooks on a bad day: routers and workers die between any two awaits, and
//! after one sweep that is left alone the mirror is what Drift has.

use std::sync::Arc;

use engine::jobs::{Compare, Sweep};
use model::{Entropy, SeededEntropy};
use sandbox::{DeliveryFaults, FaultProfile, Options, WebhookOptions};

use super::harness::{Live, options};
use crate::engines::Database;

const STEPS: usize = 40;

async fn live_through(seed: u64, database: Database) {
    let dice = SeededEntropy::new(seed);
    let faults = DeliveryFaults::preset("rough", seed).unwrap();
    let options = Options {
        seed,
        webhooks: WebhookOptions { faults, ..WebhookOptions::collected() },
        ..options(40 + dice.below(60))
    };
    let live = Live::mortal(database, options).await;
    live.world.sandbox.faults().set(FaultProfile::preset("rough", seed).unwrap());
    for _ in 0..STEPS {
        match dice.below(6) {
            0 | 1 => drop(live.world.sandbox.world().traffic(
                1 + usize::try_from(dice.below(6)).unwrap(),
                &dice,
                live.node.clock.now(),
            )),
            2 => drop(live.deliver().await),
            3 => routed_and_killed(&live, &dice).await,
            4 => worked_and_killed(&live, &dice).await,
            _ => live.world.clock.advance(i64::try_from(dice.below(90_000)).unwrap()),
        }
    }
    live.world.sandbox.faults().clear();
    live.world.clock.advance(120_000);
    live.settle().await;
    live.run(Sweep {}).await;
    live.run(Compare {}).await;
    live.assert_converged(&format!("seed {seed}")).await;
}

async fn routed_and_killed(live: &Live, dice: &SeededEntropy) {
    let router = Arc::clone(&live.router);
    let life = tokio::spawn(async move { router.route_once().await });
    die(life, dice).await;
}

async fn worked_and_killed(live: &Live, dice: &SeededEntropy) {
    let worker = live.worker.clone();
    let life = tokio::spawn(async move { worker.step().await });
    die(life, dice).await;
}

async fn die<T>(life: tokio::task::JoinHandle<T>, dice: &SeededEntropy) {
    for _ in 0..dice.below(400) {
        if life.is_finished() {
            break;
        }
        tokio::task::yield_now().await;
    }
    life.abort();
    let _ = life.await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_dies_the_mirror_converges() {
    for seed in 1..=4 {
        for database in Database::each().await {
            live_through(seed, database).await;
        }
    }
}

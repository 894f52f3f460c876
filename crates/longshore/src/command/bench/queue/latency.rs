//! Latency: jobs of ten organizations are put on the queue at a steady rate, whatever becomes of those before, and each tells
//! how long after that it started. The same again while another organization has a flood waiting. Several rounds of both, since a
//! hundredth of the jobs is what one stall of the disk or the machine delays.

use std::sync::Arc;
use std::sync::PoisonError;

use engine::{NodeLimits, Worker};
use serde::Serialize;
use store::queue;

use super::drain::put;
use super::jobs::{self, REGISTRY, STARTED_AFTER, Short, Timed};
use super::{Rig, failed};
use crate::command::bench::median::median;
use crate::failure::Failure;

/// Jobs put a second, each in a transaction of its own.
const PER_SECOND: u64 = 200;
/// The organizations that put them.
const ORGS: u64 = 10;
/// The one that floods.
const FLOODING: u64 = 99;
/// How long it goes on before it counts, in seconds: a node that has just begun is slower.
const WARM_UP_SECONDS: u64 = 2;
/// How long the last jobs may take to start, in milliseconds.
const SETTLE_MS: u64 = 2_000;

/// From put (before its transaction begins) to start.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Latency {
    pub(super) jobs: usize,
    pub(super) p50_ms: f64,
    pub(super) p99_ms: f64,
    pub(super) p999_ms: f64,
}

/// One after the other, so that both met the same machine.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Round {
    pub(super) alone: Latency,
    pub(super) flooded: Latency,
}

impl Round {
    /// The 99th percentile, flooded against alone.
    pub(super) fn ratio(&self) -> f64 {
        self.flooded.p99_ms / self.alone.p99_ms
    }
}

/// Measure without a flood, then beside one.
pub(super) async fn round(rig: &Rig, seconds: u64, flood: u64) -> Result<Round, Failure> {
    Ok(Round { alone: measure(rig, seconds, 0).await?, flooded: measure(rig, seconds, flood).await? })
}

impl Latency {
    /// Of each figure the median.
    pub(super) fn median(rounds: &[Self]) -> Self {
        let of = |value: fn(&Self) -> f64| median(rounds.iter().map(value));
        Self {
            jobs: rounds.iter().map(|round| round.jobs).sum(),
            p50_ms: of(|it| it.p50_ms),
            p99_ms: of(|it| it.p99_ms),
            p999_ms: of(|it| it.p999_ms),
        }
    }
}

/// Measure for `seconds`, beside a flood of so many jobs.
async fn measure(rig: &Rig, seconds: u64, flood: u64) -> Result<Latency, Failure> {
    let (node, stop) = rig.node(NodeLimits::default());
    put(&node, flood, |node, number| jobs::due(node, FLOODING, &Short(number))).await?;
    // The disk has got more to do than it could do meanwhile.
    rig.db.clean_up().await.map_err(failed)?;
    let worker = Worker::new(Arc::clone(&node), REGISTRY);
    let worker = tokio::spawn(async move { worker.run().await });
    let began = jobs::micros();
    for number in 0..(WARM_UP_SECONDS + seconds) * PER_SECOND {
        if number == WARM_UP_SECONDS * PER_SECOND {
            STARTED_AFTER.lock().unwrap_or_else(PoisonError::into_inner).clear();
        }
        let at = began + number * 1_000_000 / PER_SECOND;
        node.clock.sleep(at.saturating_sub(jobs::micros()) / 1_000).await;
        let job = jobs::due(&node, 1 + number % ORGS, &Timed { number, put_at: jobs::micros() });
        let mut tx = node.db.begin().await.map_err(failed)?;
        queue::enqueue(&mut tx, &[job], node.clock.now()).await.map_err(failed)?;
        tx.commit().await.map_err(failed)?;
    }
    node.clock.sleep(SETTLE_MS).await;
    stop.set();
    worker.await.map_err(|error| Failure::unexpected(error.to_string()))?;
    empty(rig).await?;
    let mut all = std::mem::take(&mut *STARTED_AFTER.lock().unwrap_or_else(PoisonError::into_inner));
    all.sort_unstable();
    let at = |per_mille: usize| {
        let index = (all.len() * per_mille / 1_000).min(all.len().saturating_sub(1));
        all.get(index).copied().unwrap_or_default() as f64 / 1_000.0
    };
    Ok(Latency { jobs: all.len(), p50_ms: at(500), p99_ms: at(990), p999_ms: at(999) })
}

/// Run what is left of the flood as jobs that end at once, so that the next measurement finds an empty queue.
async fn empty(rig: &Rig) -> Result<(), Failure> {
    let (node, stop) = rig.node(NodeLimits { concurrency: 512, per_org: 512, ..NodeLimits::default() });
    let worker = Worker::new(Arc::clone(&node), REGISTRY);
    let worker = tokio::spawn(async move { worker.run().await });
    while super::drain::left(rig).await? > 0 {
        node.clock.sleep(100).await;
    }
    stop.set();
    worker.await.map_err(|error| Failure::unexpected(error.to_string()))
}

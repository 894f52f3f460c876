//! Latency: jobs of ten organizations are put on the queue at a steady rate, whatever becomes of those before, and each tells
//! how long after that it started. The same again while another organization has a flood waiting.

use std::sync::Arc;
use std::sync::PoisonError;

use engine::{NodeLimits, Worker};
use serde::Serialize;
use store::queue;

use super::drain::put;
use super::jobs::{self, REGISTRY, STARTED_AFTER, Short, Timed};
use super::{Rig, failed};
use crate::failure::Failure;

/// Jobs put a second, each in a transaction of its own.
const PER_SECOND: u64 = 200;
/// The organizations that put them.
const ORGS: u64 = 10;
/// The one that floods.
const FLOODING: u64 = 99;
/// How long the last jobs may take to start, in milliseconds.
const SETTLE_MS: u64 = 2_000;

/// From put (before its transaction begins) to start.
#[derive(Debug, Serialize)]
pub(super) struct Latency {
    pub(super) jobs: usize,
    pub(super) p50_ms: f64,
    pub(super) p99_ms: f64,
    pub(super) p999_ms: f64,
}

/// Measure for `seconds`, beside a flood of so many jobs.
pub(super) async fn measure(rig: &Rig, seconds: u64, flood: u64) -> Result<Latency, Failure> {
    let (node, stop) = rig.node(NodeLimits::default());
    put(&node, flood, |node, number| jobs::due(node, FLOODING, &Short(number))).await?;
    STARTED_AFTER.lock().unwrap_or_else(PoisonError::into_inner).clear();
    let worker = Worker::new(Arc::clone(&node), REGISTRY);
    let worker = tokio::spawn(async move { worker.run().await });
    let began = jobs::micros();
    for number in 0..seconds * PER_SECOND {
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

//! Takeover: a child process holds a hundred jobs and is killed; a worker here runs them.

use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use engine::{NodeLimits, Worker};
use serde::Serialize;
use store::queue;

use super::drain::{put, seconds_since};
use super::jobs::{self, ENDED, HANG, Held, REGISTRY};
use super::{Rig, VICTIM, failed};
use crate::command::bench::process;
use crate::failure::Failure;

/// Jobs that the killed worker holds.
const JOBS: u64 = 100;
/// The organizations they are spread over.
const ORGS: u64 = 10;
/// How often is looked, in milliseconds, and for how long at the most.
const LOOK_MS: u64 = 10;
const LOOKS_MAX: u64 = 6_000;

/// How long the jobs of the killed worker waited.
#[derive(Debug, Serialize)]
pub(super) struct Takeover {
    pub(super) jobs: u64,
    /// From the kill to the last job's end.
    pub(super) seconds: f64,
}

/// Hold jobs until killed.
pub(super) async fn be_victim(rig: &Rig) {
    HANG.store(true, Ordering::Relaxed);
    let concurrency = usize::try_from(JOBS).unwrap_or(usize::MAX);
    let limits = NodeLimits { concurrency, per_org: concurrency, ..NodeLimits::default() };
    let (node, _stop) = rig.node(limits);
    Worker::new(node, REGISTRY).run().await;
}

/// Let a child claim all, kill it with SIGKILL, and count the time.
pub(super) async fn measure(rig: &Rig) -> Result<Takeover, Failure> {
    let (node, stop) = rig.node(NodeLimits::default());
    put(&node, JOBS, |node, number| jobs::due(node, 1 + number % ORGS, &Held(number))).await?;
    let words = ["bench", "queue"].map(str::to_owned);
    let cannot = |error: std::io::Error| Failure::unexpected(format!("cannot run a child: {error}"));
    let mut child =
        process::command(&words)?.env(VICTIM, &rig.url).stdin(Stdio::null()).spawn().map_err(cannot)?;
    let mut looks = 0;
    while running(rig).await? < JOBS {
        looks += 1;
        if looks > LOOKS_MAX {
            return Err(Failure::unexpected("the child did not claim its jobs"));
        }
        node.clock.sleep(LOOK_MS).await;
    }
    ENDED.store(0, Ordering::Relaxed);
    let worker = Worker::new(Arc::clone(&node), REGISTRY);
    let worker = tokio::spawn(async move { worker.run().await });
    child.kill().await.map_err(cannot)?;
    let began = jobs::micros();
    while ENDED.load(Ordering::Relaxed) < JOBS {
        node.clock.sleep(LOOK_MS).await;
    }
    let seconds = seconds_since(began);
    stop.set();
    worker.await.map_err(|error| Failure::unexpected(error.to_string()))?;
    Ok(Takeover { jobs: JOBS, seconds })
}

async fn running(rig: &Rig) -> Result<u64, Failure> {
    let counts = queue::counts(&rig.db).await.map_err(failed)?;
    let running = counts.iter().filter(|count| count.state == "running").map(|count| count.jobs).sum::<i64>();
    Ok(running.unsigned_abs())
}

//! The worker: claims jobs that are due, runs them side by side, and settles how they ended.
//!
//! One loop takes turns. A turn is one transaction that completes what has ended and claims what is next, many jobs each: with
//! jobs that do nothing, many to a turn, it costs one commit and little more than their rows. Measured (`longshore bench queue`, two
//! cores): 22 µs a job on SQLite with the turns full, 0.7 ms with one job to a turn; 28 µs and 1.3 ms on PostgreSQL. How many jobs
//! are held ahead of the running ones follows from how many ended since the last turn: with slow jobs none, with instant ones up to
//! `IN_HAND_MAX`. While the database is away the loop waits and loses nothing: what it held is taken over once its lease has run out.
//!
//! Between turns it sleeps until a job ends, somebody rings, the next job is due, or [`crate::NodeLimits::poll_ms`] has
//! passed. What one organization floods it with keeps nobody else waiting: neither what is held ahead of it nor what of it is
//! still to be settled. Nothing is decided here about *what* is claimed: that is `store::queue`'s.

mod execute;
mod hall;
mod lease;
mod ready;
mod retry;
mod settle;
mod upkeep;

use std::sync::Arc;

use store::StoreError;

use crate::job::Kind;
use crate::node::Node;
use hall::Hall;

pub use retry::{ATTEMPTS_MAX, delay_ms};

/// Jobs held at once, running and next.
const IN_HAND_MAX: usize = 512;
/// The pause after a failure of the store, in milliseconds: it doubles up to the second.
const PAUSE_MS: u64 = 100;
const PAUSE_MS_MAX: u64 = 2_000;
/// Jobs that one [`Worker::step`] runs at the most: a job that enqueues itself without end is a defect.
const STEP_JOBS_MAX: usize = 1_000_000;

/// What the store says, unless it says nothing for so many milliseconds. What was asked of it may have been done.
async fn in_time<T>(
    node: &Node,
    ms: u64,
    asking: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    drift::deadline(node.clock.as_ref(), ms, asking).await.unwrap_or(Err(StoreError::TimedOut))
}

/// A worker of a node. Any number may run, in one process or many.
#[derive(Clone)]
pub struct Worker {
    node: Arc<Node>,
    registry: &'static [Kind],
}

impl Worker {
    /// A worker that runs these kinds.
    #[must_use]
    pub fn new(node: Arc<Node>, registry: &'static [Kind]) -> Self {
        Self { node, registry }
    }

    /// Work until the node is asked to stop; then hand back what has not ended within [`crate::NodeLimits::stop_ms`].
    ///
    /// Failures of the store are waited out. A lost lease ends all running jobs, and the worker registers anew.
    pub async fn run(&self) {
        let mut pause_ms = PAUSE_MS;
        while !self.node.stop.is_set() {
            match self.live().await {
                Ok(()) => pause_ms = PAUSE_MS,
                Err(error) => {
                    tracing::warn!(error = %error, "The worker waits for the store");
                    pause_ms = (pause_ms * 2).min(PAUSE_MS_MAX);
                }
            }
            let mut stop = self.node.stop.clone();
            tokio::select! {
                () = stop.wait() => {}
                () = self.node.clock.sleep(pause_ms) => {}
            }
        }
    }

    /// One registration, from its beginning to its end.
    async fn live(&self) -> Result<(), StoreError> {
        let lease = lease::Lease::take(&self.node, self.node.limits.lease_ms).await?;
        let upkeep = upkeep::Upkeep::start(&self.node, self.registry);
        let mut hall = Hall::new(Arc::clone(&self.node), self.registry, lease.worker().clone());
        let ended = Box::pin(hall.serve(&lease)).await;
        drop(upkeep);
        match ended {
            hall::Closed::Stopped => {
                hall.close().await;
                lease.end(&self.node).await
            }
            hall::Closed::LeaseLost => {
                hall.abandon().await;
                Ok(())
            }
        }
    }

    /// Run everything that is due now, and what becomes due by it, to its end; answers how many runs there were. For whoever
    /// turns the clock by hand. Schedules are not looked at.
    ///
    /// # Errors
    /// The first failure of the store. What was claimed is taken over later.
    pub async fn step(&self) -> Result<usize, StoreError> {
        let node = &self.node;
        upkeep::reap(node).await?;
        let lease = lease::Lease::take(node, node.limits.step_lease_ms).await?;
        let mut hall = Hall::new(Arc::clone(node), self.registry, lease.worker().clone());
        let mut ran = 0;
        loop {
            let before = ran;
            ran += hall.round().await?;
            if ran == before || ran >= STEP_JOBS_MAX {
                break;
            }
        }
        lease.end(node).await?;
        Ok(ran)
    }
}

//! What a node's workers, schedulers and jobs share.

use std::sync::Arc;

use model::{Clock, Entropy};
use store::Db;
use telemetry::Metrics;

use crate::clients::Clients;
use crate::exports::Exports;
use crate::webhooks::Webhooks;
use crate::{Limits, Settling, Stop};

/// Everything a job may need. One a process, shared by all who work in it.
pub struct Node {
    /// The store.
    pub db: Db,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// The organizations' clients.
    pub clients: Clients,
    /// What is measured.
    pub metrics: Arc<Metrics>,
    /// How signals are gathered.
    pub settling: Settling,
    /// How outgoing webhooks leave; `None`: this node sends none.
    pub webhooks: Option<Webhooks>,
    /// How exports leave; `None`: this node makes none.
    pub exports: Option<Exports>,
    /// Bounds.
    pub limits: NodeLimits,
    /// Asks everybody to end: no more claims, running jobs get [`NodeLimits::stop_ms`].
    pub stop: Stop,
    /// Where this runs, as `longshore status` shows it.
    pub host: String,
}

/// The bounds of a node.
#[derive(Debug, Clone, Copy)]
pub struct NodeLimits {
    /// Jobs that run at once.
    pub concurrency: usize,
    /// Of them, jobs of one organization: the rest is kept free for the others.
    pub per_org: usize,
    /// How long a worker's lease lasts without a heartbeat, in milliseconds.
    pub lease_ms: i64,
    /// The lease of [`crate::Worker::step`], in milliseconds: whoever turns the clock by hand turns it by hours.
    pub step_lease_ms: i64,
    /// How long running jobs may go on after the node was asked to stop, in milliseconds.
    pub stop_ms: u64,
    /// How long a worker waits before it looks for jobs that nobody rang for, in milliseconds.
    pub poll_ms: u64,
    /// Attempts after which a job becomes a dead letter.
    pub attempts_max: i64,
    /// A connection that was not used for so long is pointed out, in milliseconds.
    pub unused_ms: i64,
    /// One that was not used for so long is given up, in milliseconds; `None`: none is.
    pub end_unused_ms: Option<i64>,
    /// How long the history of jobs is kept, in milliseconds.
    pub runs_kept_ms: i64,
    /// How long it is kept what grants were used for and who read what, in milliseconds.
    pub uses_kept_ms: i64,
    /// The bounds of an archive that a job makes.
    pub archive: Limits,
}

impl Default for NodeLimits {
    fn default() -> Self {
        Self {
            concurrency: 32,
            per_org: 24,
            lease_ms: store::workers::LEASE_MS,
            step_lease_ms: 24 * 60 * 60 * 1_000,
            stop_ms: 10_000,
            poll_ms: 1_000,
            attempts_max: crate::worker::ATTEMPTS_MAX,
            unused_ms: 30 * 24 * 60 * 60 * 1_000,
            end_unused_ms: None,
            runs_kept_ms: 30 * 24 * 60 * 60 * 1_000,
            uses_kept_ms: 90 * 24 * 60 * 60 * 1_000,
            archive: Limits::default(),
        }
    }
}

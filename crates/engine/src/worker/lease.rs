//! A worker's registration, and the heartbeat that keeps it.

use std::sync::Arc;

use model::WorkerId;
use store::StoreError;
use store::workers::{self, Registered};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::in_time;
use crate::node::Node;

/// The pause after a heartbeat that the store did not take, in milliseconds.
const AGAIN_MS: u64 = 250;

/// Heartbeats within the length of a lease: two may fail, or one may wait for its answer in vain.
const BEATS: i64 = 3;

/// A registration; its heartbeat ends when it is dropped.
pub(super) struct Lease {
    worker: WorkerId,
    lost: watch::Receiver<bool>,
    heartbeat: JoinHandle<()>,
}

impl Lease {
    /// Register under a new id and begin the heartbeat.
    pub(super) async fn take(node: &Arc<Node>, lease_ms: i64) -> Result<Self, StoreError> {
        let worker = WorkerId::new(node.clock.as_ref(), node.entropy.as_ref());
        let registering = async {
            let mut tx = node.db.begin().await?;
            let now = node.clock.now();
            let new = Registered {
                worker: worker.clone(),
                host: node.host.clone(),
                started_at: now,
                lease_until: now.plus(lease_ms),
            };
            workers::register(&mut tx, &new).await?;
            tx.commit().await
        };
        in_time(node, lease_ms.unsigned_abs(), registering).await?;
        let (sender, lost) = watch::channel(false);
        let heartbeat = tokio::spawn(beat(Arc::clone(node), worker.clone(), lease_ms, sender));
        tracing::debug!(worker.id = %worker, "Registered a worker");
        Ok(Self { worker, lost, heartbeat })
    }

    pub(super) fn worker(&self) -> &WorkerId {
        &self.worker
    }

    pub(super) fn is_lost(&self) -> bool {
        *self.lost.borrow()
    }

    /// Ready once the lease is lost.
    pub(super) async fn lost(&self) {
        let mut lost = self.lost.clone();
        if lost.wait_for(|lost| *lost).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// End the registration; everything held must have been handed back.
    pub(super) async fn end(self, node: &Node) -> Result<(), StoreError> {
        self.heartbeat.abort();
        let mut tx = node.db.begin().await?;
        workers::end(&mut tx, &self.worker).await?;
        tx.commit().await
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.heartbeat.abort();
    }
}

/// Extend the lease until it is lost: because the store says so, or because it could not be asked for as long as it lasts.
async fn beat(node: Arc<Node>, worker: WorkerId, lease_ms: i64, lost: watch::Sender<bool>) {
    let mut until = node.clock.now().plus(lease_ms);
    let beat_ms = u64::try_from(lease_ms / BEATS).unwrap_or_default();
    let mut pause_ms = beat_ms;
    loop {
        node.clock.sleep(pause_ms).await;
        let asked_at = node.clock.now();
        let wait_ms = beat_ms.min(until.since(asked_at).max(1).unsigned_abs());
        let clock = Arc::clone(&node.clock);
        let extending = workers::heartbeat(&node.db, &worker, lease_ms, move || clock.now());
        match in_time(&node, wait_ms, extending).await {
            Ok(()) => {
                until = asked_at.plus(lease_ms);
                pause_ms = beat_ms;
            }
            Err(StoreError::LeaseLost) => break,
            Err(error) => {
                tracing::warn!(worker.id = %worker, error = %error, "A heartbeat failed");
                if node.clock.now() >= until {
                    break;
                }
                pause_ms = AGAIN_MS;
            }
        }
    }
    lost.send_replace(true);
}

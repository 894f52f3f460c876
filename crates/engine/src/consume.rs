//! Letting consumers read: whoever is behind the change feed gets a `fan_out` job.
//!
//! Every node runs this loop; that several see the same consumer does no harm, for jobs of one key fold into one.

use std::sync::Arc;

use model::OrgId;
use store::consumers::{self, ConsumerKind};
use store::queue::{self, NewJob};
use store::wake::Channel;
use store::{StoreError, effects};

use crate::context::Stop;
use crate::job::{Job as _, Order};
use crate::jobs::fan_out::{CONSUMER_LABEL, FanOut};
use crate::node::Node;

/// Looking without having heard a bell, in milliseconds.
const POLL_MS: u64 = 2_000;
/// Bells that ring within this time are one, in milliseconds.
const TOGETHER_MS: u64 = 25;
/// Consumers looked at in one step; the others come in the next.
const CONSUMERS_MAX: u32 = 1_000;

/// Look whenever the feed grows, until asked to stop.
pub async fn run(node: Arc<Node>, mut stop: Stop) {
    while !stop.is_set() {
        let rung = node.db.rung(Channel::Changes);
        if let Err(error) = step(&node).await {
            tracing::warn!(error = %error, "Could not look which consumers are behind the change feed");
        }
        let next = async {
            tokio::select! {
                () = rung => node.clock.sleep(TOGETHER_MS).await,
                () = node.clock.sleep(POLL_MS) => {}
            }
        };
        tokio::select! {
            () = next => {}
            () = stop.wait() => {}
        }
    }
}

/// Put a `fan_out` job on the queue for each consumer that is behind; answers how many are.
///
/// # Errors
/// The store's error.
pub async fn step(node: &Node) -> Result<usize, StoreError> {
    let behind = consumers::behind(&node.db, ConsumerKind::Webhook, CONSUMERS_MAX).await?;
    if behind.is_empty() {
        return Ok(0);
    }
    let now = node.clock.now();
    let jobs: Vec<NewJob> = behind
        .iter()
        .map(|consumer| {
            let order = Order { org: consumer.org, due_at: now, trace: None };
            FanOut { consumer: consumer.name.clone() }.new_job(node, order)
        })
        .collect();
    let mut tx = node.db.begin().await?;
    queue::enqueue(&mut tx, &jobs, now).await?;
    tx.commit().await?;
    Ok(behind.len())
}

/// Set the gauges of one organization's consumers and endpoints: lags, what is owed, who is disabled. For whoever
/// collects metrics, now and then: it counts.
///
/// # Errors
/// The store's error.
pub async fn measure(node: &Node, org: OrgId) -> Result<(), StoreError> {
    let (mut changes, mut age_ms) = (0, 0);
    for consumer in consumers::list(&node.db, org).await? {
        if consumer.kind == ConsumerKind::Webhook {
            let lag = consumers::lag(&node.db, &consumer).await?;
            changes = changes.max(lag.changes);
            age_ms = age_ms.max(lag.ms(node.clock.now()));
        }
    }
    node.metrics.consumer_lag_changes.of(org, CONSUMER_LABEL).set(changes);
    node.metrics.consumer_lag_seconds.of(org, CONSUMER_LABEL).set(age_ms as f64 / 1_000.0);
    node.metrics.effects_pending.of(CONSUMER_LABEL).set(effects::owed_in_all(&node.db).await?);
    Ok(())
}

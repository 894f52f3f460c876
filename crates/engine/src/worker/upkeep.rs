//! What every worker does on the side: takes over from workers that are gone, prunes the history, reads the gauges.

use std::sync::Arc;

use store::notices::{OF_CONNECTION, OF_UNUSED};
use store::{StoreError, disconnects, endpoints, honey, notices, pauses, queue, uses, workers};
use tokio::task::JoinHandle;

use crate::job::Kind;
use crate::jobs::asking;
use crate::node::Node;
use crate::watch;
use crate::worker::in_time;

/// How often the gauges are read, in milliseconds: they count the whole table.
const GAUGES_MS: i64 = 15_000;
/// How often the history is pruned, in milliseconds.
const PRUNE_MS: i64 = 10 * 60 * 1_000;
/// How long each of their steps may take, in milliseconds: while one stands still, nothing is taken over.
const UPKEEP_MS: u64 = 10_000;
/// Deletions in one pruning: what is left over is the next one's.
const PRUNES_MAX: u32 = 100;

/// The kinds of notices that there are; whatever else the table holds is counted as `other`.
const NOTICES: [&str; 8] = [
    OF_CONNECTION,
    OF_UNUSED,
    disconnects::NOTICE,
    endpoints::NOTICE,
    honey::NOTICE,
    uses::alarms::NOTICE,
    asking::NOTICE,
    watch::NOTICE,
];

/// The task; it ends when this is dropped.
pub(super) struct Upkeep(JoinHandle<()>);

impl Upkeep {
    pub(super) fn start(node: &Arc<Node>, registry: &'static [Kind]) -> Self {
        Self(tokio::spawn(keep(Arc::clone(node), registry)))
    }
}

impl Drop for Upkeep {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn keep(node: Arc<Node>, registry: &'static [Kind]) {
    let (mut gauges_at, mut prune_at) = (node.clock.now(), node.clock.now().plus(PRUNE_MS));
    loop {
        let now = node.clock.now();
        let mut done = in_time(&node, UPKEEP_MS, reap(&node)).await;
        if done.is_ok() && now >= gauges_at {
            gauges_at = now.plus(GAUGES_MS);
            done = in_time(&node, UPKEEP_MS, gauges(&node, registry)).await;
        }
        if done.is_ok() && now >= prune_at {
            prune_at = now.plus(PRUNE_MS);
            done = prune(&node).await;
        }
        if let Err(error) = done {
            tracing::warn!(error = %error, "Upkeep of the queue failed; it is tried again");
        }
        node.clock.sleep(workers::REAP_MS).await;
    }
}

/// Take over the jobs of workers whose lease has run out.
pub(super) async fn reap(node: &Node) -> Result<(), StoreError> {
    if !workers::expired(&node.db, node.clock.now()).await? {
        return Ok(());
    }
    let mut tx = node.db.begin().await?;
    let reaped = workers::reap(&mut tx, node.limits.attempts_max, node.clock.now()).await?;
    tx.commit().await?;
    node.metrics.queue_workers_reaped.inc_by(reaped.workers);
    if reaped.workers > 0 || reaped.jobs > 0 {
        tracing::warn!(
            workers = reaped.workers,
            jobs = reaped.jobs,
            "Took over the jobs of workers that are gone"
        );
    }
    Ok(())
}

async fn prune(node: &Node) -> Result<(), StoreError> {
    for _ in 0..PRUNES_MAX {
        let deleting = async {
            let mut tx = node.db.begin().await?;
            let before = node.clock.now().plus(-node.limits.runs_kept_ms);
            let deleted = queue::prune(&mut tx, before).await?;
            tx.commit().await.map(|()| deleted)
        };
        if in_time(node, UPKEEP_MS, deleting).await? == 0 {
            break;
        }
    }
    Ok(())
}

/// How full the queue is, by the registry's kinds.
async fn gauges(node: &Node, registry: &[Kind]) -> Result<(), StoreError> {
    let now = node.clock.now();
    let counts = queue::counts(&node.db).await?;
    node.metrics.queue_jobs.clear();
    let mut oldest = now;
    for count in counts {
        let kind = registry.iter().find(|kind| kind.name == count.kind).map_or("other", |kind| kind.name);
        let state = match count.state.as_str() {
            "waiting" => "waiting",
            "running" => "running",
            _ => "dead",
        };
        if state == "waiting" {
            oldest = oldest.min(count.due_at);
        }
        node.metrics.queue_jobs.of(kind, state).inc_by(count.jobs);
    }
    node.metrics.queue_due_age_seconds.set(now.since(oldest) as f64 / 1_000.0);
    let pauses = pauses::list(&node.db, now).await?.len();
    node.metrics.queue_pauses.set(i64::try_from(pauses).unwrap_or(i64::MAX));
    node.metrics.notices.clear();
    for (kind, standing) in notices::counts(&node.db).await? {
        let kind = NOTICES.iter().find(|known| **known == kind).map_or("other", |known| *known);
        node.metrics.notices.of(kind).inc_by(standing);
    }
    Ok(())
}

//! Draining: jobs are put on the queue first, then a worker begins.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use engine::{Node, NodeLimits, Worker};
use model::{OrgId, WorkerId};
use serde::Serialize;
use store::queue::{self, Claim, NewJob};
use store::workers::{self, Registered};

use super::jobs::{self, ENDED, Nothing, REGISTRY, Short};
use super::{Rig, failed};
use crate::failure::Failure;

/// Jobs in one transaction of the producer.
const BATCH: u64 = 4_096;
/// Organizations over which they are spread.
const ORGS: u64 = 20;
/// Jobs drained one by one: enough for a rate.
const ONE_BY_ONE: u64 = 2_000;
/// How often is looked whether all have ended, in milliseconds.
const LOOK_MS: u64 = 5;

/// How a drain went.
#[derive(Debug, Serialize)]
pub(super) struct Drained {
    pub(super) jobs: u64,
    pub(super) put_seconds: f64,
    pub(super) seconds: f64,
    pub(super) jobs_per_second: f64,
}

/// Jobs that do nothing.
pub(super) async fn nothing(rig: &Rig, count: u64) -> Result<Drained, Failure> {
    drain(rig, count, |node, number| jobs::due(node, 1 + number % ORGS, &Nothing(number))).await
}

/// Jobs of 5 ms.
pub(super) async fn short(rig: &Rig, count: u64) -> Result<Drained, Failure> {
    drain(rig, count, |node, number| jobs::due(node, 1 + number % ORGS, &Short(number))).await
}

async fn drain(rig: &Rig, count: u64, job: impl Fn(&Node, u64) -> NewJob) -> Result<Drained, Failure> {
    let (node, stop) = rig.node(NodeLimits::default());
    let began = jobs::micros();
    put(&node, count, job).await?;
    let put_seconds = seconds_since(began);
    ENDED.store(0, Ordering::Relaxed);
    let began = jobs::micros();
    let worker = Worker::new(Arc::clone(&node), REGISTRY);
    let worker = tokio::spawn(async move { worker.run().await });
    while ENDED.load(Ordering::Relaxed) < count || left(rig).await? > 0 {
        node.clock.sleep(LOOK_MS).await;
    }
    let seconds = seconds_since(began);
    stop.set();
    worker.await.map_err(|error| Failure::unexpected(error.to_string()))?;
    Ok(Drained { jobs: count, put_seconds, seconds, jobs_per_second: count as f64 / seconds })
}

/// Put jobs on the queue, in batches.
pub(super) async fn put(node: &Node, count: u64, job: impl Fn(&Node, u64) -> NewJob) -> Result<(), Failure> {
    let mut next = 0;
    while next < count {
        let batch: Vec<NewJob> = (next..count.min(next + BATCH)).map(|number| job(node, number)).collect();
        next += batch.len() as u64;
        let mut tx = node.db.begin().await.map_err(failed)?;
        queue::enqueue(&mut tx, &batch, node.clock.now()).await.map_err(failed)?;
        tx.commit().await.map_err(failed)?;
    }
    Ok(())
}

/// Jobs in the table, of whatever state.
pub(super) async fn left(rig: &Rig) -> Result<i64, Failure> {
    Ok(queue::counts(&rig.db).await.map_err(failed)?.iter().map(|count| count.jobs).sum())
}

pub(super) fn seconds_since(began: u64) -> f64 {
    (jobs::micros() - began) as f64 / 1_000_000.0
}

/// The baseline: a claim, a commit, a completion, a commit for every job, as a simple queue does it. On SQLite only the completion's
/// waits for the disk.
pub(super) async fn one_by_one(rig: &Rig) -> Result<Drained, Failure> {
    let (node, _stop) = rig.node(NodeLimits::default());
    let began = jobs::micros();
    put(&node, ONE_BY_ONE, |node, number| jobs::due(node, 1 + number % ORGS, &Nothing(number))).await?;
    let put_seconds = seconds_since(began);
    let worker = WorkerId::new(node.clock.as_ref(), node.entropy.as_ref());
    let now = node.clock.now();
    let new = Registered {
        worker: worker.clone(),
        host: "bench".to_owned(),
        started_at: now,
        lease_until: now.plus(3_600_000),
    };
    let mut tx = node.db.begin().await.map_err(failed)?;
    workers::register(&mut tx, &new).await.map_err(failed)?;
    tx.commit().await.map_err(failed)?;
    let kinds: Arc<[&str]> = REGISTRY.iter().map(|kind| kind.name).collect();
    let began = jobs::micros();
    let mut after = OrgId(i64::MIN);
    for _ in 0..ONE_BY_ONE {
        let (worker, kinds, held) = (worker.clone(), Arc::clone(&kinds), BTreeMap::new());
        let ask = Claim { worker, limit: 1, kinds, per_org_max: 1, held, after };
        let claimed = queue::claim(&node.db, ask, node.clock.now()).await.map_err(failed)?.jobs;
        let Some(job) = claimed.first() else { break };
        after = job.org;
        let mut tx = node.db.begin().await.map_err(failed)?;
        queue::complete(&mut tx, job, "done", node.clock.now()).await.map_err(failed)?;
        tx.commit().await.map_err(failed)?;
    }
    let seconds = seconds_since(began);
    let mut tx = node.db.begin().await.map_err(failed)?;
    workers::end(&mut tx, &worker).await.map_err(failed)?;
    tx.commit().await.map_err(failed)?;
    Ok(Drained { jobs: ONE_BY_ONE, put_seconds, seconds, jobs_per_second: ONE_BY_ONE as f64 / seconds })
}

//! The working parts of a node: router, worker, scheduler, consumers, and the upkeep that belongs to no job.

use std::sync::Arc;

use engine::calls::CallBook;
use engine::clients::Clients;
use engine::scheduler::ScheduleError;
use engine::{Node, NodeLimits, Router, Scheduler, Settling, Stop, Worker, consume, jobs, schedules};
use model::OrgId;
use store::vault::Vault;
use store::{Db, StoreError, connections, sweeps};
use telemetry::Metrics;
use tokio::task::JoinSet;

use crate::app::App;
use crate::command::export;
use crate::failure::Failure;
use crate::network::{self, Patience};
use crate::work;

/// What a node needs to end after its jobs have, in milliseconds.
pub(super) const GRACE_MS: u64 = 5_000;
/// Of an organization's jobs, this share of the node runs at once; the rest is kept free for the others.
const PER_ORG_SHARE: (usize, usize) = (3, 4);
/// How often counted calls are written down and new connections get their schedules, in milliseconds.
const UPKEEP_MS: u64 = 10_000;
/// How far back the last sweep is looked for, in milliseconds.
const SWEEPS_MS: i64 = 7 * 86_400_000;

/// Start every working part; they end once somebody asks to stop.
pub(super) async fn start(
    app: &App,
    db: &Db,
    vault: &Vault,
    metrics: &Arc<Metrics>,
    parts: &mut JoinSet<()>,
) -> Result<(), Failure> {
    let node = node(app, db, vault, metrics).await?;
    let stop = app.interrupt.stop();
    schedule_all(&node).await.map_err(|error| match error {
        ScheduleError::Store(error) => Failure::store("set the schedules of", &app.config.database, &error),
        other => Failure::unexpected(format!("a default schedule is void: {other}")),
    })?;
    let router = Router::new(Arc::clone(&node));
    let (worker, scheduler) =
        (Worker::new(Arc::clone(&node), jobs::REGISTRY), Scheduler::new(Arc::clone(&node), jobs::REGISTRY));
    let routing = stop.clone();
    parts.spawn(async move { router.run(routing).await });
    parts.spawn(async move { worker.run().await });
    parts.spawn(async move { scheduler.run().await });
    parts.spawn(consume::run(Arc::clone(&node), stop.clone()));
    parts.spawn(upkeep(node, stop));
    Ok(())
}

async fn node(app: &App, db: &Db, vault: &Vault, metrics: &Arc<Metrics>) -> Result<Arc<Node>, Failure> {
    let serving = &app.config.serving;
    let connections = network::connections_with(app, db, vault.clone(), Patience::Run, None)?;
    let (of, all) = PER_ORG_SHARE;
    let limits = NodeLimits {
        concurrency: serving.jobs_concurrency,
        per_org: (serving.jobs_concurrency * of / all).max(1),
        stop_ms: serving.shutdown_ms,
        uses_kept_ms: app.config.uses_kept_ms,
        unused_ms: app.config.connections_unused_ms,
        end_unused_ms: app.config.connections_end_unused_ms,
        archive: work::limits(&app.config),
        ..NodeLimits::default()
    };
    Ok(Arc::new(Node {
        db: db.clone(),
        clock: app.clock.clone(),
        entropy: app.entropy.clone(),
        webhooks: Some(network::webhooks(&app.config, vault.clone())?),
        exports: Some(export::exports(app, vault.clone())),
        clients: Clients::new(connections, Arc::new(CallBook::new(metrics.clone()))),
        metrics: metrics.clone(),
        settling: Settling { spacing_ms: serving.refresh_spacing_ms, ..Settling::default() },
        limits,
        stop: app.interrupt.stop(),
        host: host(),
    }))
}

/// Where this runs, as people know the machine.
fn host() -> String {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    format!("{name}/{}", std::process::id())
}

async fn upkeep(node: Arc<Node>, mut stop: Stop) {
    while !stop.is_set() {
        tokio::select! {
            () = node.clock.sleep(UPKEEP_MS) => {}
            () = stop.wait() => {}
        }
        let done = async {
            node.clients.book().flush(&node.db, node.clock.now()).await?;
            measure_all(&node).await?;
            schedule_all(&node).await
        };
        if let Err(error) = done.await {
            tracing::warn!(error = %error, "Upkeep of the node failed; it is tried again");
        }
    }
}

/// Set the gauges of consumers, sweeps and budgets, one organization after the other.
async fn measure_all(node: &Node) -> Result<(), StoreError> {
    let mut orgs: Vec<OrgId> =
        connections::list(&node.db).await?.iter().map(|connection| connection.org_id).collect();
    orgs.sort_unstable();
    orgs.dedup();
    for org in orgs {
        consume::measure(node, org).await?;
        let now = node.clock.now();
        let swept = sweeps::summary(&node.db, org, now.plus(-SWEEPS_MS)).await?.last_finished_at;
        if let Some(swept) = swept {
            node.metrics.sweep_age_seconds.of(org).set(now.since(swept) as f64 / 1_000.0);
        }
        if let Some(pace) = node.clients.pace(org).map(|pace| pace.snapshot()) {
            node.metrics.budget_waiting.of(org).set(i64::try_from(pace.waiting).unwrap_or(i64::MAX));
            // Without a limit there is nothing to show.
            node.metrics.budget_per_minute.of(org).set(pace.per_minute.unwrap_or_default());
        }
    }
    Ok(())
}

/// Give every connection the schedules it has not got yet.
async fn schedule_all(node: &Node) -> Result<(), ScheduleError> {
    let known = connections::list(&node.db).await?;
    if known.is_empty() {
        return Ok(());
    }
    let mut tx = node.db.begin().await?;
    schedules::schedule_common(&mut tx, node.clock.now()).await?;
    for connection in &known {
        schedules::schedules_for(&mut tx, connection, node.clock.now()).await?;
    }
    Ok(tx.commit().await?)
}

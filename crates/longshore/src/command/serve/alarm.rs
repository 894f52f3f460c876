//! The alarm of a node: decoys that were touched, wherever that was noticed.

use std::sync::Arc;

use engine::Stop;
use model::Clock;
use store::{Db, StoreError, honey};
use telemetry::Metrics;

/// How often decoys are looked at, in milliseconds: an alarm is to be raised within five seconds.
const WATCH_MS: u64 = 2_000;

/// Raise an alarm for every touch, until somebody asks to stop.
pub(super) async fn watch(db: Db, clock: Arc<dyn Clock>, metrics: Arc<Metrics>, mut stop: Stop) {
    while !stop.is_set() {
        if let Err(error) = look(&db, clock.as_ref(), &metrics).await {
            tracing::warn!(error = %error, "Could not look at the honey tokens; it is tried again");
        }
        tokio::select! {
            () = clock.sleep(WATCH_MS) => {}
            () = stop.wait() => {}
        }
    }
}

async fn look(db: &Db, clock: &dyn Clock, metrics: &Metrics) -> Result<(), StoreError> {
    for touched in honey::tell(db, clock.now()).await? {
        let (id, org) = (&touched.honey_id, touched.org);
        tracing::error!(
            honey.id = %id, org.id = %org, honey.reads = touched.reads, honey.uses = touched.uses,
            "Honey token {id} of organization {org} was touched: somebody is where they should not be"
        );
    }
    // What was told, and not what was touched: a touch of this very moment is counted with its alarm and not before it.
    let touched = honey::list(db, None).await?.iter().map(|one| one.told).sum();
    metrics.honey_touched.set(touched);
    Ok(())
}

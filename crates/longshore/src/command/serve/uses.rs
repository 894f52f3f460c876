//! The watch of a node: what was read through its doors is written down, new grants are watched, and what was unusual, wherever it
//! was counted, becomes an alarm.

use std::collections::HashSet;
use std::sync::Arc;

use engine::use_watch;
use model::{ConnectionId, Millis};
use store::connections::{self, ConnectionState};
use store::{Db, StoreError};
use telemetry::Metrics;
use web::access::UseBook;

use crate::app::App;

/// How often it is looked, in milliseconds.
const EVERY_MS: u64 = 10_000;
/// How often the day's volumes are looked at, in milliseconds.
const VOLUMES_MS: i64 = 300_000;
/// How long a node that ends tries, in milliseconds.
const LAST_MS_MAX: u64 = 5_000;

/// Cheap to clone.
#[derive(Clone)]
pub(super) struct Watch {
    app: App,
    db: Db,
    metrics: Arc<Metrics>,
    book: Arc<UseBook>,
}

impl Watch {
    pub(super) fn new(app: &App, db: &Db, metrics: &Arc<Metrics>, book: Arc<UseBook>) -> Self {
        Self { app: app.clone(), db: db.clone(), metrics: Arc::clone(metrics), book }
    }

    /// Look every ten seconds, until somebody asks to stop.
    pub(super) async fn run(self) {
        let mut stop = self.app.interrupt.stop();
        let (mut watched, mut volumes_at) = (HashSet::new(), self.app.clock.now());
        while !stop.is_set() {
            if let Err(error) = self.look(&mut watched, &mut volumes_at).await {
                tracing::warn!(error = %error, "Could not look at how connections and doors are used; it is tried again");
            }
            tokio::select! {
                () = self.app.clock.sleep(EVERY_MS) => {}
                () = stop.wait() => {}
            }
        }
    }

    /// Write down what was read last.
    pub(super) async fn last(&self) {
        let written = drift::deadline(self.app.clock.as_ref(), LAST_MS_MAX, self.book.flush(&self.db)).await;
        if !matches!(written, Ok(Ok(_))) {
            tracing::warn!("What was read through the doors last could not be written down");
        }
    }

    async fn look(
        &self,
        watched: &mut HashSet<ConnectionId>,
        volumes_at: &mut Millis,
    ) -> Result<(), StoreError> {
        let now = self.app.clock.now();
        self.metrics.use_uncounted.inc_by(self.book.flush(&self.db).await?);
        let known = connections::list(&self.db).await?.into_iter();
        let live = known.filter(|one| one.state == ConnectionState::Active);
        let live: Vec<_> = live.map(|one| (one.org_id, one.connection_id)).collect();
        let new: Vec<_> = live.iter().filter(|(_, id)| !watched.contains(id)).cloned().collect();
        use_watch::watch(&self.db, &new, now).await?;
        *watched = live.into_iter().map(|(_, id)| id).collect();
        let options = &self.app.config.watching;
        let alarms = if now >= *volumes_at {
            *volumes_at = now.plus(VOLUMES_MS);
            use_watch::look(&self.db, options, now).await?
        } else {
            use_watch::look_at_news(&self.db, options, now).await?
        };
        for alarm in alarms {
            self.metrics.use_alarms.of(alarm.kind.as_str()).inc();
            tracing::error!(
                alarm.kind = alarm.kind.as_str(), org.id = %alarm.org, alarm.object = alarm.object_id,
                "Unusual use: {}", alarm.message
            );
        }
        Ok(())
    }
}

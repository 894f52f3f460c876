//! An organization's budget, kept in the store by all nodes together.

use std::sync::Arc;

use drift::{Allowance, AllowanceError, Config, Kept, Lane, Pace, Seams};
use futures_util::future::BoxFuture;
use model::{Clock, OrgId};
use store::budgets::{self, Ledger};
use store::{Db, Engine};

/// The budget of an organization for this process: shared on PostgreSQL, where other nodes may run; alone on SQLite, whose
/// file one process serves. Call it within a tokio runtime.
#[must_use]
pub fn pace(db: &Db, org: OrgId, config: &Config, seams: &Seams) -> Arc<Pace> {
    match db.engine() {
        Engine::Sqlite => Pace::new(config, Arc::clone(&seams.clock), Arc::clone(&seams.entropy)),
        Engine::Postgres => {
            let allowance = StoreAllowance::new(db.clone(), org, Arc::clone(&seams.clock));
            Pace::shared(config, Arc::clone(&seams.clock), Arc::clone(&seams.entropy), Arc::new(allowance))
        }
    }
}

/// The ledgers of an organization's budgets in the store.
pub struct StoreAllowance {
    db: Db,
    org: OrgId,
    clock: Arc<dyn Clock>,
}

impl StoreAllowance {
    /// The ledgers of this organization.
    #[must_use]
    pub fn new(db: Db, org: OrgId, clock: Arc<dyn Clock>) -> Self {
        Self { db, org, clock }
    }
}

impl Allowance for StoreAllowance {
    fn read(&self, lane: Lane) -> BoxFuture<'_, Result<Kept, AllowanceError>> {
        Box::pin(async move {
            let kept = budgets::read(&self.db, self.org, lane.as_str()).await;
            let Ledger { version, ledger } = kept.map_err(AllowanceError::unreachable)?;
            Ok(Kept { version, text: ledger })
        })
    }

    fn replace(&self, lane: Lane, version: i64, text: String) -> BoxFuture<'_, Result<bool, AllowanceError>> {
        Box::pin(async move {
            let new = Ledger { version, ledger: text };
            budgets::replace(&self.db, self.org, lane.as_str(), &new, self.clock.now())
                .await
                .map_err(AllowanceError::unreachable)
        })
    }
}

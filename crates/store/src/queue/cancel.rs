//! Cancelling what waits: work of an organization that has nothing left to be done with.

use model::OrgId;

use crate::db::Tx;
use crate::error::StoreError;

const CANCEL: &str = "DELETE FROM jobs WHERE org_id = $1 AND kind = $2 AND state = 'waiting'";

/// Take an organization's waiting jobs of these kinds off the queue; answers how many there were. What runs is left to end.
///
/// # Errors
/// The database's error.
pub async fn cancel_waiting(tx: &mut Tx, org: OrgId, kinds: &[&str]) -> Result<u64, StoreError> {
    let mut cancelled = 0;
    for kind in kinds {
        cancelled += on_tx!(tx, conn => sqlx::query(CANCEL)
            .bind(org.0)
            .bind(*kind)
            .execute(conn)
            .await
            .map(|done| done.rows_affected()))?;
    }
    Ok(cancelled)
}

pub(super) const STATEMENTS: &[(&str, &str)] = &[("queue::cancel::CANCEL", CANCEL)];

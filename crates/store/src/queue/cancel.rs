//! Cancelling what waits: work of an organization that has nothing left to be done with.

use model::OrgId;

use crate::db::Tx;
use crate::error::StoreError;
use crate::scheduled_exports;

/// The kinds that never ask the provider: they go on with what is stored. Whatever kind is not among them is cancelled with
/// the connection.
pub const WITHOUT_PROVIDER: [&str; 4] = ["fan_out", "deliver", "prune", scheduled_exports::KIND];

const CANCEL: &str = "
    DELETE FROM jobs WHERE org_id = $1 AND state = 'waiting' AND kind NOT IN ($2, $3, $4, $5)";

/// Take an organization's waiting jobs that ask the provider off the queue; answers how many there were. What runs is left
/// to end.
///
/// # Errors
/// The database's error.
pub(crate) async fn cancel_asking(tx: &mut Tx, org: OrgId) -> Result<u64, StoreError> {
    let [first, second, third, fourth] = WITHOUT_PROVIDER;
    Ok(on_tx!(tx, conn => sqlx::query(CANCEL)
        .bind(org.0)
        .bind(first)
        .bind(second)
        .bind(third)
        .bind(fourth)
        .execute(conn)
        .await
        .map(|done| done.rows_affected()))?)
}

pub(super) const STATEMENTS: &[(&str, &str)] = &[("queue::cancel::CANCEL", CANCEL)];

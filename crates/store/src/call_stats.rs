//! Calls to the API, counted by hour and outcome: by which a slow decay of the service is told from a bad minute.
//!
//! The outcome is a status (`200`, `404`), `garbled` or `failed`: a closed and small set, so a year of one organization
//! is some ten thousand rows; what is older is pruned.

use model::{Millis, OrgId};

use crate::db::{Db, Tx};
use crate::error::StoreError;

/// Milliseconds of an hour.
const HOUR_MS: i64 = 60 * 60 * 1_000;

/// Calls of one outcome within one hour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallCount {
    /// Whose budget was drawn from.
    pub org: OrgId,
    /// The start of the hour.
    pub hour: Millis,
    /// How the calls ended.
    pub outcome: String,
    /// How many there were.
    pub calls: i64,
}

/// The start of the hour that an instant lies in.
#[must_use]
pub const fn hour_of(at: Millis) -> Millis {
    Millis(at.0 - at.0.rem_euclid(HOUR_MS))
}

bulk! {
    ADD, async fn insert(count: CallCount) = "INSERT INTO call_stats" (
        org_id int = count.org.0,
        hour int = count.hour.0,
        outcome text = count.outcome.as_str(),
        calls int = count.calls,
    ) "ON CONFLICT (org_id, hour, outcome) DO UPDATE SET calls = call_stats.calls + excluded.calls"
}

/// Add to the counts. No two of `counts` may have the same organization, hour and outcome.
///
/// # Errors
/// The database's error.
pub async fn add(tx: &mut Tx, counts: &[CallCount]) -> Result<(), StoreError> {
    insert(tx, counts).await.map(drop)
}

row! {
    struct CountRow {
        hour: i64,
        outcome: String,
        calls: i64,
    }
}

const SINCE: &str = "
    SELECT hour, outcome, calls FROM call_stats WHERE org_id = $1 AND hour >= $2 ORDER BY hour, outcome LIMIT 100000";

/// The counts of an organization from an hour on, at most 100,000, oldest first.
///
/// # Errors
/// The database's error.
pub async fn since(db: &Db, org: OrgId, hour: Millis) -> Result<Vec<CallCount>, StoreError> {
    let rows: Vec<CountRow> =
        on_db!(db, pool => sqlx::query_as(SINCE).bind(org.0).bind(hour.0).fetch_all(pool).await)?;
    let count =
        |row: CountRow| CallCount { org, hour: Millis(row.hour), outcome: row.outcome, calls: row.calls };
    Ok(rows.into_iter().map(count).collect())
}

const PRUNE: &str = "DELETE FROM call_stats WHERE hour < $1";

/// Forget the hours before an instant; answers how many rows went.
///
/// # Errors
/// The database's error.
pub async fn prune(tx: &mut Tx, before: Millis) -> Result<u64, StoreError> {
    Ok(on_tx!(tx, conn => sqlx::query(PRUNE)
        .bind(before.0)
        .execute(conn)
        .await
        .map(|done| done.rows_affected()))?)
}

pub(crate) const STATEMENTS: &[(&str, &str)] = &[("call_stats::SINCE", SINCE), ("call_stats::PRUNE", PRUNE)];

pub(crate) const BULK: &[(&str, &crate::bulk::Texts)] = &[("call_stats::ADD", &ADD)];

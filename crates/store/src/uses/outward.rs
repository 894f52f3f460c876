//! What each grant was used for at Drift: calls and the records they brought, by hour and endpoint.
//!
//! A grant has some twenty endpoints, so a year of hours is at most 200,000 rows; retention keeps fewer.

use model::{ConnectionId, Millis, OrgId};

use super::DAY_MS;
use crate::db::{Db, Tx};
use crate::error::StoreError;

/// Rows answered at once, at most.
const ROWS_MAX: i64 = 100_000;

/// Calls of one grant to one endpoint within one hour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallUse {
    /// Whose grant.
    pub org: OrgId,
    /// Which.
    pub connection: ConnectionId,
    /// The start of the hour.
    pub hour: Millis,
    /// Such as `GET /contacts/{id}`; a closed set.
    pub endpoint: String,
    /// Attempts sent.
    pub calls: i64,
    /// Of them, not answered with a success.
    pub failed: i64,
    /// Records in the answers.
    pub rows: i64,
}

/// When a grant was used last, as far as whoever counts knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastUse {
    /// Whose grant.
    pub org: OrgId,
    /// Which.
    pub connection: ConnectionId,
    /// When.
    pub at: Millis,
}

bulk! {
    ADD, async fn insert(count: CallUse) = "INSERT INTO use_calls" (
        org_id int = count.org.0,
        connection_id text = count.connection.0.as_str(),
        hour int = count.hour.0,
        endpoint text = count.endpoint.as_str(),
        calls int = count.calls,
        failed int = count.failed,
        rows_read int = count.rows,
    ) "ON CONFLICT (org_id, connection_id, hour, endpoint) DO UPDATE
       SET calls = use_calls.calls + excluded.calls, failed = use_calls.failed + excluded.failed,
           rows_read = use_calls.rows_read + excluded.rows_read"
}

const MARK: &str = "
    UPDATE use_connections
    SET quiet_from = CASE WHEN $2 - last_use_at >= $3 THEN last_use_at ELSE quiet_from END,
        woke_at = CASE WHEN $2 - last_use_at >= $3 THEN $2 ELSE woke_at END,
        last_use_at = CASE WHEN $2 > last_use_at THEN $2 ELSE last_use_at END
    WHERE connection_id = $1";

/// Add to the counts, and note when each grant was used last; one that was quiet for a day or more has then woken. No two
/// of `counts` may have the same grant, hour and endpoint.
///
/// # Errors
/// The database's error.
pub async fn add(tx: &mut Tx, counts: &[CallUse], last: &[LastUse]) -> Result<(), StoreError> {
    insert(tx, counts).await?;
    watch(tx, last).await?;
    for one in last {
        on_tx!(tx, conn => sqlx::query(MARK)
            .bind(&one.connection.0)
            .bind(one.at.0)
            .bind(DAY_MS)
            .execute(conn)
            .await
            .map(drop))?;
    }
    Ok(())
}

bulk! {
    /// Watch these grants from this instant on, those that are not watched yet.
    WATCH, pub async fn watch(one: LastUse) = "INSERT INTO use_connections" (
        connection_id text = one.connection.0.as_str(),
        org_id int = one.org.0,
        since int = one.at.0,
        last_use_at int = one.at.0,
    ) "ON CONFLICT (connection_id) DO NOTHING"
}

/// How a grant is watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watched {
    /// Which.
    pub connection: ConnectionId,
    /// Whose.
    pub org: OrgId,
    /// Since when it is watched.
    pub since: Millis,
    /// When it was last used; `since` when it never was.
    pub last_use_at: Millis,
    /// The last use before it last woke.
    pub quiet_from: Option<Millis>,
    /// When it last woke from a day without use or more.
    pub woke_at: Option<Millis>,
}

row! {
    struct WatchedRow {
        connection_id: String,
        org_id: i64,
        since: i64,
        last_use_at: i64,
        quiet_from: Option<i64>,
        woke_at: Option<i64>,
    }
}

impl From<WatchedRow> for Watched {
    fn from(row: WatchedRow) -> Self {
        Self {
            connection: ConnectionId(row.connection_id),
            org: OrgId(row.org_id),
            since: Millis(row.since),
            last_use_at: Millis(row.last_use_at),
            quiet_from: row.quiet_from.map(Millis),
            woke_at: row.woke_at.map(Millis),
        }
    }
}

const WOKEN: &str = "
    SELECT connection_id, org_id, since, last_use_at, quiet_from, woke_at FROM use_connections
    WHERE woke_at >= $1 ORDER BY connection_id LIMIT 1000";

/// The grants that woke at this instant or later; at most 1,000.
///
/// # Errors
/// The database's error.
pub async fn woken(db: &Db, since: Millis) -> Result<Vec<Watched>, StoreError> {
    let rows: Vec<WatchedRow> =
        on_db!(db, pool => sqlx::query_as(WOKEN).bind(since.0).fetch_all(pool).await)?;
    Ok(rows.into_iter().map(Watched::from).collect())
}

const WATCHED: &str = "
    SELECT connection_id, org_id, since, last_use_at, quiet_from, woke_at FROM use_connections
    WHERE $1 = 0 OR org_id = $1 ORDER BY connection_id LIMIT 10000";

/// The grants that are watched, of one organization or all; at most 10,000.
///
/// # Errors
/// The database's error.
pub async fn watched(db: &Db, org: Option<OrgId>) -> Result<Vec<Watched>, StoreError> {
    let org = org.map_or(0, |org| org.0);
    let rows: Vec<WatchedRow> = on_db!(db, pool => sqlx::query_as(WATCHED).bind(org).fetch_all(pool).await)?;
    Ok(rows.into_iter().map(Watched::from).collect())
}

/// What a grant did in a stretch of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Total {
    /// Whose grant.
    pub org: OrgId,
    /// Which.
    pub connection: ConnectionId,
    /// Attempts sent.
    pub calls: i64,
    /// Records in the answers.
    pub rows: i64,
}

row! {
    struct TotalRow {
        org_id: i64,
        connection_id: String,
        calls: i64,
        rows_read: i64,
    }
}

impl From<TotalRow> for Total {
    fn from(row: TotalRow) -> Self {
        let (org, connection) = (OrgId(row.org_id), ConnectionId(row.connection_id));
        Self { org, connection, calls: row.calls, rows: row.rows_read }
    }
}

const SINCE: &str = "
    SELECT org_id, connection_id, CAST(SUM(calls) AS BIGINT) AS calls, CAST(SUM(rows_read) AS BIGINT) AS rows_read
    FROM use_calls WHERE hour >= $1 GROUP BY org_id, connection_id ORDER BY org_id, connection_id LIMIT $2";

/// What every grant did since an hour.
///
/// # Errors
/// The database's error.
pub async fn since(db: &Db, hour: Millis) -> Result<Vec<Total>, StoreError> {
    let rows: Vec<TotalRow> =
        on_db!(db, pool => sqlx::query_as(SINCE).bind(hour.0).bind(ROWS_MAX).fetch_all(pool).await)?;
    Ok(rows.into_iter().map(Total::from).collect())
}

const DAYS: &str = "
    SELECT org_id, connection_id, CAST(SUM(calls) AS BIGINT) AS calls, CAST(SUM(rows_read) AS BIGINT) AS rows_read
    FROM use_calls WHERE org_id = $1 AND connection_id = $2 AND hour >= $3 AND hour < $4
    GROUP BY org_id, connection_id, hour - hour % 86400000 LIMIT 1000";

/// What a grant did on each day of `from..to` on which it was used, in no order.
///
/// # Errors
/// The database's error.
pub async fn days(db: &Db, of: &Total, from: Millis, to: Millis) -> Result<Vec<Total>, StoreError> {
    let rows: Vec<TotalRow> = on_db!(db, pool => sqlx::query_as(DAYS)
        .bind(of.org.0)
        .bind(&of.connection.0)
        .bind(from.0)
        .bind(to.0)
        .fetch_all(pool)
        .await)?;
    Ok(rows.into_iter().map(Total::from).collect())
}

row! {
    struct EndpointRow {
        org_id: i64,
        connection_id: String,
        hour: i64,
        endpoint: String,
        calls: i64,
        failed: i64,
        rows_read: i64,
    }
}

const BY_ENDPOINT: &str = "
    SELECT org_id, connection_id, MAX(hour) AS hour, endpoint, CAST(SUM(calls) AS BIGINT) AS calls,
           CAST(SUM(failed) AS BIGINT) AS failed, CAST(SUM(rows_read) AS BIGINT) AS rows_read
    FROM use_calls WHERE ($1 = 0 OR org_id = $1) AND hour >= $2 AND hour < $3
    GROUP BY org_id, connection_id, endpoint ORDER BY org_id, connection_id, endpoint LIMIT $4";

/// What was called in the hours of `from..to`, summed by grant and endpoint; `hour` is the last of them.
///
/// # Errors
/// The database's error.
pub async fn by_endpoint(
    db: &Db,
    org: Option<OrgId>,
    (from, to): (Millis, Millis),
) -> Result<Vec<CallUse>, StoreError> {
    let rows: Vec<EndpointRow> = on_db!(db, pool => sqlx::query_as(BY_ENDPOINT)
        .bind(org.map_or(0, |org| org.0))
        .bind(from.0)
        .bind(to.0)
        .bind(ROWS_MAX)
        .fetch_all(pool)
        .await)?;
    let one = |row: EndpointRow| CallUse {
        org: OrgId(row.org_id),
        connection: ConnectionId(row.connection_id),
        hour: Millis(row.hour),
        endpoint: row.endpoint,
        calls: row.calls,
        failed: row.failed,
        rows: row.rows_read,
    };
    Ok(rows.into_iter().map(one).collect())
}

const PRUNE: &str = "DELETE FROM use_calls WHERE hour < $1";

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

pub(crate) const STATEMENTS: &[(&str, &str)] = &[
    ("uses::outward::MARK", MARK),
    ("uses::outward::WOKEN", WOKEN),
    ("uses::outward::WATCHED", WATCHED),
    ("uses::outward::SINCE", SINCE),
    ("uses::outward::DAYS", DAYS),
    ("uses::outward::BY_ENDPOINT", BY_ENDPOINT),
    ("uses::outward::PRUNE", PRUNE),
];

pub(crate) const BULK: &[(&str, &crate::bulk::Texts)] =
    &[("uses::outward::ADD", &ADD), ("uses::outward::WATCH", &WATCH)];

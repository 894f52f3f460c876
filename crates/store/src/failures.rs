//! Failures: what could not be fetched or stored, why, and how often it was tried; cleared when it succeeds.

use model::{Millis, OrgId};

use crate::db::{Db, Tx};
use crate::error::StoreError;

row! {
    struct FailureRow {
        kind: String,
        key: String,
        class: String,
        reason: String,
        attempts: i64,
        first_at: i64,
        last_at: i64,
    }
}

/// One thing that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What kind of thing, such as `messages`.
    pub kind: String,
    /// Which one, such as a conversation's id.
    pub key: String,
    /// The error's class, such as `scope`.
    pub class: String,
    /// The last reason, without personal data.
    pub reason: String,
    /// How often it failed.
    pub attempts: i64,
    /// When it first failed.
    pub first_at: Millis,
    /// When it last failed.
    pub last_at: Millis,
}

const RECORD: &str = "
    INSERT INTO failures (org_id, kind, key, class, reason, attempts, first_at, last_at)
    VALUES ($1, $2, $3, $4, $5, 1, $6, $6)
    ON CONFLICT (org_id, kind, key) DO UPDATE
    SET class = excluded.class, reason = excluded.reason, attempts = failures.attempts + 1, last_at = excluded.last_at";

/// Note that the thing `key` of a `kind` failed, with the error's class and a reason that holds no personal data.
/// The same thing failing again counts up.
///
/// # Errors
/// The database's error.
pub async fn record(
    tx: &mut Tx,
    org: OrgId,
    kind: &str,
    key: &str,
    class: &str,
    reason: &str,
    now: Millis,
) -> Result<(), StoreError> {
    on_tx!(tx, conn => sqlx::query(RECORD)
        .bind(org.0)
        .bind(kind)
        .bind(key)
        .bind(class)
        .bind(reason)
        .bind(now.0)
        .execute(conn)
        .await
        .map(drop))?;
    Ok(())
}

const CLEAR: &str = "DELETE FROM failures WHERE org_id = $1 AND kind = $2 AND key = $3";

/// Forget a failure, because the thing has succeeded; answers whether there was one.
///
/// # Errors
/// The database's error.
pub async fn clear(tx: &mut Tx, org: OrgId, kind: &str, key: &str) -> Result<bool, StoreError> {
    let cleared = on_tx!(tx, conn => sqlx::query(CLEAR)
        .bind(org.0)
        .bind(kind)
        .bind(key)
        .execute(conn)
        .await
        .map(|done| done.rows_affected()))?;
    Ok(cleared > 0)
}

const LIST: &str = "
    SELECT kind, key, class, reason, attempts, first_at, last_at FROM failures
    WHERE org_id = $1 AND ($2 = '' OR kind = $2) ORDER BY kind, key LIMIT $3";

/// An organization's failures, of one kind or all, in the order of kind and key.
///
/// # Errors
/// The database's error.
pub async fn list(db: &Db, org: OrgId, kind: Option<&str>, limit: u32) -> Result<Vec<Failure>, StoreError> {
    let rows: Vec<FailureRow> = on_db!(db, pool => sqlx::query_as(LIST)
        .bind(org.0)
        .bind(kind.unwrap_or_default())
        .bind(i64::from(limit))
        .fetch_all(pool)
        .await)?;
    Ok(rows.into_iter().map(Failure::from).collect())
}

const COUNT: &str = "SELECT kind, COUNT(*) FROM failures WHERE org_id = $1 GROUP BY kind ORDER BY kind";

/// How many failures there are of each kind.
///
/// # Errors
/// The database's error.
pub async fn count(db: &Db, org: OrgId) -> Result<Vec<(String, i64)>, StoreError> {
    Ok(on_db!(db, pool => sqlx::query_as(COUNT).bind(org.0).fetch_all(pool).await)?)
}

impl From<FailureRow> for Failure {
    fn from(row: FailureRow) -> Self {
        Self {
            kind: row.kind,
            key: row.key,
            class: row.class,
            reason: row.reason,
            attempts: row.attempts,
            first_at: Millis(row.first_at),
            last_at: Millis(row.last_at),
        }
    }
}

pub(crate) const STATEMENTS: &[(&str, &str)] = &[
    ("failures::RECORD", RECORD),
    ("failures::CLEAR", CLEAR),
    ("failures::LIST", LIST),
    ("failures::COUNT", COUNT),
];

//! Schedules: which kinds of job an organization gets from time to time, and when next; of some kinds several, by a key.
//!
//! Only times are kept here. What a cron expression means is the scheduler's to know; it moves `next_at` in the
//! transaction that enqueues the job, and only if nobody else has: of several nodes one enqueues.

use model::{Millis, OrgId};

use crate::db::{Db, Tx};
use crate::error::StoreError;
use crate::scheduled_exports;

/// Schedules that are looked at in one step.
const DUE_MAX: i64 = 1_000;

row! {
    struct ScheduleRow {
        org_id: i64,
        kind: String,
        key: String,
        cron: String,
        time_zone: String,
        next_at: i64,
        last_at: Option<i64>,
    }
}

/// When an organization gets a job of a kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// The organization.
    pub org: OrgId,
    /// The kind of job.
    pub kind: String,
    /// Which of several of the kind; empty where there is one.
    pub key: String,
    /// The cron expression.
    pub cron: String,
    /// The time zone it is meant in, by its IANA name.
    pub time_zone: String,
    /// When next.
    pub next_at: Millis,
    /// When it was enqueued last.
    pub last_at: Option<Millis>,
}

/// The payload of a job that a schedule makes: which of several of its kind it is, where there are several.
#[must_use]
pub fn payload(key: &str) -> String {
    if key.is_empty() { "{}".to_owned() } else { serde_json::json!({ "key": key }).to_string() }
}

const SET: &str = "
    INSERT INTO schedules (org_id, kind, key, cron, time_zone, next_at) VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (org_id, kind, key) DO UPDATE
    SET cron = excluded.cron, time_zone = excluded.time_zone, next_at = excluded.next_at
    WHERE schedules.cron <> excluded.cron OR schedules.time_zone <> excluded.time_zone";

/// Set a schedule; one that is set already in the same words keeps its times.
///
/// # Errors
/// The database's error.
pub async fn set(tx: &mut Tx, schedule: &Schedule) -> Result<(), StoreError> {
    on_tx!(tx, conn => sqlx::query(SET)
        .bind(schedule.org.0)
        .bind(&schedule.kind)
        .bind(&schedule.key)
        .bind(&schedule.cron)
        .bind(&schedule.time_zone)
        .bind(schedule.next_at.0)
        .execute(conn)
        .await
        .map(drop))?;
    Ok(())
}

const IS_SET: &str = "SELECT COUNT(*) FROM schedules WHERE org_id = $1 AND kind = $2";

/// Whether an organization has a schedule for a kind.
///
/// # Errors
/// The database's error.
pub async fn is_set(tx: &mut Tx, org: OrgId, kind: &str) -> Result<bool, StoreError> {
    let count: i64 =
        on_tx!(tx, conn => sqlx::query_scalar(IS_SET).bind(org.0).bind(kind).fetch_one(conn).await)?;
    Ok(count > 0)
}

const REMOVE: &str = "DELETE FROM schedules WHERE org_id = $1 AND kind = $2 AND key = $3";

/// Remove a schedule, if it is there.
///
/// # Errors
/// The database's error.
pub async fn remove(tx: &mut Tx, org: OrgId, (kind, key): (&str, &str)) -> Result<(), StoreError> {
    on_tx!(tx, conn => sqlx::query(REMOVE).bind(org.0).bind(kind).bind(key).execute(conn).await.map(drop))?;
    Ok(())
}

const REMOVE_ASKING: &str = "DELETE FROM schedules WHERE org_id = $1 AND kind <> $2";

/// Remove every schedule of an organization but those of exports, which go on with what is stored.
///
/// # Errors
/// The database's error.
pub(crate) async fn remove_asking(tx: &mut Tx, org: OrgId) -> Result<(), StoreError> {
    let exports = scheduled_exports::KIND;
    on_tx!(tx, conn => sqlx::query(REMOVE_ASKING).bind(org.0).bind(exports).execute(conn).await.map(drop))?;
    Ok(())
}

const DUE: &str = "
    SELECT org_id, kind, key, cron, time_zone, next_at, last_at FROM schedules
    WHERE next_at <= $1 ORDER BY next_at, org_id, kind, key LIMIT $2";

/// The schedules whose time has come, at most a thousand.
///
/// # Errors
/// The database's error.
pub async fn due(db: &Db, now: Millis) -> Result<Vec<Schedule>, StoreError> {
    let rows: Vec<ScheduleRow> =
        on_db!(db, pool => sqlx::query_as(DUE).bind(now.0).bind(DUE_MAX).fetch_all(pool).await)?;
    Ok(rows.into_iter().map(Schedule::from).collect())
}

const NEXT: &str = "SELECT MIN(next_at) FROM schedules";

/// When the next schedule's time comes.
///
/// # Errors
/// The database's error.
pub async fn next(db: &Db) -> Result<Option<Millis>, StoreError> {
    let next: Option<i64> = on_db!(db, pool => sqlx::query_scalar(NEXT).fetch_one(pool).await)?;
    Ok(next.map(Millis))
}

const LIST: &str = "
    SELECT org_id, kind, key, cron, time_zone, next_at, last_at FROM schedules
    WHERE org_id = $1 ORDER BY kind, key";

/// An organization's schedules.
///
/// # Errors
/// The database's error.
pub async fn list(db: &Db, org: OrgId) -> Result<Vec<Schedule>, StoreError> {
    let rows: Vec<ScheduleRow> = on_db!(db, pool => sqlx::query_as(LIST).bind(org.0).fetch_all(pool).await)?;
    Ok(rows.into_iter().map(Schedule::from).collect())
}

const ADVANCE: &str = "
    UPDATE schedules SET next_at = $4, last_at = $5
    WHERE org_id = $1 AND kind = $2 AND next_at = $3 AND key = $6";

/// Move a schedule that was due on to `next_at`; answers whether it was this caller who did.
///
/// # Errors
/// The database's error.
pub async fn advance(tx: &mut Tx, due: &Schedule, next_at: Millis, now: Millis) -> Result<bool, StoreError> {
    let changed = on_tx!(tx, conn => sqlx::query(ADVANCE)
        .bind(due.org.0)
        .bind(&due.kind)
        .bind(due.next_at.0)
        .bind(next_at.0)
        .bind(now.0)
        .bind(&due.key)
        .execute(conn)
        .await
        .map(|done| done.rows_affected()))?;
    Ok(changed == 1)
}

impl From<ScheduleRow> for Schedule {
    fn from(row: ScheduleRow) -> Self {
        Self {
            org: OrgId(row.org_id),
            kind: row.kind,
            key: row.key,
            cron: row.cron,
            time_zone: row.time_zone,
            next_at: Millis(row.next_at),
            last_at: row.last_at.map(Millis),
        }
    }
}

pub(crate) const STATEMENTS: &[(&str, &str)] = &[
    ("schedules::SET", SET),
    ("schedules::IS_SET", IS_SET),
    ("schedules::REMOVE", REMOVE),
    ("schedules::REMOVE_ASKING", REMOVE_ASKING),
    ("schedules::DUE", DUE),
    ("schedules::NEXT", NEXT),
    ("schedules::LIST", LIST),
    ("schedules::ADVANCE", ADVANCE),
];

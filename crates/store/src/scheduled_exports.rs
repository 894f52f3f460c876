//! Exports that come from time to time: what is asked of each run, by a name that a person gave.
//!
//! When they come is a schedule's to say, set and removed in the same transaction; what came of them stands in `export_runs`. No
//! secret is kept here: credentials are found when a run begins, where the machine has them.

use model::{Clock, Entropy, JobId, Millis, OrgId};

use crate::db::{Db, Tx};
use crate::error::StoreError;
use crate::queue::{self, NewJob, priority};
use crate::schedules;

/// The kind of job that makes them, and of their schedules.
pub const KIND: &str = "export";
/// An organization has no more of them.
pub const SCHEDULED_MAX: u32 = 100;
/// A name is no longer than this, in bytes.
pub const NAME_BYTES_MAX: usize = 64;

row! {
    struct ScheduledRow {
        org_id: i64,
        name: String,
        destination: String,
        format: String,
        options: String,
        endpoint: Option<String>,
        password_file: Option<String>,
        keep_months: Option<i64>,
        created_at: i64,
    }
}

/// What is asked of each run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduledExport {
    /// Whose data.
    pub org: OrgId,
    /// Its name: lower-case letters, digits, `-` and `_`.
    pub name: String,
    /// Where to, without secrets.
    pub destination: String,
    /// In which format.
    pub format: String,
    /// The words that its runs are recorded with, as JSON.
    pub options: String,
    /// Where an object store answers that is no provider's own.
    pub endpoint: Option<String>,
    /// A file with a database user's password.
    pub password_file: Option<String>,
    /// How many months of conversations stand at the destination, the running one included; `None`: all.
    pub keep_months: Option<i64>,
    /// When it was set.
    pub created_at: Millis,
}

impl ScheduledExport {
    /// Whether it can be a name.
    #[must_use]
    pub fn is_name(name: &str) -> bool {
        let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
        !name.is_empty() && name.len() <= NAME_BYTES_MAX && name.bytes().all(is_plain)
    }
}

/// Have one made now; a job that waits for it already is the one. Belongs in the transaction of the audit's entry.
///
/// # Errors
/// The database's error.
pub async fn ask(
    tx: &mut Tx,
    (org, name): (OrgId, &str),
    clock: &dyn Clock,
    entropy: &dyn Entropy,
) -> Result<(), StoreError> {
    let now = clock.now();
    let job = NewJob {
        job_id: JobId::new(clock, entropy),
        kind: KIND.to_owned(),
        org,
        key: name.to_owned(),
        priority: priority::ASKED,
        due_at: now,
        payload: schedules::payload(name),
        signals: 1,
        trace: None,
    };
    queue::enqueue(tx, &[job], now).await.map(drop)
}

const SET: &str = "
    INSERT INTO scheduled_exports (
        org_id, name, destination, format, options, endpoint, password_file, keep_months, created_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
    ON CONFLICT (org_id, name) DO UPDATE SET destination = excluded.destination, format = excluded.format,
        options = excluded.options, endpoint = excluded.endpoint, password_file = excluded.password_file,
        keep_months = excluded.keep_months, created_at = excluded.created_at";

/// Set one, in place of one of the same name.
///
/// # Errors
/// The database's error.
pub async fn set(tx: &mut Tx, scheduled: &ScheduledExport) -> Result<(), StoreError> {
    Ok(on_tx!(tx, conn => sqlx::query(SET)
        .bind(scheduled.org.0)
        .bind(&scheduled.name)
        .bind(&scheduled.destination)
        .bind(&scheduled.format)
        .bind(&scheduled.options)
        .bind(&scheduled.endpoint)
        .bind(&scheduled.password_file)
        .bind(scheduled.keep_months)
        .bind(scheduled.created_at.0)
        .execute(conn)
        .await
        .map(drop))?)
}

const REMOVE: &str = "DELETE FROM scheduled_exports WHERE org_id = $1 AND name = $2";

/// Remove one; answers whether it was there. What its runs have written stays.
///
/// # Errors
/// The database's error.
pub async fn remove(tx: &mut Tx, org: OrgId, name: &str) -> Result<bool, StoreError> {
    let removed = on_tx!(tx, conn => sqlx::query(REMOVE)
        .bind(org.0)
        .bind(name)
        .execute(conn)
        .await
        .map(|done| done.rows_affected()))?;
    Ok(removed > 0)
}

const LIST: &str = "
    SELECT org_id, name, destination, format, options, endpoint, password_file, keep_months, created_at
    FROM scheduled_exports WHERE org_id = $1 ORDER BY name LIMIT $2";

/// Those of an organization, by name.
///
/// # Errors
/// The database's error.
pub async fn list(db: &Db, org: OrgId) -> Result<Vec<ScheduledExport>, StoreError> {
    let rows: Vec<ScheduledRow> = on_db!(db, pool => sqlx::query_as(LIST)
        .bind(org.0)
        .bind(i64::from(SCHEDULED_MAX))
        .fetch_all(pool)
        .await)?;
    Ok(rows.into_iter().map(ScheduledExport::from).collect())
}

const GET: &str = "
    SELECT org_id, name, destination, format, options, endpoint, password_file, keep_months, created_at
    FROM scheduled_exports WHERE org_id = $1 AND name = $2";

/// The one of this name.
///
/// # Errors
/// The database's error.
pub async fn get(db: &Db, org: OrgId, name: &str) -> Result<Option<ScheduledExport>, StoreError> {
    let row: Option<ScheduledRow> =
        on_db!(db, pool => sqlx::query_as(GET).bind(org.0).bind(name).fetch_optional(pool).await)?;
    Ok(row.map(ScheduledExport::from))
}

impl From<ScheduledRow> for ScheduledExport {
    fn from(row: ScheduledRow) -> Self {
        Self {
            org: OrgId(row.org_id),
            name: row.name,
            destination: row.destination,
            format: row.format,
            options: row.options,
            endpoint: row.endpoint,
            password_file: row.password_file,
            keep_months: row.keep_months,
            created_at: Millis(row.created_at),
        }
    }
}

pub(crate) const STATEMENTS: &[(&str, &str)] = &[
    ("scheduled_exports::SET", SET),
    ("scheduled_exports::REMOVE", REMOVE),
    ("scheduled_exports::LIST", LIST),
    ("scheduled_exports::GET", GET),
];

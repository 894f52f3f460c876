//! Alarms of unusual use: each once for its cause, with its notice and its entry in the audit log in one transaction.

use model::{Millis, OrgId};

use crate::audit::{self, Action, NewEntry, Object, ObjectKind, Who};
use crate::db::{Db, Tx};
use crate::error::StoreError;
use crate::notices::{self, NewNotice};

/// The kind of the notices; their subject is the alarm's kind, a slash, and what it is about.
pub const NOTICE: &str = "use";
/// Alarms listed at once, at most.
const LIST_MAX: i64 = 10_000;

/// What was unusual.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AlarmKind {
    /// A grant was used that nobody had used for long.
    Dormancy,
    /// A grant was used far more than on other days.
    Volume,
    /// A caller asked what there is, how much, read a few, then many.
    Pattern,
    /// A caller came from a network or with a program that it had not come with before.
    NewClient,
}

impl AlarmKind {
    /// The word it goes by: in the table, the audit log, the metric.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Dormancy => "dormancy",
            Self::Volume => "volume",
            Self::Pattern => "pattern",
            Self::NewClient => "new_client",
        }
    }
}

/// An alarm to be raised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAlarm {
    /// Whose data or grant.
    pub org: OrgId,
    /// What was unusual.
    pub kind: AlarmKind,
    /// About what: a connection, a user, a key.
    pub object_kind: ObjectKind,
    /// Which.
    pub object_id: String,
    /// What makes this cause another than the last one about the same: a day, an instant, a client.
    pub cause: String,
    /// Calls, requests or records, where they can be counted.
    pub amount: Option<i64>,
    /// What a person should know and do; without personal data.
    pub message: String,
}

impl NewAlarm {
    /// The subject of its notice.
    #[must_use]
    pub fn subject(&self) -> String {
        format!("{}/{}", self.kind.as_str(), self.object_id)
    }

    fn key(&self) -> String {
        let (kind, object) = (self.kind.as_str(), self.object_kind.as_str());
        format!("{kind}/{}/{object}/{}/{}", self.org, self.object_id, self.cause)
    }
}

const RAISE: &str = "
    INSERT INTO use_alarms (cause, org_id, kind, object_kind, object_id, at, amount, message)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
    ON CONFLICT (cause) DO NOTHING";

/// Raise an alarm, unless it was raised for this cause before; answers whether it is new. With it go a notice, which stands
/// until somebody acknowledges it, and an entry in the audit log.
///
/// # Errors
/// The database's error.
pub async fn raise(tx: &mut Tx, alarm: &NewAlarm, now: Millis) -> Result<bool, StoreError> {
    let new = on_tx!(tx, conn => sqlx::query(RAISE)
        .bind(alarm.key())
        .bind(alarm.org.0)
        .bind(alarm.kind.as_str())
        .bind(alarm.object_kind.as_str())
        .bind(&alarm.object_id)
        .bind(now.0)
        .bind(alarm.amount)
        .bind(&alarm.message)
        .execute(conn)
        .await
        .map(|done| done.rows_affected()))?;
    if new == 0 {
        return Ok(false);
    }
    let subject = alarm.subject();
    let notice = NewNotice { org: alarm.org, kind: NOTICE, subject: &subject, message: &alarm.message };
    notices::raise(tx, &notice, now).await?;
    let who = Who::node();
    let object = Object::new(alarm.object_kind, alarm.object_id.as_str());
    let entry = NewEntry::done(now, &who, Action::AlarmRaise, object).org(alarm.org);
    let entry = NewEntry { amount: alarm.amount, ..entry.because(alarm.kind.as_str()) };
    audit::append(tx, &entry).map(|()| true)
}

/// An alarm that was raised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alarm {
    /// Whose data or grant.
    pub org: OrgId,
    /// What was unusual ([`AlarmKind`]).
    pub kind: String,
    /// About what.
    pub object_kind: String,
    /// Which.
    pub object_id: String,
    /// When it was raised.
    pub at: Millis,
    /// Calls, requests or records.
    pub amount: Option<i64>,
    /// What a person should know.
    pub message: String,
}

row! {
    struct AlarmRow {
        org_id: i64,
        kind: String,
        object_kind: String,
        object_id: String,
        at: i64,
        amount: Option<i64>,
        message: String,
    }
}

const LIST: &str = "
    SELECT org_id, kind, object_kind, object_id, at, amount, message FROM use_alarms
    WHERE ($1 = 0 OR org_id = $1) AND at >= $2 AND at < $3 ORDER BY at, cause LIMIT $4";

/// The alarms of `from..to`, of one organization or all, the oldest first; at most 10,000.
///
/// # Errors
/// The database's error.
pub async fn list(
    db: &Db,
    org: Option<OrgId>,
    (from, to): (Millis, Millis),
) -> Result<Vec<Alarm>, StoreError> {
    let rows: Vec<AlarmRow> = on_db!(db, pool => sqlx::query_as(LIST)
        .bind(org.map_or(0, |org| org.0))
        .bind(from.0)
        .bind(to.0)
        .bind(LIST_MAX)
        .fetch_all(pool)
        .await)?;
    let one = |row: AlarmRow| Alarm {
        org: OrgId(row.org_id),
        kind: row.kind,
        object_kind: row.object_kind,
        object_id: row.object_id,
        at: Millis(row.at),
        amount: row.amount,
        message: row.message,
    };
    Ok(rows.into_iter().map(one).collect())
}

const PRUNE: &str = "DELETE FROM use_alarms WHERE at < $1";

/// Forget alarms that were raised before an instant: choose one before which no cause can come again.
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

pub(crate) const STATEMENTS: &[(&str, &str)] =
    &[("uses::alarms::RAISE", RAISE), ("uses::alarms::LIST", LIST), ("uses::alarms::PRUNE", PRUNE)];

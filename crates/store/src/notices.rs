//! Notices: what a person should know and perhaps act on, one row for each subject.
//!
//! A notice stands as long as what it says holds: raising it again counts it, dismissing it removes it. Texts are
//! without personal data, for notices are shown and sent on.

use model::{Millis, OrgId};

use crate::audit::{self, Action, NewEntry, Object, ObjectKind, Who};
use crate::db::{Db, Tx};
use crate::error::StoreError;

/// The kind of notices about connections that the provider no longer takes.
pub const OF_CONNECTION: &str = "connection";

/// The kind of notices about connections that nobody uses; the subject is the connection.
pub const OF_UNUSED: &str = "unused";

/// Something to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewNotice<'a> {
    /// Whom it concerns.
    pub org: OrgId,
    /// What kind of thing, such as `connection` or `vendor`.
    pub kind: &'a str,
    /// What of that kind, such as `revoked`.
    pub subject: &'a str,
    /// What a person should know, and what can be done about it.
    pub message: &'a str,
}

/// A notice that stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Whom it concerns.
    pub org: OrgId,
    /// What kind of thing.
    pub kind: String,
    /// What of that kind.
    pub subject: String,
    /// What a person should know.
    pub message: String,
    /// When it was first raised.
    pub first_at: Millis,
    /// When it was last raised.
    pub last_at: Millis,
    /// How often it was raised.
    pub times: i64,
}

row! {
    struct NoticeRow {
        org_id: i64,
        kind: String,
        subject: String,
        message: String,
        first_at: i64,
        last_at: i64,
        times: i64,
    }
}

const RAISE: &str = "
    INSERT INTO notices (org_id, kind, subject, message, first_at, last_at, times)
    VALUES ($1, $2, $3, $4, $5, $5, 1)
    ON CONFLICT (org_id, kind, subject) DO UPDATE
    SET message = excluded.message, last_at = excluded.last_at, times = notices.times + 1
    RETURNING times";

/// Raise a notice, or say it anew; answers whether it did not stand before.
///
/// # Errors
/// The database's error.
pub async fn raise(tx: &mut Tx, notice: &NewNotice<'_>, now: Millis) -> Result<bool, StoreError> {
    let times: i64 = on_tx!(tx, conn => sqlx::query_scalar(RAISE)
        .bind(notice.org.0)
        .bind(notice.kind)
        .bind(notice.subject)
        .bind(notice.message)
        .bind(now.0)
        .fetch_one(conn)
        .await)?;
    Ok(times == 1)
}

const DISMISS: &str = "DELETE FROM notices WHERE org_id = $1 AND kind = $2 AND ($3 = '' OR subject = $3)";

/// Take back the notices of a kind, of one subject or all; answers how many stood.
///
/// # Errors
/// The database's error.
pub async fn dismiss(tx: &mut Tx, org: OrgId, kind: &str, subject: Option<&str>) -> Result<u64, StoreError> {
    Ok(on_tx!(tx, conn => sqlx::query(DISMISS)
        .bind(org.0)
        .bind(kind)
        .bind(subject.unwrap_or_default())
        .execute(conn)
        .await
        .map(|done| done.rows_affected()))?)
}

/// Somebody has taken note of what a notice says: it is taken back, and comes again only when it is raised again.
///
/// # Errors
/// [`StoreError::NotFound`] when no such notice stands, or the database's error.
pub async fn acknowledge(
    tx: &mut Tx,
    (org, kind, subject): (OrgId, &str, &str),
    who: &Who,
    now: Millis,
) -> Result<(), StoreError> {
    if subject.is_empty() || dismiss(tx, org, kind, Some(subject)).await? == 0 {
        return Err(StoreError::NotFound { what: "notice" });
    }
    let object = Object::new(ObjectKind::Notice, format!("{kind}/{subject}"));
    audit::append(tx, &NewEntry::done(now, who, Action::NoticeAcknowledge, object).org(org))
}

row! {
    struct CountRow {
        kind: String,
        notices: i64,
    }
}

const COUNTS: &str = "SELECT kind, COUNT(*) AS notices FROM notices GROUP BY kind ORDER BY kind";

/// How many notices of each kind stand.
///
/// # Errors
/// The database's error.
pub async fn counts(db: &Db) -> Result<Vec<(String, i64)>, StoreError> {
    let rows: Vec<CountRow> = on_db!(db, pool => sqlx::query_as(COUNTS).fetch_all(pool).await)?;
    Ok(rows.into_iter().map(|row| (row.kind, row.notices)).collect())
}

const LIST: &str = "
    SELECT org_id, kind, subject, message, first_at, last_at, times FROM notices
    WHERE $1 = 0 OR org_id = $1 ORDER BY org_id, kind, subject LIMIT $2";

/// The notices that stand, of one organization or all, in the order of kind and subject.
///
/// # Errors
/// The database's error.
pub async fn list(db: &Db, org: Option<OrgId>, limit: u32) -> Result<Vec<Notice>, StoreError> {
    let rows: Vec<NoticeRow> = on_db!(db, pool => sqlx::query_as(LIST)
        .bind(org.map_or(0, |org| org.0))
        .bind(i64::from(limit))
        .fetch_all(pool)
        .await)?;
    Ok(rows.into_iter().map(Notice::from).collect())
}

impl From<NoticeRow> for Notice {
    fn from(row: NoticeRow) -> Self {
        Self {
            org: OrgId(row.org_id),
            kind: row.kind,
            subject: row.subject,
            message: row.message,
            first_at: Millis(row.first_at),
            last_at: Millis(row.last_at),
            times: row.times,
        }
    }
}

pub(crate) const STATEMENTS: &[(&str, &str)] = &[
    ("notices::RAISE", RAISE),
    ("notices::DISMISS", DISMISS),
    ("notices::COUNTS", COUNTS),
    ("notices::LIST", LIST),
];

//! Work that waits on purpose: an organization whose connection was revoked, a kind that does harm.
//!
//! Jobs of what is paused stay waiting, keep folding signals, and are not claimed. In the table organization 0 stands for
//! every organization and the empty kind for every kind.

use model::{Millis, OrgId};
use rusqlite::Connection;
use sqlx::PgConnection;

use crate::db::{Db, Tx};
use crate::error::StoreError;
use crate::queue::WITHOUT_PROVIDER;
use crate::wake::Channel;

/// What is paused: `None` stands for all.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scope {
    /// One organization, or all.
    pub org: Option<OrgId>,
    /// One kind of job, or all.
    pub kind: Option<String>,
}

impl Scope {
    /// All work of an organization.
    #[must_use]
    pub const fn org(org: OrgId) -> Self {
        Self { org: Some(org), kind: None }
    }

    fn columns(&self) -> (i64, &str) {
        (self.org.map_or(0, |org| org.0), self.kind.as_deref().unwrap_or_default())
    }
}

row! {
    struct PauseRow {
        org_id: i64,
        kind: String,
        reason: String,
        since: i64,
        until: Option<i64>,
    }
}

/// One pause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pause {
    /// What is paused.
    pub scope: Scope,
    /// Why, for a person.
    pub reason: String,
    /// Since when.
    pub since: Millis,
    /// Until when; `None`: until somebody resumes it.
    pub until: Option<Millis>,
}

const PAUSE: &str = "
    INSERT INTO pauses (org_id, kind, reason, since, until) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (org_id, kind) DO UPDATE SET reason = excluded.reason, until = excluded.until,
        since = CASE WHEN pauses.until <= excluded.since THEN excluded.since ELSE pauses.since END";

/// Pause, or go on pausing for another reason.
///
/// # Errors
/// The database's error.
pub async fn pause(tx: &mut Tx, pause: &Pause) -> Result<(), StoreError> {
    let (org, kind) = pause.scope.columns();
    on_tx!(tx, conn => sqlx::query(PAUSE)
        .bind(org)
        .bind(kind)
        .bind(&pause.reason)
        .bind(pause.since.0)
        .bind(pause.until.map(|until| until.0))
        .execute(conn)
        .await
        .map(drop))?;
    Ok(())
}

/// What the reasons of pauses that a connection caused begin with.
pub const OF_CONNECTION: &str = "connection: ";

const RESUME_OF_CONNECTION: &str = "
    DELETE FROM pauses WHERE org_id = $1 AND kind = '' AND substr(reason, 1, 12) = $2";

/// Let an organization's jobs run again if a connection caused the pause: one that a person set holds on. Answers whether
/// there was such a pause.
///
/// # Errors
/// The database's error.
pub async fn resume_of_connection(tx: &mut Tx, org: OrgId) -> Result<bool, StoreError> {
    let resumed = on_tx!(tx, conn => sqlx::query(RESUME_OF_CONNECTION)
        .bind(org.0)
        .bind(OF_CONNECTION)
        .execute(conn)
        .await
        .map(|done| done.rows_affected()))?;
    if resumed > 0 {
        tx.ring(Channel::Jobs);
    }
    Ok(resumed > 0)
}

const RESUME: &str = "DELETE FROM pauses WHERE org_id = $1 AND kind = $2";

/// End a pause; answers whether there was one. Rings [`Channel::Jobs`].
///
/// # Errors
/// The database's error.
pub async fn resume(tx: &mut Tx, scope: &Scope) -> Result<bool, StoreError> {
    let (org, kind) = scope.columns();
    let ended = on_tx!(tx, conn => sqlx::query(RESUME)
        .bind(org)
        .bind(kind)
        .execute(conn)
        .await
        .map(|done| done.rows_affected()))?;
    tx.ring(Channel::Jobs);
    Ok(ended > 0)
}

const LIST: &str = "
    SELECT org_id, kind, reason, since, until FROM pauses WHERE until IS NULL OR until > $1 ORDER BY org_id, kind";

/// The pauses that hold at `now`.
///
/// # Errors
/// The database's error.
pub async fn list(db: &Db, now: Millis) -> Result<Vec<Pause>, StoreError> {
    let rows: Vec<PauseRow> = on_db!(db, pool => sqlx::query_as(LIST).bind(now.0).fetch_all(pool).await)?;
    Ok(rows.into_iter().map(PauseRow::into_pause).collect())
}

/// The pauses that hold, for a claim.
#[derive(Default)]
pub(crate) struct Pauses(Vec<Pause>);

impl Pauses {
    pub(crate) async fn read_postgres(conn: &mut PgConnection, now: Millis) -> Result<Self, StoreError> {
        let rows: Vec<PauseRow> = sqlx::query_as(LIST).bind(now.0).fetch_all(conn).await?;
        Ok(Self(rows.into_iter().map(PauseRow::into_pause).collect()))
    }

    pub(crate) fn read_sqlite(connection: &Connection, now: Millis) -> Result<Self, StoreError> {
        let mut statement = connection.prepare_cached(LIST)?;
        let rows = statement.query_and_then([now.0], |row| PauseRow::try_from(row))?;
        Ok(Self(rows.map(|row| row.map(PauseRow::into_pause)).collect::<Result<_, _>>()?))
    }

    /// Whether a kind of job of an organization waits. What never asks the provider goes on when the connection is refused.
    pub(crate) fn contains(&self, org: OrgId, kind: &str) -> bool {
        self.0.iter().any(|Pause { scope, reason, .. }| {
            scope.org.is_none_or(|paused| paused == org)
                && scope.kind.as_deref().is_none_or(|paused| paused == kind)
                && !(reason.starts_with(OF_CONNECTION) && WITHOUT_PROVIDER.contains(&kind))
        })
    }
}

impl PauseRow {
    fn into_pause(self) -> Pause {
        let org = (self.org_id != 0).then_some(OrgId(self.org_id));
        let kind = (!self.kind.is_empty()).then_some(self.kind);
        Pause {
            scope: Scope { org, kind },
            reason: self.reason,
            since: Millis(self.since),
            until: self.until.map(Millis),
        }
    }
}

pub(crate) const STATEMENTS: &[(&str, &str)] = &[
    ("pauses::PAUSE", PAUSE),
    ("pauses::RESUME", RESUME),
    ("pauses::RESUME_OF_CONNECTION", RESUME_OF_CONNECTION),
    ("pauses::LIST", LIST),
];

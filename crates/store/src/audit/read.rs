//! Reading the log: by its numbers for checking, by organization and time for people.

use model::{Millis, OrgId};

use super::chain::Hash;
use super::entry::Entry;
use crate::db::Db;
use crate::error::StoreError;

row! {
    struct EntryRow {
        seq: i64,
        at: i64,
        org_id: Option<i64>,
        actor_kind: String,
        actor_id: String,
        role: Option<String>,
        origin: Option<String>,
        action: String,
        object_kind: String,
        object_id: String,
        outcome: String,
        reason: Option<String>,
        amount: Option<i64>,
        hash: Vec<u8>,
    }
}

const PAGE: &str = "
    SELECT seq, at, org_id, actor_kind, actor_id, role, origin, action, object_kind, object_id, outcome, reason,
           amount, hash
    FROM audit_log WHERE seq > $1 ORDER BY seq LIMIT $2";

/// The entries after a number (0 for all), in order.
///
/// # Errors
/// The database's error.
pub async fn page(db: &Db, after_seq: i64, limit: u32) -> Result<Vec<Entry>, StoreError> {
    let rows: Vec<EntryRow> = on_db!(db, pool => sqlx::query_as(PAGE)
        .bind(after_seq)
        .bind(i64::from(limit))
        .fetch_all(pool)
        .await)?;
    Ok(rows.into_iter().map(EntryRow::into_entry).collect())
}

const HEAD: &str = "SELECT seq, hash FROM audit_head WHERE id = 1";

/// The number and the hash of the last entry, as the head tells them; 0 and [`super::GENESIS`] when there is none.
///
/// # Errors
/// [`StoreError::Stored`] when the head is not there or not one this program writes, or the database's error.
pub async fn head(db: &Db) -> Result<(i64, Hash), StoreError> {
    const WHAT: StoreError = StoreError::Stored { what: "head of the audit log" };
    let found: Option<(i64, Vec<u8>)> = on_db!(db, pool => sqlx::query_as(HEAD).fetch_optional(pool).await)?;
    let (seq, hash) = found.ok_or(WHAT)?;
    Ok((seq, hash.try_into().map_err(|_| WHAT)?))
}

const SPAN: &str = "
    SELECT COALESCE(MIN(seq), 0), COALESCE(MAX(seq), 0) FROM audit_log WHERE at >= $1 AND at < $2";

/// The numbers of the first and the last entry of `from..to`; `None` when there is none.
///
/// # Errors
/// The database's error.
pub async fn span(db: &Db, from: Millis, to: Millis) -> Result<Option<(i64, i64)>, StoreError> {
    let found: (i64, i64) =
        on_db!(db, pool => sqlx::query_as(SPAN).bind(from.0).bind(to.0).fetch_one(pool).await)?;
    Ok((found.0 > 0).then_some(found))
}

/// Which entries to list. What is `None` is not asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Filter<'a> {
    /// Of this organization.
    pub org: Option<OrgId>,
    /// From this instant on.
    pub from: Option<Millis>,
    /// Before this instant.
    pub to: Option<Millis>,
    /// Of this action's word.
    pub action: Option<&'a str>,
    /// With a lower number than this one: where the last page ended.
    pub before_seq: Option<i64>,
}

const LIST: &str = "
    SELECT seq, at, org_id, actor_kind, actor_id, role, origin, action, object_kind, object_id, outcome, reason,
           amount, hash
    FROM audit_log
    WHERE (CAST($1 AS BIGINT) IS NULL OR org_id = $1) AND at >= $2 AND at < $3
      AND (CAST($4 AS TEXT) IS NULL OR action = $4) AND seq < $5
    ORDER BY seq DESC LIMIT $6";

/// The entries that fit, newest first.
///
/// # Errors
/// The database's error.
pub async fn list(db: &Db, filter: &Filter<'_>, limit: u32) -> Result<Vec<Entry>, StoreError> {
    let rows: Vec<EntryRow> = on_db!(db, pool => sqlx::query_as(LIST)
        .bind(filter.org.map(|org| org.0))
        .bind(filter.from.map_or(i64::MIN, |from| from.0))
        .bind(filter.to.map_or(i64::MAX, |to| to.0))
        .bind(filter.action)
        .bind(filter.before_seq.unwrap_or(i64::MAX))
        .bind(i64::from(limit))
        .fetch_all(pool)
        .await)?;
    Ok(rows.into_iter().map(EntryRow::into_entry).collect())
}

impl EntryRow {
    fn into_entry(self) -> Entry {
        Entry {
            seq: self.seq,
            at: Millis(self.at),
            org: self.org_id.map(OrgId),
            actor_kind: self.actor_kind,
            actor_id: self.actor_id,
            role: self.role,
            origin: self.origin,
            action: self.action,
            object_kind: self.object_kind,
            object_id: self.object_id,
            outcome: self.outcome,
            reason: self.reason,
            amount: self.amount,
            hash: self.hash,
        }
    }
}

pub(crate) const STATEMENTS: &[(&str, &str)] =
    &[("audit::PAGE", PAGE), ("audit::HEAD", HEAD), ("audit::LIST", LIST), ("audit::SPAN", SPAN)];

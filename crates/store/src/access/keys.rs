//! API keys: what programs show at the door. Each ends by itself, and may be revoked before.

use model::{ApiKeyId, Millis, OrgId, Permission, Role};

use super::memberships;
use super::token::Token;
use crate::db::{Db, Tx};
use crate::error::StoreError;

/// What a key begins with, so that people and scanners of secrets know it.
pub const PREFIX: &str = "lsk_";
/// A key lives for so long at most, in milliseconds: 366 days.
pub const LIFE_MS_MAX: i64 = 366 * 86_400_000;
/// When a key was last used is noted no more often than this, in milliseconds.
const USED_MS: i64 = 60_000;
/// Keys listed at once, at most.
const LIST_MAX: i64 = 1_000;

/// A key, without its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Ours.
    pub key_id: ApiKeyId,
    /// What it is for, as its maker named it.
    pub name: String,
    /// `None`: every organization.
    pub org: Option<OrgId>,
    /// What it is there.
    pub role: Role,
    /// What it may do; none: what its role may.
    pub scopes: Vec<Permission>,
    /// When it was made.
    pub created_at: Millis,
    /// When it ends.
    pub ends_at: Millis,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Millis>,
    /// When it was revoked.
    pub revoked_at: Option<Millis>,
}

const INSERT: &str = "
    INSERT INTO access_keys (key_id, name, hash, org_id, role, scopes, created_at, ends_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";

/// Keep a key that was drawn with [`Token::generate`].
///
/// # Errors
/// The database's error.
pub async fn insert(tx: &mut Tx, new: &ApiKey, token: &Token) -> Result<(), StoreError> {
    let scopes: Vec<&str> = new.scopes.iter().map(|scope| scope.as_str()).collect();
    on_tx!(tx, conn => sqlx::query(INSERT)
        .bind(&new.key_id.0)
        .bind(&new.name)
        .bind(token.hash())
        .bind(memberships::column(new.org))
        .bind(new.role.as_str())
        .bind(scopes.join(" "))
        .bind(new.created_at.0)
        .bind(new.ends_at.0)
        .execute(conn)
        .await
        .map(drop))?;
    Ok(())
}

row! {
    struct KeyRow {
        key_id: String,
        name: String,
        org_id: i64,
        role: String,
        scopes: String,
        created_at: i64,
        ends_at: i64,
        last_used_at: Option<i64>,
        revoked_at: Option<i64>,
    }
}

const FIND: &str = "
    SELECT key_id, name, org_id, role, scopes, created_at, ends_at, last_used_at, revoked_at
    FROM access_keys WHERE hash = $1 AND revoked_at IS NULL AND ends_at > $2";

/// The key of that text, if it is good now.
///
/// # Errors
/// The database's error.
pub async fn find(db: &Db, token: &Token, now: Millis) -> Result<Option<ApiKey>, StoreError> {
    let row: Option<KeyRow> =
        on_db!(db, pool => sqlx::query_as(FIND).bind(token.hash()).bind(now.0).fetch_optional(pool).await)?;
    row.map(ApiKey::try_from).transpose()
}

const LIST: &str = "
    SELECT key_id, name, org_id, role, scopes, created_at, ends_at, last_used_at, revoked_at
    FROM access_keys ORDER BY key_id DESC LIMIT $1";

/// All keys, revoked and ended ones included, the newest first; at most 1,000.
///
/// # Errors
/// The database's error.
pub async fn list(db: &Db) -> Result<Vec<ApiKey>, StoreError> {
    let rows: Vec<KeyRow> = on_db!(db, pool => sqlx::query_as(LIST).bind(LIST_MAX).fetch_all(pool).await)?;
    rows.into_iter().map(ApiKey::try_from).collect()
}

const REVOKE: &str = "UPDATE access_keys SET revoked_at = $2 WHERE key_id = $1 AND revoked_at IS NULL";

/// Revoke a key, at once and for good; answers whether it was good before.
///
/// # Errors
/// The database's error.
pub async fn revoke(tx: &mut Tx, key: &ApiKeyId, now: Millis) -> Result<bool, StoreError> {
    let found = on_tx!(tx, conn => sqlx::query(REVOKE)
        .bind(&key.0)
        .bind(now.0)
        .execute(conn)
        .await
        .map(|done| done.rows_affected()))?;
    Ok(found > 0)
}

/// Whether it is time to note that a key was used.
#[must_use]
pub fn is_used_due(key: &ApiKey, now: Millis) -> bool {
    key.last_used_at.is_none_or(|at| at <= now.plus(-USED_MS))
}

const USED: &str = "UPDATE access_keys SET last_used_at = $2 WHERE key_id = $1";

/// Note that a key was used.
///
/// # Errors
/// The database's error.
pub async fn used(tx: &mut Tx, key: &ApiKeyId, now: Millis) -> Result<(), StoreError> {
    on_tx!(tx, conn => sqlx::query(USED).bind(&key.0).bind(now.0).execute(conn).await.map(drop))?;
    Ok(())
}

impl TryFrom<KeyRow> for ApiKey {
    type Error = StoreError;
    fn try_from(row: KeyRow) -> Result<Self, StoreError> {
        let scopes = row.scopes.split_whitespace().map(str::parse).collect::<Result<_, _>>();
        Ok(Self {
            key_id: ApiKeyId(row.key_id),
            name: row.name,
            org: memberships::org(row.org_id),
            role: row.role.parse().map_err(|_| StoreError::Stored { what: "role" })?,
            scopes: scopes.map_err(|_| StoreError::Stored { what: "permission" })?,
            created_at: Millis(row.created_at),
            ends_at: Millis(row.ends_at),
            last_used_at: row.last_used_at.map(Millis),
            revoked_at: row.revoked_at.map(Millis),
        })
    }
}

pub(crate) const STATEMENTS: &[(&str, &str)] = &[
    ("access::keys::INSERT", INSERT),
    ("access::keys::FIND", FIND),
    ("access::keys::LIST", LIST),
    ("access::keys::REVOKE", REVOKE),
    ("access::keys::USED", USED),
];

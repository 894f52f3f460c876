//! What the vault holds, in numbers: which wrapping keys the database knows, and what hangs on each.

use model::{ConnectionId, Millis};

use crate::db::Db;
use crate::error::StoreError;
use crate::vault::noted::{self, NotedKey};

/// The vault in numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overview {
    /// The wrapping keys that the database has known, the newest first.
    pub keys: Vec<NotedKey>,
    /// Data keys that seal.
    pub data_keys: i64,
    /// Data keys that another took the place of, and that only open.
    pub replaced: i64,
    /// Sealed secrets of connections and endpoints.
    pub secrets: i64,
    /// Of those, the ones that a wrapping key sealed itself, as before there were data keys.
    pub first_format: i64,
}

row! {
    struct Counts {
        data_keys: i64,
        replaced: i64,
        secrets: i64,
        first_format: i64,
    }
}

const COUNTS: &str = "
    SELECT (SELECT COUNT(*) FROM data_keys WHERE replaced_at IS NULL) AS data_keys,
           (SELECT COUNT(*) FROM data_keys WHERE replaced_at IS NOT NULL) AS replaced,
           (SELECT COUNT(*) FROM secrets) AS secrets,
           (SELECT COUNT(*) FROM secrets WHERE data_key_id IS NULL) AS first_format";

/// Count. No key is needed for that.
///
/// # Errors
/// The database's error.
pub async fn overview(db: &Db) -> Result<Overview, StoreError> {
    let keys = noted::all(db).await?;
    let counts: Counts = on_db!(db, pool => sqlx::query_as(COUNTS).fetch_one(pool).await)?;
    let Counts { data_keys, replaced, secrets, first_format } = counts;
    Ok(Overview { keys, data_keys, replaced, secrets, first_format })
}

/// A sealed secret, without what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretState {
    /// What it is to its connection, such as `access_token`.
    pub kind: String,
    /// How often it was saved.
    pub version: i64,
    /// When it was saved last.
    pub saved_at: Millis,
}

row! {
    struct SecretRow {
        kind: String,
        version: i64,
        saved_at: i64,
    }
}

const SECRETS_OF: &str = "
    SELECT kind, version, saved_at FROM secrets WHERE connection_id = $1 ORDER BY kind LIMIT 100";

/// Which secrets of a connection the vault holds. No key is needed for that, and a decoy is not touched by it.
///
/// # Errors
/// The database's error.
pub async fn secrets_of(db: &Db, connection: &ConnectionId) -> Result<Vec<SecretState>, StoreError> {
    let rows: Vec<SecretRow> =
        on_db!(db, pool => sqlx::query_as(SECRETS_OF).bind(&connection.0).fetch_all(pool).await)?;
    let state =
        |row: SecretRow| SecretState { kind: row.kind, version: row.version, saved_at: Millis(row.saved_at) };
    Ok(rows.into_iter().map(state).collect())
}

pub(crate) const STATEMENTS: &[(&str, &str)] =
    &[("overview::COUNTS", COUNTS), ("overview::SECRETS_OF", SECRETS_OF)];

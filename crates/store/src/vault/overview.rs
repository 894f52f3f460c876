//! What the vault holds, in numbers: which wrapping keys the database knows, and what hangs on each.

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

pub(crate) const STATEMENTS: &[(&str, &str)] = &[("overview::COUNTS", COUNTS)];

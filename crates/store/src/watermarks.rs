//! Watermarks: up to which of Drift's instants something has been read.

use model::{Millis, OrgId};

use crate::db::{Db, Tx};
use crate::error::StoreError;

const SET: &str = "
    INSERT INTO watermarks (org_id, name, at) VALUES ($1, $2, $3)
    ON CONFLICT (org_id, name) DO UPDATE SET at = excluded.at";

/// Set a watermark, forward or back.
///
/// # Errors
/// The database's error.
pub async fn set(tx: &mut Tx, org: OrgId, name: &str, at: Millis) -> Result<(), StoreError> {
    on_tx!(tx, conn => sqlx::query(SET).bind(org.0).bind(name).bind(at.0).execute(conn).await.map(drop))?;
    Ok(())
}

const GET: &str = "SELECT at FROM watermarks WHERE org_id = $1 AND name = $2";

/// A watermark, if it was ever set.
///
/// # Errors
/// The database's error.
pub async fn get(db: &Db, org: OrgId, name: &str) -> Result<Option<Millis>, StoreError> {
    let at: Option<i64> =
        on_db!(db, pool => sqlx::query_scalar(GET).bind(org.0).bind(name).fetch_optional(pool).await)?;
    Ok(at.map(Millis))
}

pub(crate) const STATEMENTS: &[(&str, &str)] = &[("watermarks::SET", SET), ("watermarks::GET", GET)];

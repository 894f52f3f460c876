//! Each organization's budgets of calls, drawn from by all nodes: texts that the SDK understands, with versions.
//!
//! A node reads a ledger, continues it, and puts it in the old one's place if that is still of the version read. Each
//! step is one statement that commits by itself: a transaction around them would leave the row locked by a process
//! that was stopped in between, and the other nodes without budget.

use model::{Millis, OrgId};

use crate::db::Db;
use crate::error::StoreError;

row! {
    /// A ledger as it is stored.
    #[derive(Debug, Clone, PartialEq, Eq, Default)]
    pub struct Ledger {
        /// Grows with each replacement; 0 while there is no ledger.
        pub version: i64,
        /// What the nodes know of the budget, in the SDK's words.
        pub ledger: String,
    }
}

const READ: &str = "SELECT version, ledger FROM budgets WHERE org_id = $1 AND lane = $2";

/// A lane's ledger; that of version 0 while there is none.
///
/// # Errors
/// The database's error.
pub async fn read(db: &Db, org: OrgId, lane: &str) -> Result<Ledger, StoreError> {
    let found: Option<Ledger> =
        on_db!(db, pool => sqlx::query_as(READ).bind(org.0).bind(lane).fetch_optional(pool).await)?;
    Ok(found.unwrap_or_default())
}

const REPLACE: &str = "
    INSERT INTO budgets (org_id, lane, version, ledger, changed_at) VALUES ($1, $2, $3 + 1, $4, $5)
    ON CONFLICT (org_id, lane) DO UPDATE
    SET version = excluded.version, ledger = excluded.ledger, changed_at = excluded.changed_at
    WHERE budgets.version = $3";

/// Put a ledger in the place of the one that was read, whose version it carries, and say whether that was still there.
///
/// # Errors
/// The database's error; whether the ledger was replaced is then unknown.
pub async fn replace(db: &Db, org: OrgId, lane: &str, new: &Ledger, now: Millis) -> Result<bool, StoreError> {
    let replaced = on_write!(db, pool => sqlx::query(REPLACE)
        .bind(org.0)
        .bind(lane)
        .bind(new.version)
        .bind(&new.ledger)
        .bind(now.0)
        .execute(pool)
        .await
        .map(|done| done.rows_affected()))?;
    Ok(replaced > 0)
}

pub(crate) const STATEMENTS: &[(&str, &str)] = &[("budgets::READ", READ), ("budgets::REPLACE", REPLACE)];

//! Listings: which conversations a pass over Drift's list has shown, so that what it did *not* show can be asked for.
//!
//! Kept in the store and not in memory, because a pass over a million conversations must survive its process.
//! Written with the page's checkpoint; emptied when the run ends.

use model::{ConversationId, OrgId, RunId};

use crate::db::{Db, Tx};
use crate::error::StoreError;

/// A row to be written.
struct Listed<'a> {
    run: &'a RunId,
    pass: u32,
    conversation: ConversationId,
}

bulk! {
    RECORD, async fn insert(row: Listed<'_>) = "INSERT INTO listings" (
        run_id text = row.run.0.as_str(),
        pass int = i64::from(row.pass),
        conversation_id int = row.conversation.0,
    ) "ON CONFLICT (run_id, pass, conversation_id) DO NOTHING"
}

/// Note that a pass has shown these conversations; repeats are no matter.
///
/// # Errors
/// The database's error.
pub async fn record(tx: &mut Tx, run: &RunId, pass: u32, ids: &[ConversationId]) -> Result<(), StoreError> {
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    ids.dedup();
    let rows: Vec<Listed<'_>> =
        ids.into_iter().map(|conversation| Listed { run, pass, conversation }).collect();
    insert(tx, &rows).await.map(drop)
}

const COUNT: &str = "SELECT COUNT(*) FROM listings WHERE run_id = $1 AND pass = $2";

/// How many distinct conversations a pass has shown.
///
/// # Errors
/// The database's error.
pub async fn count(db: &Db, run: &RunId, pass: u32) -> Result<i64, StoreError> {
    Ok(
        on_db!(db, pool => sqlx::query_scalar(COUNT).bind(&run.0).bind(i64::from(pass)).fetch_one(pool).await)?,
    )
}

/// A set difference and not an anti-join: PostgreSQL has no statistics of a table that has just been filled, and would
/// read all listings again for each conversation.
const UNLISTED: &str = "
    SELECT conversation_id FROM conversations
    WHERE org_id = $1 AND gone_at IS NULL AND conversation_id > $2
    EXCEPT
    SELECT conversation_id FROM listings
    WHERE run_id = $3 AND pass = $4 AND conversation_id > $2
    ORDER BY conversation_id LIMIT $5";

/// Conversations that the mirror holds as live and the pass has not shown, ascending after `after`.
///
/// # Errors
/// The database's error.
pub async fn unlisted(
    db: &Db,
    org: OrgId,
    run: &RunId,
    pass: u32,
    after: Option<ConversationId>,
    limit: u32,
) -> Result<Vec<ConversationId>, StoreError> {
    let after = after.map_or(i64::MIN, |id| id.0);
    let ids: Vec<i64> = on_db!(db, pool => sqlx::query_scalar(UNLISTED)
        .bind(org.0)
        .bind(after)
        .bind(&run.0)
        .bind(i64::from(pass))
        .bind(i64::from(limit))
        .fetch_all(pool)
        .await)?;
    Ok(ids.into_iter().map(ConversationId).collect())
}

const CLEAR: &str = "DELETE FROM listings WHERE run_id = $1";

/// Forget the listings of a run.
///
/// # Errors
/// The database's error.
pub async fn clear(tx: &mut Tx, run: &RunId) -> Result<(), StoreError> {
    on_tx!(tx, conn => sqlx::query(CLEAR).bind(&run.0).execute(conn).await.map(drop))?;
    Ok(())
}

pub(crate) const STATEMENTS: &[(&str, &str)] =
    &[("listings::COUNT", COUNT), ("listings::UNLISTED", UNLISTED), ("listings::CLEAR", CLEAR)];

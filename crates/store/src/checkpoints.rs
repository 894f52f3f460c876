//! Checkpoints: how far a step of a run has come, saved in the transaction of the rows it stands for.

use model::RunId;

use crate::db::{Db, Tx};
use crate::error::StoreError;

row! {
    /// How far one step has come.
    #[derive(Debug, Clone, PartialEq, Eq, Default)]
    pub struct Checkpoint {
        /// Where to go on: an opaque page token or the last key; `None` is the beginning.
        pub token: Option<String>,
        /// Whether the step has ended.
        pub done: bool,
        /// What was counted so far, as JSON in the caller's shape.
        pub counts: String,
    }
}

const SAVE: &str = "
    INSERT INTO checkpoints (run_id, step, token, done, counts) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (run_id, step) DO UPDATE
    SET token = excluded.token, done = excluded.done, counts = excluded.counts";

/// Save a step's checkpoint over its last.
///
/// # Errors
/// The database's error.
pub async fn save(tx: &mut Tx, run: &RunId, step: &str, checkpoint: &Checkpoint) -> Result<(), StoreError> {
    on_tx!(tx, conn => sqlx::query(SAVE)
        .bind(&run.0)
        .bind(step)
        .bind(checkpoint.token.as_deref())
        .bind(checkpoint.done)
        .bind(&checkpoint.counts)
        .execute(conn)
        .await
        .map(drop))?;
    Ok(())
}

const CLEAR: &str = "DELETE FROM checkpoints WHERE run_id = $1";

/// Forget the checkpoints of a run that is over.
///
/// # Errors
/// The database's error.
pub async fn clear(tx: &mut Tx, run: &RunId) -> Result<(), StoreError> {
    on_tx!(tx, conn => sqlx::query(CLEAR).bind(&run.0).execute(conn).await.map(drop))?;
    Ok(())
}

const LOAD: &str = "SELECT token, done, counts FROM checkpoints WHERE run_id = $1 AND step = $2";

/// A step's last checkpoint.
///
/// # Errors
/// The database's error.
pub async fn load(db: &Db, run: &RunId, step: &str) -> Result<Option<Checkpoint>, StoreError> {
    Ok(on_db!(db, pool => sqlx::query_as(LOAD).bind(&run.0).bind(step).fetch_optional(pool).await)?)
}

pub(crate) const STATEMENTS: &[(&str, &str)] =
    &[("checkpoints::SAVE", SAVE), ("checkpoints::CLEAR", CLEAR), ("checkpoints::LOAD", LOAD)];

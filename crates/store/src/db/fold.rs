//! Folding SQLite's log into the file beside the work, so that no commit has to wait for it.
//!
//! The connection that writes would do it in the middle of a commit, whose callers then wait for the disk twice. This task
//! does it on a connection that reads, which never blocks the writer: it copies what is committed so far, and the log
//! starts over when a write finds all of it copied. Under unbroken load that may take a while; the writer's own, much
//! later, threshold bounds the log, and then has little left to copy.

use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::SqlitePool;
use tokio::sync::mpsc;

use crate::error::StoreError;

/// Commits after which the log is folded.
const COMMITS: u32 = 64;
const FOLD: &str = "PRAGMA wal_checkpoint(PASSIVE)";

/// Counts commits, and wakes the task.
#[derive(Debug)]
pub(crate) struct Folding {
    commits: AtomicU32,
    due: mpsc::Sender<()>,
}

/// Fold what is committed so far.
pub(super) async fn now(pool: &SqlitePool) -> Result<(), StoreError> {
    sqlx::query(FOLD).execute(pool).await?;
    Ok(())
}

impl Folding {
    /// Start the task on the present runtime; it ends with this, or with the pool.
    pub(super) fn start(read: SqlitePool) -> Self {
        let (due, mut told) = mpsc::channel(1);
        tokio::spawn(async move {
            while told.recv().await.is_some() && !read.is_closed() {
                // A failure here loses nothing: the writer folds at its own threshold.
                if let Err(error) = now(&read).await {
                    tracing::debug!("Could not fold the log: {error}");
                }
            }
        });
        Self { commits: AtomicU32::new(0), due }
    }

    /// A transaction was committed.
    pub(crate) fn committed(&self) {
        let commits = self.commits.fetch_add(1, Ordering::Relaxed);
        if commits % COMMITS == COMMITS - 1 {
            // One is under way or due already otherwise.
            let _ = self.due.try_send(());
        }
    }
}

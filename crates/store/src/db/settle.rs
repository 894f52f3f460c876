//! Bringing the log to the disk apart from the commit, so that the next can be written meanwhile.
//!
//! A transaction that was committed with the log left to be synced later is read by others before it would survive a loss of
//! power. Only the inbox's way in does that: nothing acknowledges an event before it is settled, and every other commit syncs the
//! log with all that lies before it. What is on the disk is so at any time a beginning of what was committed.
//!
//! SQLite syncs when it commits or not at all, so the log's file is synced here. PostgreSQL flushes its log up to any transaction
//! that waits for that, however small.

use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use sqlx::pool::PoolConnection;
use sqlx::sqlite::SqliteSynchronous;
use sqlx::{PgPool, Sqlite, SqlitePool};

use crate::error::StoreError;

/// How a connection that writes syncs, but for a [`Later`] one.
pub(super) const SYNCHRONOUS: SqliteSynchronous = SqliteSynchronous::Full;
/// Neither is kept prepared: SQLite heeds them when they are prepared, and not when they are run.
const LATER: &str = "PRAGMA synchronous = NORMAL";
const AT_ONCE: &str = "PRAGMA synchronous = FULL";
/// SQLite's own code for it: `SQLITE_IOERR_FSYNC`.
const FSYNC_FAILED: &str = "1034";

/// The connection that writes, while its commits leave the log to [`crate::Db::settle`]. Dropped without [`Later::end`] it is
/// closed, and what was not committed is undone with it.
pub(crate) struct Later {
    pub(crate) connection: PoolConnection<Sqlite>,
    is_ended: bool,
}

impl Later {
    pub(crate) async fn begin(write: &SqlitePool) -> Result<Self, StoreError> {
        let mut later = Self { connection: write.acquire().await?, is_ended: false };
        sqlx::raw_sql(LATER).execute(&mut *later.connection).await?;
        Ok(later)
    }

    /// Give it back as it was.
    pub(crate) async fn end(mut self) -> Result<(), StoreError> {
        sqlx::raw_sql(AT_ONCE).execute(&mut *self.connection).await?;
        self.is_ended = true;
        Ok(())
    }
}

impl Drop for Later {
    fn drop(&mut self) {
        if !self.is_ended {
            self.connection.close_on_drop();
        }
    }
}

/// Nearly nothing, that must be in the log: an empty transaction waits for nothing.
const FLUSH: &str = "SELECT pg_logical_emit_message(TRUE, 'longshore', '')";

/// Have PostgreSQL bring its log to the disk, and wherever else it waits for.
pub(super) async fn flush(pool: &PgPool) -> Result<(), StoreError> {
    sqlx::query(FLUSH).execute(pool).await?;
    Ok(())
}

/// Where SQLite writes the log of the database at `path`: beside the file that links lead to.
pub(super) fn log_of(path: &Path) -> PathBuf {
    let mut log = path.canonicalize().unwrap_or_else(|_| path.to_owned()).into_os_string();
    log.push("-wal");
    log.into()
}

/// Bring the log to the disk; where there is none, because the last connection has folded it, the file.
pub(super) async fn sync(log: &Path, path: &Path) -> Result<(), StoreError> {
    let (log, path) = (log.to_owned(), path.to_owned());
    let syncing = tokio::task::spawn_blocking(move || match File::open(log) {
        Ok(log) => log.sync_data(),
        Err(error) if error.kind() == ErrorKind::NotFound => File::open(path)?.sync_data(),
        Err(error) => Err(error),
    });
    match syncing.await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) if error.kind() == ErrorKind::StorageFull => Err(StoreError::DiskFull),
        Ok(Err(_)) => Err(StoreError::Database { code: Some(FSYNC_FAILED.to_owned()) }),
        Err(_) => Err(StoreError::ConnectionLost),
    }
}

pub(crate) const POSTGRES: &[(&str, &str)] = &[("db::settle::FLUSH", FLUSH)];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::Pools;
    use crate::{DatabaseUrl, Db, OpenOptions};

    async fn open(path: &Path) -> Db {
        Db::open(&DatabaseUrl::file(path.to_owned()), OpenOptions::default()).await.unwrap()
    }

    fn writer(db: &Db) -> &SqlitePool {
        let Pools::Sqlite { write, .. } = &db.pools else { panic!("not a file") };
        write
    }

    /// How the connection syncs: 1 is later, 2 at once.
    async fn synchronous(connection: &mut sqlx::SqliteConnection) -> i64 {
        sqlx::query_scalar("PRAGMA synchronous").fetch_one(connection).await.unwrap()
    }

    #[tokio::test]
    async fn a_connection_syncs_at_once_again_however_it_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        let db = open(&folder.path().join("store.db")).await;
        for _ in 0..2 {
            let mut later = Later::begin(writer(&db)).await.unwrap();
            assert_eq!(synchronous(&mut later.connection).await, 1);
            later.end().await.unwrap();
            assert_eq!(synchronous(&mut writer(&db).acquire().await.unwrap()).await, 2);
        }
        let mut dropped = Later::begin(writer(&db)).await.unwrap();
        sqlx::query("BEGIN IMMEDIATE").execute(&mut *dropped.connection).await.unwrap();
        drop(dropped);
        assert_eq!(synchronous(&mut writer(&db).acquire().await.unwrap()).await, 2);
        db.begin().await.unwrap().commit().await.unwrap();
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn the_log_that_is_settled_is_the_one_that_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("store.db"), folder.path().join("link.db"));
        open(&file).await.close().await;
        std::os::unix::fs::symlink(&file, &link).unwrap();
        let db = open(&link).await;
        let log = log_of(&link);
        db.begin().await.unwrap().commit().await.unwrap();
        sqlx::query("CREATE TABLE one (id INTEGER)").execute(writer(&db)).await.unwrap();
        assert!(log.metadata().unwrap().len() > 0, "{}", log.display());
        db.settle().await.unwrap();
        // Once it is folded for good there is none, and the file is what counts.
        db.close().await;
        assert!(!log.exists());
        db.settle().await.unwrap();
        std::fs::remove_file(&file).unwrap();
        let refused = db.settle().await.unwrap_err();
        assert!(
            matches!(&refused, StoreError::Database { code: Some(code) } if code == FSYNC_FAILED),
            "{refused}"
        );
    }
}

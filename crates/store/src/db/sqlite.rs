//! SQLite: the file, its pragmas, and what its errors at opening mean.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sqlx::ConnectOptions as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use tokio::sync::Semaphore;

use crate::db::bulk::Bulk;
use crate::db::fold::Folding;
use crate::db::settle::{Settling, log_of};
use crate::db::thread::WriteThread;
use crate::db::{OpenOptions, Pools, fold};
use crate::error::StoreError;
use crate::migrate;

/// Bytes in a page: message rows are about half a kilobyte, and a larger page means fewer levels and fewer
/// log frames for rows that arrive in order.
const PAGE_BYTES: u32 = 8_192;
/// Page cache of the write connection, in KiB (negative by SQLite's convention).
const WRITE_CACHE_KIB: &str = "-32768";
/// Page cache of each read connection, in KiB.
const READ_CACHE_KIB: &str = "-4096";
/// Log pages after which the connection that writes folds the log into the file itself: 64 MiB. It is folded beside the
/// work long before ([`super::fold`]).
pub(super) const CHECKPOINT_PAGES: &str = "8192";
/// The log file is cut back to this many bytes once it starts over: 128 MiB. It is more than the log has at that threshold,
/// since cutting it takes long, and a commit waits for it.
pub(super) const LOG_BYTES_MAX: &str = "134217728";
/// Rows of an answer that SQLite's thread may have made before they are taken from it.
const ROWS_AHEAD_MAX: usize = 1_024;
/// Statements kept prepared per connection.
const STATEMENTS_MAX: usize = 256;
/// How long to wait before a busy file is opened again, in milliseconds, and how often. Few: a file that is really
/// locked has been waited for each time.
const BUSY_PAUSE_MS: u64 = 50;
const BUSY_TRIES: u32 = 2;
/// The longest wait for the write connection inside this process, in milliseconds.
const QUEUE_MS_MAX: u64 = 120_000;

pub(super) async fn open(path: &Path, options: OpenOptions) -> Result<Pools, StoreError> {
    check_file(path, options)?;
    let write_options = connect_options(path, options).pragma("cache_size", WRITE_CACHE_KIB);
    let read_options = connect_options(path, options)
        .create_if_missing(false)
        .pragma("cache_size", READ_CACHE_KIB)
        .pragma("query_only", "ON");
    let has_log = log_of(path).metadata().is_ok_and(|log| log.len() > 0);
    let write = open_writer(path, options, &write_options).await?;
    if has_log {
        // Whoever wrote it last may have been killed after the disk refused a part of it, and what is written behind such a part is lost
        // with the power. What is in the file is not.
        fold::now(&write).await?;
    }
    let read = SqlitePoolOptions::new()
        .max_connections(options.connections_max.max(1))
        .acquire_timeout(Duration::from_millis(options.busy_timeout_ms))
        .test_before_acquire(false)
        .connect_lazy_with(read_options);
    let folding = Arc::new(Folding::start(read.clone()));
    let busy_timeout = Duration::from_millis(options.busy_timeout_ms);
    let bulk = Arc::new(Bulk::new(path.to_owned(), busy_timeout));
    let turn = Arc::new(Semaphore::new(1));
    let settling = Arc::new(Settling::start(path));
    let thread = WriteThread::new(
        path.to_owned(),
        busy_timeout,
        Arc::clone(&turn),
        Arc::clone(&folding),
        Arc::clone(&settling),
    );
    let thread = Arc::new(thread);
    Ok(Pools::Sqlite { write, turn, read, bulk, thread, path: path.to_owned(), folding, settling })
}

/// The connection that writes, with the schema up to date. Turning a new file to the write-ahead log answers "busy" at
/// once, whatever the timeout, while another process does the same: that is tried again.
async fn open_writer(
    path: &Path,
    options: OpenOptions,
    connect: &SqliteConnectOptions,
) -> Result<sqlx::SqlitePool, StoreError> {
    let mut tries_left = BUSY_TRIES;
    loop {
        match try_open_writer(options, connect).await {
            Err(StoreError::Locked) if tries_left > 0 => {
                tries_left -= 1;
                let pause = || std::thread::sleep(Duration::from_millis(BUSY_PAUSE_MS));
                let _ = tokio::task::spawn_blocking(pause).await;
            }
            outcome => return outcome.map_err(|error| at_open(error, path)),
        }
    }
}

async fn try_open_writer(
    options: OpenOptions,
    connect: &SqliteConnectOptions,
) -> Result<sqlx::SqlitePool, StoreError> {
    let write = SqlitePoolOptions::new()
        .max_connections(1)
        .acquire_timeout(Duration::from_millis(options.busy_timeout_ms.max(QUEUE_MS_MAX)))
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .connect_with(connect.clone())
        .await?;
    migrate::run_sqlite(&write).await?;
    Ok(write)
}

fn connect_options(path: &Path, options: OpenOptions) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(options.create)
        .busy_timeout(Duration::from_millis(options.busy_timeout_ms))
        .page_size(PAGE_BYTES)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(false)
        .pragma("wal_autocheckpoint", CHECKPOINT_PAGES)
        .pragma("journal_size_limit", LOG_BYTES_MAX)
        .pragma("temp_store", "MEMORY")
        .statement_cache_capacity(STATEMENTS_MAX)
        .row_buffer_size(ROWS_AHEAD_MAX)
        .disable_statement_logging()
}

/// What the file system can say before SQLite is asked, so that the answer names the file.
fn check_file(path: &Path, options: OpenOptions) -> Result<(), StoreError> {
    match std::fs::metadata(path) {
        Ok(found) if found.is_dir() => Err(StoreError::NotADatabase),
        Ok(found) if found.permissions().readonly() => Err(StoreError::ReadOnly),
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            if !options.create {
                Err(StoreError::Missing { path: path.to_owned() })
            } else if folder.is_some_and(|folder| !folder.is_dir()) {
                Err(StoreError::CannotOpen { path: path.to_owned() })
            } else {
                Ok(())
            }
        }
        Err(_) => Err(StoreError::CannotOpen { path: path.to_owned() }),
    }
}

/// SQLite's "cannot open" knows no path; a file that exists but opens only for reading is a read-only one.
fn at_open(error: StoreError, path: &Path) -> StoreError {
    match error {
        StoreError::CannotOpen { .. } => {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            let folder = folder.unwrap_or(Path::new("."));
            match std::fs::metadata(folder) {
                Ok(found) if found.permissions().readonly() => StoreError::ReadOnly,
                _ => StoreError::CannotOpen { path: path.to_owned() },
            }
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use model::record::{Author, Conversation, Message, Snapshot};
    use model::{ConversationId, MessageId, Millis, OrgId, Pii};

    use super::*;
    use crate::{DatabaseUrl, Db, mirror};

    fn snapshot(id: i64) -> Snapshot {
        let message = Message {
            message_id: MessageId(id),
            author: Author { kind: "contact".to_owned(), id: None, bot: false },
            kind: "chat".to_owned(),
            body: Some(Pii::new("long ".repeat(4_000))),
            created_at: None,
            edited_message_id: None,
            edit_type: None,
            attachments: Vec::new(),
            extra: Pii::new("{}".to_owned()),
        };
        let conversation = Conversation {
            conversation_id: ConversationId(id),
            contact_id: None,
            inbox_id: None,
            status: "open".to_owned(),
            created_at: None,
            updated_at: None,
            extra: "{}".to_owned(),
        };
        Snapshot { conversation, details: None, messages: Some(vec![message]), fetched_at: Millis(1) }
    }

    #[tokio::test]
    async fn a_full_disk_is_named_and_leaves_nothing_half_written() {
        let folder = tempfile::tempdir().unwrap();
        let url = DatabaseUrl::file(folder.path().join("full.db"));
        let db = Db::open(&url, OpenOptions::default()).await.unwrap();
        let Pools::Sqlite { write, .. } = &db.pools else { panic!("not a file") };
        let used: i64 = sqlx::query_scalar("PRAGMA page_count").fetch_one(write).await.unwrap();
        let full = sqlx::AssertSqlSafe(format!("PRAGMA max_page_count = {}", used + 30));
        sqlx::query(full).execute(write).await.unwrap();
        let org = OrgId(1);
        let mut tx = db.begin().await.unwrap();
        mirror::apply(&mut tx, org, &[snapshot(1)], Millis(1)).await.unwrap();
        tx.commit().await.unwrap();

        let mut tx = db.begin().await.unwrap();
        let many: Vec<Snapshot> = (2..60).map(snapshot).collect();
        let error = mirror::apply(&mut tx, org, &many, Millis(1)).await.unwrap_err();
        assert!(matches!(error, StoreError::DiskFull), "{error}");
        drop(tx);
        assert_eq!(mirror::counts(&db, org).await.unwrap().conversations, 1);
        assert_eq!(crate::changes::read(&db, org, 0, 10).await.unwrap().len(), 1);
    }
}

//! Bringing SQLite's log to the disk apart from the commit, so that the next can be written meanwhile.
//!
//! A transaction that was committed with the log left to be synced later is read by others before it would survive a loss of
//! power. Only the inbox's way in, the workers' turns and their heartbeats do that: nothing acknowledges an event before it is settled, of
//! the others nobody is told, and every other commit syncs the log with all that lies before it. What is on the disk is so at any time
//! a beginning of what was committed.
//!
//! PostgreSQL needs nothing of this: there, two commits wait for the disk beside each other.

use std::fs::{File, Metadata};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc;

use crate::error::StoreError;

/// How many may bring the log to the disk at once; more wait.
const AT_ONCE_MAX: usize = 3;

/// Where SQLite writes the log of the database at `path`: beside the file that links lead to.
pub(super) fn log_of(path: &Path) -> PathBuf {
    let mut log = path.canonicalize().unwrap_or_else(|_| path.to_owned()).into_os_string();
    log.push("-wal");
    log.into()
}

/// The log, as the disk has it.
///
/// A disk that refuses tells so once to each who has the file open at the time, and to nobody who opens it later. So the log is kept open
/// from the start, a few times: whoever hears of it first, these hear of it too.
#[derive(Debug)]
struct Disk {
    log: PathBuf,
    open: [Mutex<Option<File>>; AT_ONCE_MAX],
    /// Whether the disk has refused what it was given. What comes after is worth nothing then, until the log is read anew as far as it
    /// goes.
    has_refused: AtomicBool,
}

impl Disk {
    fn of(log: PathBuf) -> Self {
        let disk = Self { log, open: Default::default(), has_refused: AtomicBool::new(false) };
        for place in &disk.open {
            // One that is not there yet is opened by who needs it.
            let _ = disk.keep_open(&mut place.lock().unwrap_or_else(PoisonError::into_inner));
        }
        disk
    }

    /// Bring the log to the disk. There is one while anybody has the database open. Blocks.
    fn sync(&self) -> Result<(), StoreError> {
        let mut place = self.free_place();
        let log = self.keep_open(&mut place).map_err(|_| StoreError::DiskRefused)?;
        if let Err(error) = log.sync_data() {
            self.refuse();
            let is_full = error.kind() == ErrorKind::StorageFull;
            return Err(if is_full { StoreError::DiskFull } else { StoreError::DiskRefused });
        }
        if self.has_refused.load(Ordering::SeqCst) { Err(StoreError::DiskRefused) } else { Ok(()) }
    }

    fn free_place(&self) -> MutexGuard<'_, Option<File>> {
        let free = self.open.iter().find_map(|place| place.try_lock().ok());
        free.unwrap_or_else(|| self.open[0].lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The log, opened anew only if it is another file by now.
    fn keep_open<'a>(&self, place: &'a mut Option<File>) -> io::Result<&'a File> {
        let is_same = place
            .as_ref()
            .map(|open| Ok::<bool, io::Error>(are_same(&open.metadata()?, &self.log.metadata()?)))
            .transpose()?;
        if is_same != Some(true) {
            *place = Some(File::open(&self.log)?);
        }
        place.as_ref().ok_or_else(|| ErrorKind::NotFound.into())
    }

    fn refuse(&self) {
        if !self.has_refused.swap(true, Ordering::SeqCst) {
            tracing::error!(
                "The disk has refused what was to be kept. Nothing is acknowledged any more: start the process anew"
            );
        }
    }
}

#[cfg(unix)]
fn are_same(one: &Metadata, other: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;

    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

/// It cannot be told: it is opened each time.
#[cfg(not(unix))]
fn are_same(_: &Metadata, _: &Metadata) -> bool {
    false
}

/// Brings the log to the disk: for who waits for that, and beside the work after commits that nobody waits for to be there, so that the
/// next one that is waited for finds little left to be brought.
#[derive(Debug)]
pub(crate) struct Settling {
    disk: Arc<Disk>,
    due: mpsc::Sender<()>,
}

impl Settling {
    /// Start the task for the database at `path` on the present runtime; it ends with this.
    pub(super) fn start(path: &Path) -> Self {
        let disk = Arc::new(Disk::of(log_of(path)));
        let (due, mut told) = mpsc::channel(1);
        let beside = Arc::clone(&disk);
        tokio::spawn(async move {
            while told.recv().await.is_some() {
                // Nobody was promised anything; whoever waits for the disk after this is told.
                if let Err(error) = sync(&beside).await {
                    tracing::debug!("Could not settle the log: {error}");
                }
            }
        });
        Self { disk, due }
    }

    /// Whether the disk has refused something: nothing is settled any more.
    pub(super) fn has_refused(&self) -> bool {
        self.disk.has_refused.load(Ordering::SeqCst)
    }

    /// What came of writing something. That which was written behind something that the disk has refused is not believed.
    pub(super) fn believe<T>(&self, written: Result<T, StoreError>) -> Result<T, StoreError> {
        if matches!(written, Err(StoreError::DiskRefused)) {
            self.disk.refuse();
        }
        if written.is_ok() && self.has_refused() { Err(StoreError::DiskRefused) } else { written }
    }

    /// Wait until what was committed before is on the disk.
    pub(super) async fn now(&self) -> Result<(), StoreError> {
        sync(&self.disk).await
    }

    /// Something was committed and not synced, and nobody waits.
    pub(crate) fn committed(&self) {
        // If there is no room, it is due already.
        let _ = self.due.try_send(());
    }
}

async fn sync(disk: &Arc<Disk>) -> Result<(), StoreError> {
    let disk = Arc::clone(disk);
    tokio::task::spawn_blocking(move || disk.sync()).await.unwrap_or(Err(StoreError::ConnectionLost))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::{Pools, TxKind};
    use crate::{DatabaseUrl, Db, OpenOptions};

    async fn open(path: &Path) -> Db {
        Db::open(&DatabaseUrl::file(path.to_owned()), OpenOptions::default()).await.unwrap()
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
        let Pools::Sqlite { thread, .. } = &db.pools else { panic!("not a file") };
        let made = thread.run(|connection| Ok(connection.execute("CREATE TABLE one (id INTEGER)", [])?));
        made.await.unwrap();
        assert!(log.metadata().unwrap().len() > 0, "{}", log.display());
        db.settle().await.unwrap();
        // Once it is folded for good there is none.
        db.close().await;
        assert!(!log.exists());
        let refused = db.settle().await.unwrap_err();
        assert!(matches!(refused, StoreError::DiskRefused), "{refused}");
    }

    #[cfg(unix)]
    #[test]
    fn a_disk_that_has_refused_once_is_not_believed_again() {
        let folder = tempfile::tempdir().unwrap();
        let (log, aside) = (folder.path().join("log"), folder.path().join("aside"));
        std::fs::write(&log, "").unwrap();
        let first = Disk::of(log.clone());
        assert!(first.open.iter().all(|place| place.lock().unwrap().is_some()), "it is open from the start");
        first.sync().unwrap();
        std::fs::rename(&log, &aside).unwrap();
        // What is no file cannot be synced.
        std::os::unix::fs::symlink("/dev/null", &log).unwrap();
        let is_refused = |synced| matches!(synced, Err(StoreError::DiskRefused));
        assert!(is_refused(first.sync()));
        std::fs::remove_file(&log).unwrap();
        std::fs::rename(&aside, &log).unwrap();
        assert!(is_refused(first.sync()));
        Disk::of(log).sync().unwrap();
    }

    #[tokio::test]
    async fn what_is_written_behind_what_the_disk_has_refused_is_not_believed() {
        let folder = tempfile::tempdir().unwrap();
        let db = open(&folder.path().join("store.db")).await;
        let Pools::Sqlite { thread, settling, .. } = &db.pools else { panic!("not a file") };
        settling.believe::<()>(Err(StoreError::Locked)).unwrap_err();
        db.begin().await.unwrap().commit().await.unwrap();
        assert!(!db.disk_has_refused());
        settling.believe::<()>(Err(StoreError::DiskRefused)).unwrap_err();
        assert!(db.disk_has_refused());
        for refused in
            [db.begin().await.unwrap().commit().await, thread.run(|_| Ok(())).await, db.settle().await]
        {
            assert!(matches!(refused, Err(StoreError::DiskRefused)), "{refused:?}");
        }
    }

    #[tokio::test]
    async fn only_what_is_settled_apart_is_not_synced_by_its_commit() {
        let folder = tempfile::tempdir().unwrap();
        let db = open(&folder.path().join("store.db")).await;
        let Pools::Sqlite { write, thread, .. } = &db.pools else { panic!("not a file") };
        let ask = |connection: &mut rusqlite::Connection| {
            Ok(connection.query_row("PRAGMA synchronous", [], |row| row.get::<_, i64>(0))?)
        };
        let (later, at_once) = (thread.run(ask).await.unwrap(), 2);
        let others: i64 = sqlx::query_scalar("PRAGMA synchronous").fetch_one(write).await.unwrap();
        assert_eq!((later, others), (1, at_once));
    }

    #[tokio::test]
    async fn what_the_thread_is_given_waits_for_its_turn_and_is_left_when_nobody_waits_for_it() {
        let folder = tempfile::tempdir().unwrap();
        let db = open(&folder.path().join("store.db")).await;
        let Pools::Sqlite { thread, .. } = &db.pools else { panic!("not a file") };
        let mut tx = db.begin().await.unwrap();
        let make = |name: &'static str| {
            thread.run(move |connection| {
                Ok(connection.execute(&format!("CREATE TABLE {name} (id INTEGER)"), [])?)
            })
        };
        // The turn is the transaction's: both wait, and one is given up.
        let (mut first, mut second) = (Box::pin(make("one")), Box::pin(make("two")));
        assert!(
            futures_util::poll!(&mut first).is_pending() && futures_util::poll!(&mut second).is_pending()
        );
        assert_eq!(db.connections_in_use(), 3);
        drop(first);
        let TxKind::Sqlite(held) = &mut tx.0 else { panic!("not a file") };
        sqlx::query("CREATE TABLE zero (id INTEGER)").execute(&mut **held).await.unwrap();
        tx.commit().await.unwrap();
        second.await.unwrap();
        let names: Vec<String> = sqlx::query_scalar(
            "SELECT name FROM sqlite_schema WHERE name IN ('zero', 'one', 'two') ORDER BY rowid",
        )
        .fetch_all(match &db.pools {
            Pools::Sqlite { read, .. } => read,
            Pools::Postgres(_) => panic!("not a file"),
        })
        .await
        .unwrap();
        assert_eq!(names, ["zero", "two"]);
        db.begin().await.unwrap().commit().await.unwrap();
    }

    #[tokio::test]
    async fn what_fails_on_the_thread_is_undone_and_the_next_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let db = open(&folder.path().join("store.db")).await;
        let Pools::Sqlite { thread, .. } = &db.pools else { panic!("not a file") };
        let panicked = thread.run(|connection| -> Result<(), StoreError> {
            let tx = connection.transaction()?;
            tx.execute("CREATE TABLE one (id INTEGER)", [])?;
            panic!("as a defect would");
        });
        assert!(matches!(panicked.await, Err(StoreError::ConnectionLost)));
        let made = thread.run(|connection| Ok(connection.execute("CREATE TABLE one (id INTEGER)", [])?));
        made.await.unwrap();
        db.begin().await.unwrap().commit().await.unwrap();
    }
}

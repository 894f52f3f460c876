//! SQLite, written on a thread of its own: for what comes many times a second and is answered only when it is written.
//!
//! Through the pool each statement is a message to a thread and each of its results one back, which costs more than the
//! writing. Here a whole transaction is one message and one answer. Its commits are not synced: [`super::settle`] tells what
//! that means, and who may do without. It knows no table.
//!
//! It takes turns with whoever writes through the pool, transaction by transaction; what it is given meanwhile waits here, so that
//! nobody has to be woken between two that follow each other.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, mpsc, oneshot};

use crate::db::fold::Folding;
use crate::db::settle::Settling;
use crate::db::sqlite::{CHECKPOINT_PAGES, LOG_BYTES_MAX};
use crate::error::StoreError;

/// Page cache, in KiB (negative by SQLite's convention).
const CACHE_KIB: i64 = -8_192;
/// Transactions that wait for the thread: whoever has one more waits until there is room.
const WAITING_MAX: usize = 2;

type Work = Box<dyn FnOnce(&mut Connection) + Send>;

/// The thread, once somebody has written.
pub(crate) struct WriteThread {
    path: PathBuf,
    busy_timeout: Duration,
    turn: Arc<Semaphore>,
    folding: Arc<Folding>,
    settling: Arc<Settling>,
    /// Transactions that wait for the thread, and the one that it does.
    under_way: Arc<AtomicUsize>,
    state: Mutex<State>,
}

enum State {
    Unused,
    Running(mpsc::Sender<Work>, JoinHandle<()>),
    Closed,
}

impl fmt::Debug for WriteThread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WriteThread").field("path", &self.path).finish_non_exhaustive()
    }
}

impl WriteThread {
    pub(super) fn new(
        path: PathBuf,
        busy_timeout: Duration,
        turn: Arc<Semaphore>,
        folding: Arc<Folding>,
        settling: Arc<Settling>,
    ) -> Self {
        let (under_way, state) = (Arc::default(), Mutex::new(State::Unused));
        Self { path, busy_timeout, turn, folding, settling, under_way, state }
    }

    /// How many transactions wait for the thread, with the one that it does.
    pub(super) fn under_way(&self) -> usize {
        self.under_way.load(Ordering::SeqCst)
    }

    /// End the thread when it has written what it was given, and close its connection.
    pub(super) async fn close(&self) {
        let state = std::mem::replace(&mut *self.state(), State::Closed);
        if let State::Running(work, thread) = state {
            drop(work);
            let _ = tokio::task::spawn_blocking(move || thread.join()).await;
        }
    }

    /// Have the thread write something of which nobody is told before it is settled, or that a power cut may undo: it is settled
    /// beside the work.
    pub(crate) async fn run_unsettled<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let settling = Arc::clone(&self.settling);
        let written = self.run(move |connection| {
            let written = work(connection)?;
            settling.committed();
            Ok(written)
        });
        written.await
    }

    /// Have the thread do something with its connection, as the only writer of this process, after what it was asked before. What
    /// it has begun it ends, also when whoever asked has gone; what it has not begun by then it leaves.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let counted = Counted::begin(&self.under_way);
        let (folding, settling) = (Arc::clone(&self.folding), Arc::clone(&self.settling));
        let (answer, answered) = oneshot::channel();
        let work: Work = Box::new(move |connection| {
            let _counted = counted;
            if !answer.is_closed() {
                let written = settling.believe(work(connection));
                let _ = answer.send(written.inspect(|_| folding.committed()));
            }
        });
        self.thread()?.send(work).await.map_err(|_| StoreError::ConnectionLost)?;
        answered.await.unwrap_or(Err(StoreError::ConnectionLost))
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The way to the thread, which is started by whoever comes first.
    fn thread(&self) -> Result<mpsc::Sender<Work>, StoreError> {
        let mut state = self.state();
        match &*state {
            State::Running(work, _) => return Ok(work.clone()),
            State::Closed => return Err(StoreError::ConnectionLost),
            State::Unused => {}
        }
        let mut connection = self.open()?;
        let (work, mut waiting) = mpsc::channel::<Work>(WAITING_MAX);
        let (turn, runtime) = (Arc::clone(&self.turn), Handle::current());
        let run = move || {
            while let Some(work) = waiting.blocking_recv() {
                let Ok(_turn) = runtime.block_on(turn.acquire()) else { return };
                // A panic undoes its transaction, and whoever asked is told; the next finds the connection as it was.
                let _ = catch_unwind(AssertUnwindSafe(|| work(&mut connection)));
            }
        };
        let thread = thread::Builder::new().name("longshore-write".to_owned()).spawn(run);
        let thread = thread.map_err(|_| StoreError::Busy)?;
        *state = State::Running(work.clone(), thread);
        Ok(work)
    }

    fn open(&self) -> Result<Connection, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.path, flags)?;
        connection.busy_timeout(self.busy_timeout)?;
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        connection.pragma_update(None, "foreign_keys", false)?;
        connection.pragma_update(None, "cache_size", CACHE_KIB)?;
        connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
        connection.pragma_update(None, "journal_size_limit", LOG_BYTES_MAX)?;
        Ok(connection)
    }
}

/// One more of something, until it is dropped.
struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn begin(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(count))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

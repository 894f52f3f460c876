//! Opening a store, and the transaction in which everything is written.
//!
//! SQLite: one write connection, so that writers queue inside the process instead of meeting `SQLITE_BUSY`, and a pool for reads
//! (WAL: readers never wait for the writer). Apart from them, but taking turns with the writer, the inbox's way in and the workers' turns
//! and heartbeats have a thread ([`thread`]), and whole tables are read apart, too. PostgreSQL: one pool for everything but the inbox's
//! way in, which has a [`lane`].
//! `synchronous=FULL`: a commit is on disk; the thread's once it is settled ([`settle`]).

pub(crate) mod bulk;
mod fold;
pub(crate) mod lane;
mod postgres;
pub(crate) mod settle;
mod sockets;
mod sqlite;
pub(crate) mod thread;

use std::path::PathBuf;
use std::sync::Arc;

use sqlx::{PgPool, Postgres, SqlSafeStr as _, Sqlite, SqlitePool, Transaction};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

pub use sockets::tune_sockets;

use crate::audit;
use crate::db::bulk::Bulk;
use crate::db::fold::Folding;
use crate::db::lane::Lane;
use crate::db::settle::Settling;
use crate::db::thread::WriteThread;
use crate::error::StoreError;
use crate::inbox::Repeated;
use crate::migrate;
use crate::url::{DatabaseUrl, Engine, Target};
use crate::wake::{self, Bells, Channel, Rings};

/// How to open a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenOptions {
    /// Make the SQLite file when there is none. PostgreSQL databases are never created here.
    pub create: bool,
    /// How long to wait for another process's lock, and for a free connection, in milliseconds.
    pub busy_timeout_ms: u64,
    /// How many connections at the most; SQLite: for reading, beside the one that writes.
    pub connections_max: u32,
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self { create: true, busy_timeout_ms: 10_000, connections_max: 8 }
    }
}

/// An open store; clones share it.
#[derive(Debug, Clone)]
pub struct Db {
    pub(crate) pools: Pools,
    pub(crate) bells: Arc<Bells>,
    /// PostgreSQL's connections of the inbox.
    pub(crate) lane: Arc<Lane>,
    /// When the inbox met a repeated event.
    pub(crate) repeated: Arc<Repeated>,
}

#[derive(Debug, Clone)]
pub(crate) enum Pools {
    Sqlite {
        write: SqlitePool,
        /// Whose turn it is to write: the connection's that is `write`'s only one, or the thread's. Whoever needs both has the
        /// connection first.
        turn: Arc<Semaphore>,
        read: SqlitePool,
        bulk: Arc<Bulk>,
        thread: Arc<WriteThread>,
        path: PathBuf,
        folding: Arc<Folding>,
        settling: Arc<Settling>,
    },
    Postgres(PgPool),
}

/// A transaction: dropped without [`Tx::commit`] it leaves nothing.
#[derive(Debug)]
pub struct Tx(pub(crate) TxKind, pub(crate) TxContext);

/// What a transaction carries beside its connection.
#[derive(Debug)]
pub(crate) struct TxContext {
    /// Of what led to it; changes that it appends carry it.
    trace: Option<String>,
    /// Which bells are rung once it has been committed.
    rings: Rings,
    bells: Arc<Bells>,
    folding: Option<Arc<Folding>>,
    settling: Option<Arc<Settling>>,
    /// SQLite's, until the end.
    turn: Option<OwnedSemaphorePermit>,
    /// Entries of the audit log that are written with the commit.
    audit: Vec<audit::Entry>,
}

#[derive(Debug)]
pub(crate) enum TxKind {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

impl Db {
    /// Connect, and bring the schema up to date under a lock.
    ///
    /// # Errors
    /// One of [`StoreError`]'s variants about opening; nothing is half-written then.
    pub async fn open(url: &DatabaseUrl, options: OpenOptions) -> Result<Self, StoreError> {
        let pools = match &url.target {
            Target::File(path) => sqlite::open(path, options).await?,
            Target::Server { options: server, .. } => postgres::open(server, options).await?,
        };
        Ok(Self { pools, bells: Arc::default(), lane: Arc::default(), repeated: Arc::default() })
    }

    /// Do now what is done by itself some time after much was written: write what is in the log alone; a PostgreSQL server, where this
    /// user may ask for it, which also cleans up after events and gathers statistics of them. A measurement must not pay for the one
    /// before.
    ///
    /// # Errors
    /// The connection's error.
    pub async fn clean_up(&self) -> Result<(), StoreError> {
        match &self.pools {
            Pools::Sqlite { read, .. } => fold::now(read).await,
            Pools::Postgres(pool) => postgres::clean_up(pool).await,
        }
    }

    /// Begin a transaction that writes. SQLite takes the write lock at once and waits for it if need be.
    ///
    /// # Errors
    /// [`StoreError::Locked`], [`StoreError::Busy`], or the connection's error.
    pub async fn begin(&self) -> Result<Tx, StoreError> {
        let (kind, folding, settling, turn) = match &self.pools {
            Pools::Sqlite { write, turn, folding, settling, .. } => {
                let connection = write.acquire().await?;
                // It is the thread's for no longer than one of its transactions takes.
                let turn = Arc::clone(turn).acquire_owned().await.map_err(|_| StoreError::ConnectionLost)?;
                let tx = Transaction::begin(connection, Some("BEGIN IMMEDIATE".into_sql_str())).await?;
                (TxKind::Sqlite(tx), Some(Arc::clone(folding)), Some(Arc::clone(settling)), Some(turn))
            }
            Pools::Postgres(pool) => {
                (TxKind::Postgres(pool.begin_with(postgres::BEGIN).await?), None, None, None)
            }
        };
        let (bells, rings) = (Arc::clone(&self.bells), Rings::default());
        Ok(Tx(kind, TxContext { trace: None, rings, bells, folding, settling, turn, audit: Vec::new() }))
    }

    /// Wait until everything that was committed before is on the disk: also what [`crate::inbox::commit`] left for this.
    ///
    /// # Errors
    /// [`StoreError::DiskFull`] or [`StoreError::DiskRefused`]: what was not settled may be lost with the power.
    pub async fn settle(&self) -> Result<(), StoreError> {
        match &self.pools {
            Pools::Sqlite { settling, .. } => settling.now().await,
            // What is committed is on the disk, or as safe as the server is set to make it.
            Pools::Postgres(_) => Ok(()),
        }
    }

    /// Whether the disk has refused what was to be settled. It tells so once, and what comes after it is worth nothing: nothing is
    /// acknowledged any more until the store is opened anew, and read as far as it goes.
    #[must_use]
    pub fn disk_has_refused(&self) -> bool {
        match &self.pools {
            Pools::Sqlite { settling, .. } => settling.has_refused(),
            // The server stops itself then, and starts anew.
            Pools::Postgres(_) => false,
        }
    }

    /// Close all connections; SQLite folds its log into the file.
    pub async fn close(&self) {
        match &self.pools {
            Pools::Sqlite { write, read, bulk, thread, .. } => {
                thread.close().await;
                bulk.close();
                read.close().await;
                write.close().await;
            }
            Pools::Postgres(pool) => {
                self.lane.close().await;
                pool.close().await;
            }
        }
    }

    /// How many of its connections somebody has in hand, and transactions that the thread has; whole tables are read apart
    /// from them.
    #[must_use]
    pub fn connections_in_use(&self) -> usize {
        match &self.pools {
            Pools::Sqlite { write, read, thread, .. } => in_use(write) + in_use(read) + thread.under_way(),
            Pools::Postgres(pool) => in_use(pool) + self.lane.in_use(),
        }
    }

    /// Which engine it runs on.
    #[must_use]
    pub fn engine(&self) -> Engine {
        match self.pools {
            Pools::Sqlite { .. } => Engine::Sqlite,
            Pools::Postgres(_) => Engine::Postgres,
        }
    }

    /// The number of the last migration.
    ///
    /// # Errors
    /// The connection's error.
    pub async fn schema_version(&self) -> Result<i64, StoreError> {
        migrate::version(self).await
    }
}

fn in_use<D: sqlx::Database>(pool: &sqlx::Pool<D>) -> usize {
    usize::try_from(pool.size()).unwrap_or(usize::MAX).saturating_sub(pool.num_idle())
}

impl Tx {
    /// Make everything written in this transaction last.
    ///
    /// # Errors
    /// The database's error; nothing of the transaction is kept then.
    pub async fn commit(mut self) -> Result<(), StoreError> {
        audit::flush(&mut self).await?;
        let Self(kind, mut context) = self;
        match kind {
            TxKind::Sqlite(tx) => {
                let committed = tx.commit().await.map_err(StoreError::from);
                match &context.settling {
                    Some(settling) => settling.believe(committed)?,
                    None => committed?,
                }
                // Whoever writes next hears of it before its turn.
                context.bells.ring_all(&context.rings);
                drop(context.turn.take());
            }
            TxKind::Postgres(mut tx) => {
                wake::notify(&mut tx, &context.rings, &context.bells).await?;
                tx.commit().await?;
                context.bells.ring_all(&context.rings);
            }
        }
        if let Some(folding) = context.folding {
            folding.committed();
        }
        Ok(())
    }

    /// Name the trace of what led to this transaction: changes appended from now on carry it.
    pub fn set_trace(&mut self, trace: Option<String>) {
        self.1.trace = trace;
    }

    /// The trace set last.
    #[must_use]
    pub fn trace(&self) -> Option<&str> {
        self.1.trace.as_deref()
    }

    /// Ring once this transaction has been committed: whoever waits for [`Db::rung`] wakes, in this process and, on
    /// PostgreSQL, in all others that [`wake::listen`].
    pub fn ring(&mut self, channel: Channel) {
        self.1.rings.add(channel);
    }

    /// The entries of the audit log that wait for the commit.
    pub(crate) fn audit(&mut self) -> &mut Vec<audit::Entry> {
        &mut self.1.audit
    }

    /// Undo everything written in this transaction, and wait until that is done.
    ///
    /// # Errors
    /// The connection's error; the transaction is undone all the same.
    pub async fn rollback(self) -> Result<(), StoreError> {
        match self.0 {
            TxKind::Sqlite(tx) => tx.rollback().await?,
            TxKind::Postgres(tx) => tx.rollback().await?,
        }
        Ok(())
    }

    /// Which engine it runs on.
    #[must_use]
    pub fn engine(&self) -> Engine {
        match self.0 {
            TxKind::Sqlite(_) => Engine::Sqlite,
            TxKind::Postgres(_) => Engine::Postgres,
        }
    }
}

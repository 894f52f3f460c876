//! Workers and their leases: who is alive, and so whose jobs are held.
//!
//! A worker registers, extends its lease three times in [`LEASE_MS`], and ends. Whoever finds a lease that has run out deletes
//! the worker's row and puts its jobs back in one transaction. So a process that was stopped and goes on finds
//! its row gone: it can neither extend nor complete, and registers anew under another id. Leases are told by the
//! clocks of the nodes; clocks that differ by seconds cost an early takeover, never two who both complete.
//!
//! Time to takeover: at most [`LEASE_MS`] until the lease runs out and [`REAP_MS`] until it is found, 7 s in all.

use model::{Millis, WorkerId};
use rusqlite::{Connection, TransactionBehavior, named_params, params};
use sqlx::PgConnection;

use crate::db::{Db, Pools, Tx};
use crate::error::StoreError;
use crate::queue;

/// How long a lease lasts, in milliseconds.
pub const LEASE_MS: i64 = 6_000;
/// How often each worker looks for leases that have run out, in milliseconds.
pub const REAP_MS: u64 = 1_000;

row! {
    struct WorkerRow {
        worker_id: String,
        host: String,
        started_at: i64,
        lease_until: i64,
    }
}

/// A registered worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    /// Its id.
    pub worker: WorkerId,
    /// Where it runs.
    pub host: String,
    /// Since when.
    pub started_at: Millis,
    /// Until when its jobs are held.
    pub lease_until: Millis,
}

const REGISTER: &str =
    "INSERT INTO workers (worker_id, host, started_at, lease_until) VALUES ($1, $2, $3, $4)";

/// Register a worker under a new id, with its first lease.
///
/// # Errors
/// [`StoreError::Conflict`] when the id is taken, or the database's error.
pub async fn register(tx: &mut Tx, new: &Registered) -> Result<(), StoreError> {
    on_tx!(tx, conn => sqlx::query(REGISTER)
        .bind(&new.worker.0)
        .bind(&new.host)
        .bind(new.started_at.0)
        .bind(new.lease_until.0)
        .execute(conn)
        .await
        .map(drop))?;
    Ok(())
}

const HEARTBEAT: &str = "UPDATE workers SET lease_until = $2 WHERE worker_id = $1 AND lease_until > $3";

/// Extend a lease that still lives by `lease_ms` from now on, which is asked for once others who write have been waited for.
///
/// On SQLite it is the thread's, as a worker's turns are: it stands behind few who write, and not behind all that the worker's jobs
/// write. A power cut may undo it, and ends the worker as well.
///
/// # Errors
/// [`StoreError::LeaseLost`] when it does not: the worker must drop its jobs and register anew. Or the database's error.
pub async fn heartbeat(
    db: &Db,
    worker: &WorkerId,
    lease_ms: i64,
    now: impl FnOnce() -> Millis + Send + 'static,
) -> Result<(), StoreError> {
    let extended = match &db.pools {
        Pools::Sqlite { thread, .. } => {
            let worker = worker.clone();
            let extending = thread.run_unsettled(move |connection| {
                let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
                let now = now();
                let bound = named_params! { "$1": worker.0, "$2": now.plus(lease_ms).0, "$3": now.0 };
                let extended = tx.prepare_cached(HEARTBEAT)?.execute(bound)?;
                tx.commit()?;
                Ok(extended == 1)
            });
            extending.await?
        }
        Pools::Postgres(pool) => {
            let mut connection = pool.acquire().await?;
            let now = now();
            // A transaction of its own, so that nobody holds the row who has died in the middle.
            let extending = sqlx::query(HEARTBEAT).bind(&worker.0).bind(now.plus(lease_ms).0).bind(now.0);
            extending.execute(&mut *connection).await?.rows_affected() == 1
        }
    };
    if extended { Ok(()) } else { Err(StoreError::LeaseLost) }
}

const ALIVE: &str = "SELECT COUNT(*) FROM workers WHERE worker_id = $1 AND lease_until > $2";

/// Whether the worker's lease lives.
pub(crate) async fn check_postgres(
    conn: &mut PgConnection,
    worker: &WorkerId,
    now: Millis,
) -> Result<(), StoreError> {
    let alive: i64 = sqlx::query_scalar(ALIVE).bind(&worker.0).bind(now.0).fetch_one(conn).await?;
    if alive == 1 { Ok(()) } else { Err(StoreError::LeaseLost) }
}

/// The same.
pub(crate) fn check_sqlite(
    connection: &Connection,
    worker: &WorkerId,
    now: Millis,
) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached(ALIVE)?;
    let alive: i64 = statement.query_row(params![worker.0, now.0], |row| row.get(0))?;
    if alive == 1 { Ok(()) } else { Err(StoreError::LeaseLost) }
}

const EXPIRED: &str = "
    SELECT COUNT(*) FROM jobs WHERE state = 'running'
        AND worker_id NOT IN (SELECT worker_id FROM workers WHERE lease_until > $1)";
const EXPIRED_WORKERS: &str = "SELECT COUNT(*) FROM workers WHERE lease_until <= $1";

/// Whether there is anything to [`reap`]: a look without a lock, so that looking every second costs nobody anything.
///
/// # Errors
/// The database's error.
pub async fn expired(db: &Db, now: Millis) -> Result<bool, StoreError> {
    let workers: i64 =
        on_db!(db, pool => sqlx::query_scalar(EXPIRED_WORKERS).bind(now.0).fetch_one(pool).await)?;
    let jobs: i64 = on_db!(db, pool => sqlx::query_scalar(EXPIRED).bind(now.0).fetch_one(pool).await)?;
    Ok(workers > 0 || jobs > 0)
}

const DELETE_EXPIRED: &str = "DELETE FROM workers WHERE lease_until <= $1";

/// What was taken over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reaped {
    /// Workers whose lease had run out.
    pub workers: u64,
    /// Jobs that were put back, or became dead letters.
    pub jobs: u64,
}

/// Delete the workers whose lease has run out and put their jobs back, due at once; a job that was tried `attempts_max`
/// times becomes a dead letter.
///
/// # Errors
/// [`StoreError::Conflict`] as with [`queue::retry`], or the database's error.
pub async fn reap(tx: &mut Tx, attempts_max: i64, now: Millis) -> Result<Reaped, StoreError> {
    let workers = on_tx!(tx, conn => sqlx::query(DELETE_EXPIRED)
        .bind(now.0)
        .execute(conn)
        .await
        .map(|done| done.rows_affected()))?;
    let jobs = queue::take_over(tx, attempts_max, now).await?;
    Ok(Reaped { workers, jobs })
}

const END: &str = "DELETE FROM workers WHERE worker_id = $1";

/// End a worker that has handed its jobs back; whatever it still held is taken over at the next look.
///
/// # Errors
/// The database's error.
pub async fn end(tx: &mut Tx, worker: &WorkerId) -> Result<(), StoreError> {
    on_tx!(tx, conn => sqlx::query(END).bind(&worker.0).execute(conn).await.map(drop))?;
    Ok(())
}

const LIST: &str = "SELECT worker_id, host, started_at, lease_until FROM workers ORDER BY worker_id";

/// All registered workers, the oldest first.
///
/// # Errors
/// The database's error.
pub async fn list(db: &Db) -> Result<Vec<Registered>, StoreError> {
    let rows: Vec<WorkerRow> = on_db!(db, pool => sqlx::query_as(LIST).fetch_all(pool).await)?;
    let registered = |row: WorkerRow| Registered {
        worker: WorkerId(row.worker_id),
        host: row.host,
        started_at: Millis(row.started_at),
        lease_until: Millis(row.lease_until),
    };
    Ok(rows.into_iter().map(registered).collect())
}

pub(crate) const STATEMENTS: &[(&str, &str)] = &[
    ("workers::REGISTER", REGISTER),
    ("workers::HEARTBEAT", HEARTBEAT),
    ("workers::ALIVE", ALIVE),
    ("workers::EXPIRED", EXPIRED),
    ("workers::EXPIRED_WORKERS", EXPIRED_WORKERS),
    ("workers::DELETE_EXPIRED", DELETE_EXPIRED),
    ("workers::END", END),
    ("workers::LIST", LIST),
];

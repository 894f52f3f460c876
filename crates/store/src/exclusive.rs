//! Work that only one process may do at a time on a store, such as an archive of an organization.
//!
//! The hold ends with the process, however it ends: on SQLite it is the operating system's lock on a file beside the
//! database, on PostgreSQL an advisory lock of a session of its own. So nothing has to be cleaned up after a kill -9.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use model::OrgId;
use sha2::{Digest as _, Sha256};
use sqlx::{Connection as _, PgConnection};

use crate::db::{Db, Pools};
use crate::error::StoreError;

/// A hold on some work. Dropping it lets go too, but a server notices the end of a session when it will:
/// [`Exclusive::release`] lets go at once.
#[derive(Debug)]
#[must_use = "the hold ends when it is dropped"]
pub struct Exclusive {
    held: Held,
}

#[derive(Debug)]
enum Held {
    File(File),
    Session(Box<PgConnection>),
}

const TRY_LOCK: &str = "SELECT pg_try_advisory_lock($1)";

impl Exclusive {
    /// Let go: whoever asks after this has returned gets the hold.
    ///
    /// # Errors
    /// The connection's error; the hold ends with its session all the same.
    pub async fn release(self) -> Result<(), StoreError> {
        match self.held {
            Held::File(file) => drop(file),
            Held::Session(mut session) => {
                sqlx::query(UNLOCK).execute(&mut *session).await?;
                (*session).close().await?;
            }
        }
        Ok(())
    }
}

const UNLOCK: &str = "SELECT pg_advisory_unlock_all()";

/// Take hold of the work of that name for an organization; `None` when another process, or another hold of this one,
/// has it. `name` is a word of ours, such as `archive`.
///
/// # Errors
/// When the lock file cannot be made, or the database's error.
pub async fn hold(db: &Db, org: OrgId, name: &str) -> Result<Option<Exclusive>, StoreError> {
    match &db.pools {
        Pools::Sqlite { path, .. } => hold_file(&lock_path(path, org, name)),
        Pools::Postgres(pool) => {
            let mut session = pool.acquire().await?.detach();
            let held: bool =
                sqlx::query_scalar(TRY_LOCK).bind(lock_number(org, name)).fetch_one(&mut session).await?;
            Ok(held.then(|| Exclusive { held: Held::Session(Box::new(session)) }))
        }
    }
}

fn lock_path(database: &Path, org: OrgId, name: &str) -> PathBuf {
    let mut path = database.as_os_str().to_owned();
    path.push(format!(".{name}-{org}.lock"));
    path.into()
}

fn hold_file(path: &Path) -> Result<Option<Exclusive>, StoreError> {
    let cannot = |_| StoreError::CannotOpen { path: path.to_owned() };
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(path).map_err(cannot)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(Exclusive { held: Held::File(file) })),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(cannot(error)),
    }
}

/// Advisory locks have numbers, one space for a database: ours come from the whole name.
fn lock_number(org: OrgId, name: &str) -> i64 {
    let hash = Sha256::digest(format!("longshore:{name}:{org}"));
    i64::from_be_bytes(hash[..8].try_into().expect("a SHA-256 has 32 bytes"))
}

/// In PostgreSQL's words only.
pub(crate) const POSTGRES: &[(&str, &str)] =
    &[("exclusive::TRY_LOCK", TRY_LOCK), ("exclusive::UNLOCK", UNLOCK)];

//! Attempts to sign in, counted before the password is looked at: of many at once none is free.
//!
//! Two counters guard a door: one for the account, whose lock doubles with each further failure up to an hour, and one for
//! the address, for whoever tries many accounts. Names and addresses are kept as hashes alone. A lock always ends by itself,
//! so that nobody can shut a person out for good by failing in that person's name.

use std::net::IpAddr;

use model::{Millis, UserName};
use sha2::{Digest as _, Sha256};

use crate::db::{Db, Tx};
use crate::error::StoreError;

/// Counters are forgotten so long after the last attempt, in milliseconds: a day.
const FORGET_MS: i64 = 86_400_000;

/// What is counted.
#[derive(Debug, Clone, Copy)]
pub enum Subject<'a> {
    /// Attempts on one account, from wherever.
    Account(&'a UserName),
    /// Attempts from one address, on whatever. Of IPv6 a network of 64 bits is one address.
    Address(IpAddr),
}

/// How many attempts are free, and what follows.
struct Limits {
    failures_free: i64,
    lock_ms: i64,
    lock_ms_max: i64,
}

impl Subject<'_> {
    const fn limits(&self) -> Limits {
        match self {
            Self::Account(_) => Limits { failures_free: 5, lock_ms: 60_000, lock_ms_max: 3_600_000 },
            Self::Address(_) => Limits { failures_free: 30, lock_ms: 900_000, lock_ms_max: 3_600_000 },
        }
    }

    fn key(&self) -> String {
        let (kind, bytes) = match self {
            Self::Account(name) => ("account", name.expose().as_bytes().to_vec()),
            Self::Address(IpAddr::V4(address)) => ("address", address.octets().to_vec()),
            Self::Address(IpAddr::V6(address)) => ("address", address.octets()[..8].to_vec()),
        };
        format!("{kind}:{}", hex::encode(&Sha256::digest(bytes)[..16]))
    }
}

/// How an attempt stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    /// It may be tried, and has been counted as a failure until [`succeeded`] says otherwise.
    Counted,
    /// Nothing is tried before this instant.
    LockedUntil(Millis),
}

const LOCKED: &str = "SELECT locked_until FROM access_attempts WHERE subject = $1 AND locked_until > $2";

/// Until when a subject is locked, if it is. Writes nothing: to refuse must stay cheap.
///
/// # Errors
/// The database's error.
pub async fn locked(db: &Db, subject: Subject<'_>, now: Millis) -> Result<Option<Millis>, StoreError> {
    let found: Option<i64> = on_db!(db, pool => sqlx::query_scalar(LOCKED)
        .bind(subject.key())
        .bind(now.0)
        .fetch_optional(pool)
        .await)?;
    Ok(found.map(Millis))
}

row! {
    struct AttemptRow {
        failures: i64,
        locked_until: Option<i64>,
    }
}

const PRUNE: &str = "DELETE FROM access_attempts WHERE last_at <= $1";
const COUNT: &str = "
    INSERT INTO access_attempts (subject, failures, last_at) VALUES ($1, 1, $2)
    ON CONFLICT (subject) DO UPDATE SET
        failures = CASE WHEN access_attempts.locked_until > excluded.last_at THEN access_attempts.failures
                        ELSE access_attempts.failures + 1 END,
        last_at = excluded.last_at
    RETURNING failures, locked_until";
const LOCK: &str = "UPDATE access_attempts SET locked_until = $2 WHERE subject = $1";

/// Count an attempt before it is tried. The last free one may still be tried, and locks whatever follows it.
///
/// # Errors
/// The database's error.
pub async fn begin(tx: &mut Tx, subject: Subject<'_>, now: Millis) -> Result<Attempt, StoreError> {
    let (key, limits) = (subject.key(), subject.limits());
    on_tx!(tx, conn => sqlx::query(PRUNE).bind(now.plus(-FORGET_MS).0).execute(conn).await.map(drop))?;
    let row: AttemptRow =
        on_tx!(tx, conn => sqlx::query_as(COUNT).bind(&key).bind(now.0).fetch_one(conn).await)?;
    if let Some(until) = row.locked_until.map(Millis).filter(|until| *until > now) {
        return Ok(Attempt::LockedUntil(until));
    }
    if row.failures >= limits.failures_free {
        let doublings = u32::try_from(row.failures - limits.failures_free).unwrap_or(u32::MAX).min(20);
        let lock_ms = (limits.lock_ms << doublings).min(limits.lock_ms_max);
        let until = now.plus(lock_ms).0;
        on_tx!(tx, conn => sqlx::query(LOCK).bind(&key).bind(until).execute(conn).await.map(drop))?;
    }
    Ok(Attempt::Counted)
}

const FORGET: &str = "DELETE FROM access_attempts WHERE subject = $1";
const UNCOUNT: &str = "
    UPDATE access_attempts SET failures = failures - 1,
        locked_until = CASE WHEN failures - 1 < $2 THEN NULL ELSE locked_until END
    WHERE subject = $1 AND failures > 0";

/// Take an attempt back that succeeded. The account begins anew; the address only gets this one attempt back, for
/// whoever has one account could else try others without end.
///
/// # Errors
/// The database's error.
pub async fn succeeded(tx: &mut Tx, subject: Subject<'_>) -> Result<(), StoreError> {
    let (key, free) = (subject.key(), subject.limits().failures_free);
    match subject {
        Subject::Account(_) => {
            on_tx!(tx, conn => sqlx::query(FORGET).bind(key).execute(conn).await.map(drop))?;
        }
        Subject::Address(_) => {
            on_tx!(tx, conn => sqlx::query(UNCOUNT).bind(key).bind(free).execute(conn).await.map(drop))?;
        }
    }
    Ok(())
}

pub(crate) const STATEMENTS: &[(&str, &str)] = &[
    ("access::attempts::LOCKED", LOCKED),
    ("access::attempts::PRUNE", PRUNE),
    ("access::attempts::COUNT", COUNT),
    ("access::attempts::LOCK", LOCK),
    ("access::attempts::FORGET", FORGET),
    ("access::attempts::UNCOUNT", UNCOUNT),
];

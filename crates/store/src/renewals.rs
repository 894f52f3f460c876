//! Renewals: the right to trade a connection's refresh token for the next pair, which one process has at a time.
//!
//! A refresh token may be good for one use. So whoever wants to spend one takes the right to, by an update that only goes
//! through while nobody has it, and in the same transaction notes *which* token is about to be spent: the version of
//! the pair it belongs to. The right ends by itself, so that a holder's death costs a wait and no more. An answer is kept
//! only while the pair it was bought with is still the current one, whoever has the right by then: a holder that was
//! stopped and goes on saves what it was given, and never overwrites a newer pair.
//!
//! What is noted and never ended is told to the next holder as *unanswered*: Drift may have given the next pair to a process
//! that died before it could keep it. Times are those of the nodes' clocks; clocks that differ cost an early takeover.

use model::{ConnectionId, Millis};

use crate::db::{Db, Tx};
use crate::error::StoreError;
use crate::wake::Channel;

/// Who asks for the right, and for what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ask<'a> {
    /// The connection.
    pub connection: &'a ConnectionId,
    /// The version of the pair that the holder knows.
    pub version: i64,
    /// Who it is, as a text that no other process has.
    pub holder: &'a str,
    /// When the right ends by itself.
    pub until: Millis,
}

/// The right to spend a refresh token once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Right {
    /// The how-manieth attempt of the connection it is; a fence.
    pub attempt: i64,
    /// The version of the pair whose refresh token is spent.
    pub version: i64,
    /// How often it was sent before without an answer that was kept.
    pub unanswered: i64,
    /// Attempts that have failed in a row.
    pub failures: i64,
}

/// What came of asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// The right is the asker's, once the transaction is committed.
    Granted(Right),
    /// Another has it, or asking must rest, until then.
    Wait(Millis),
    /// The pair is no longer that of the version: a newer one was saved, or the connection was ended.
    Replaced,
    /// This refresh token was refused for good, after it had been sent so often without an answer that was kept.
    Refused(i64),
}

row! {
    struct Taken {
        attempt: i64,
        spending: Option<i64>,
        unanswered: i64,
        failures: i64,
        refused: Option<i64>,
    }
}

const TAKE: &str = "
    INSERT INTO renewals (connection_id, attempt, holder, held_until, unanswered, failures, retry_at)
    VALUES ($1, 1, $2, $3, 0, 0, 0)
    ON CONFLICT (connection_id) DO UPDATE
    SET attempt = renewals.attempt + 1, holder = excluded.holder, held_until = excluded.held_until
    WHERE renewals.held_until <= $4 AND renewals.retry_at <= $4
    RETURNING attempt, spending, unanswered, failures, refused";
const FREE_AT: &str = "
    SELECT CASE WHEN held_until > retry_at THEN held_until ELSE retry_at END FROM renewals WHERE connection_id = $1";
const VERSION: &str = "
    SELECT CAST(COALESCE(MAX(version), 0) AS BIGINT) FROM secrets WHERE connection_id = $1 AND kind = 'access_token'";
const INTEND: &str = "
    UPDATE renewals SET spending = $3, spending_since = $4, unanswered = $5, failures = $6
    WHERE connection_id = $1 AND attempt = $2";

/// Take the right to renew, and note what is to be spent. Commit before Drift is asked; undo the transaction unless the right was
/// [`Asked::Granted`].
///
/// # Errors
/// The database's error.
pub async fn ask(tx: &mut Tx, ask: &Ask<'_>, now: Millis) -> Result<Asked, StoreError> {
    let id = &ask.connection.0;
    let taken: Option<Taken> = on_tx!(tx, conn => sqlx::query_as(TAKE)
        .bind(id)
        .bind(ask.holder)
        .bind(ask.until.0)
        .bind(now.0)
        .fetch_optional(conn)
        .await)?;
    let Some(taken) = taken else {
        let free_at: Option<i64> =
            on_tx!(tx, conn => sqlx::query_scalar(FREE_AT).bind(id).fetch_optional(conn).await)?;
        return Ok(Asked::Wait(Millis(free_at.unwrap_or(now.0))));
    };
    // Read after the row was taken: whoever saves a pair takes it, too, so the version stays until this ends.
    if version(tx, ask.connection).await? != ask.version {
        return Ok(Asked::Replaced);
    }
    if taken.refused == Some(ask.version) {
        return Ok(Asked::Refused((taken.unanswered - 1).max(0)));
    }
    let (unanswered, failures) = match taken.spending {
        Some(spending) if spending == ask.version => (taken.unanswered, taken.failures),
        _ => (0, 0),
    };
    on_tx!(tx, conn => sqlx::query(INTEND)
        .bind(id)
        .bind(taken.attempt)
        .bind(ask.version)
        .bind(now.0)
        .bind(unanswered + 1)
        .bind(failures)
        .execute(conn)
        .await
        .map(drop))?;
    Ok(Asked::Granted(Right { attempt: taken.attempt, version: ask.version, unanswered, failures }))
}

const KEEP: &str = "
    UPDATE renewals
    SET spending = NULL, spending_since = NULL, unanswered = 0, failures = 0, retry_at = 0, refused = NULL,
        renewed_at = $3, held_until = CASE WHEN attempt = $2 THEN 0 ELSE held_until END
    WHERE connection_id = $1";

/// Say that the renewal brought a pair, in the transaction that saves it, before it is saved; answers whether it is to be
/// saved: not where a newer one was saved meanwhile. Undo the transaction then.
///
/// # Errors
/// The database's error.
pub async fn keep(
    tx: &mut Tx,
    connection: &ConnectionId,
    right: &Right,
    now: Millis,
) -> Result<bool, StoreError> {
    on_tx!(tx, conn => sqlx::query(KEEP)
        .bind(&connection.0)
        .bind(right.attempt)
        .bind(now.0)
        .execute(conn)
        .await
        .map(drop))?;
    tx.ring(Channel::Renewals);
    Ok(version(tx, connection).await? == right.version)
}

const FAIL: &str = "
    UPDATE renewals
    SET held_until = 0, failures = failures + 1, retry_at = $3, unanswered = unanswered - $4
    WHERE connection_id = $1 AND attempt = $2";

/// Say that the renewal brought no answer, and let go. Nobody asks again before `retry_at`. Nothing happens where another has taken
/// the right over.
///
/// # Errors
/// The database's error.
pub async fn fail(
    tx: &mut Tx,
    connection: &ConnectionId,
    right: &Right,
    retry_at: Millis,
    sent: Sent,
) -> Result<(), StoreError> {
    on_tx!(tx, conn => sqlx::query(FAIL)
        .bind(&connection.0)
        .bind(right.attempt)
        .bind(retry_at.0)
        .bind(i64::from(sent == Sent::Nothing))
        .execute(conn)
        .await
        .map(drop))?;
    tx.ring(Channel::Renewals);
    Ok(())
}

/// Whether a refresh token that brought no answer can have reached Drift.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// It can.
    Perhaps,
    /// It cannot.
    Nothing,
}

const REFUSE: &str = "
    UPDATE renewals SET held_until = 0, refused = $3
    WHERE connection_id = $1 AND attempt = $2 AND spending = $3";

/// Say that Drift refuses the refresh token for good, and let go; answers whether that counts: not where a newer pair was saved
/// meanwhile, or another has taken the right over.
///
/// # Errors
/// The database's error.
pub async fn refuse(tx: &mut Tx, connection: &ConnectionId, right: &Right) -> Result<bool, StoreError> {
    let refused = on_tx!(tx, conn => sqlx::query(REFUSE)
        .bind(&connection.0)
        .bind(right.attempt)
        .bind(right.version)
        .execute(conn)
        .await
        .map(|done| done.rows_affected()))?;
    tx.ring(Channel::Renewals);
    Ok(refused == 1)
}

const FORGET: &str = "DELETE FROM renewals WHERE connection_id = $1";

/// Forget what was noted of a connection that has ended.
pub(crate) async fn forget(tx: &mut Tx, connection: &ConnectionId) -> Result<(), StoreError> {
    on_tx!(tx, conn => sqlx::query(FORGET).bind(&connection.0).execute(conn).await.map(drop))?;
    Ok(())
}

row! {
    struct StateRow {
        version: i64,
        held_until: i64,
        retry_at: i64,
        failures: i64,
        unanswered: i64,
        renewed_at: Option<i64>,
    }
}

/// What is noted of a connection's renewals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct State {
    /// The version of the current pair.
    pub version: i64,
    /// When the right to renew is free.
    pub free_at: Millis,
    /// Attempts that have failed in a row.
    pub failures: i64,
    /// How often the current refresh token was sent without an answer that was kept.
    pub unanswered: i64,
    /// When the current pair was given; `None` for the first.
    pub renewed_at: Option<Millis>,
}

const STATE: &str = "
    SELECT secrets.version AS version, COALESCE(renewals.held_until, 0) AS held_until,
           COALESCE(renewals.retry_at, 0) AS retry_at, COALESCE(renewals.failures, 0) AS failures,
           COALESCE(renewals.unanswered, 0) AS unanswered, renewals.renewed_at AS renewed_at
    FROM secrets LEFT JOIN renewals ON renewals.connection_id = secrets.connection_id
    WHERE secrets.connection_id = $1 AND secrets.kind = 'access_token'";

/// How it stands, without taking anything; `None` for a connection without tokens.
///
/// # Errors
/// The database's error.
pub async fn state(db: &Db, connection: &ConnectionId) -> Result<Option<State>, StoreError> {
    let row: Option<StateRow> =
        on_db!(db, pool => sqlx::query_as(STATE).bind(&connection.0).fetch_optional(pool).await)?;
    Ok(row.map(|row| State {
        version: row.version,
        free_at: Millis(row.held_until.max(row.retry_at)),
        failures: row.failures,
        unanswered: row.unanswered,
        renewed_at: row.renewed_at.map(Millis),
    }))
}

async fn version(tx: &mut Tx, connection: &ConnectionId) -> Result<i64, StoreError> {
    Ok(on_tx!(tx, conn => sqlx::query_scalar(VERSION).bind(&connection.0).fetch_one(conn).await)?)
}

pub(crate) const STATEMENTS: &[(&str, &str)] = &[
    ("renewals::TAKE", TAKE),
    ("renewals::FREE_AT", FREE_AT),
    ("renewals::VERSION", VERSION),
    ("renewals::INTEND", INTEND),
    ("renewals::KEEP", KEEP),
    ("renewals::FAIL", FAIL),
    ("renewals::REFUSE", REFUSE),
    ("renewals::FORGET", FORGET),
    ("renewals::STATE", STATE),
];

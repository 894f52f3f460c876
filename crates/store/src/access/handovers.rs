//! Handovers to an identity provider: browsers that were sent there and are expected back.
//!
//! Two texts bind a handover: the state, which goes through the provider in the address, and the browser's own, which never
//! leaves it. Both are kept as hashes. A handover is good once and for ten minutes; of too many the oldest are forgotten, so
//! that whoever begins them by the thousand holds nothing up.

use model::{Millis, SessionId};
use subtle::ConstantTimeEq as _;

use super::token::Token;
use crate::db::Tx;
use crate::error::StoreError;

/// A handover is good for so long, in milliseconds: ten minutes.
pub const LIFE_MS: i64 = 10 * 60_000;
/// Handovers under way at once, at most.
pub const HANDOVERS_MAX: i64 = 10_000;

/// A handover.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handover {
    /// The session that is to be confirmed; `None`: somebody signs in.
    pub session: Option<SessionId>,
    /// Where the browser goes afterwards.
    pub next: String,
    /// When it began.
    pub begun_at: Millis,
}

const PRUNE: &str = "DELETE FROM access_handovers WHERE ends_at <= $1";
const CROWD: &str = "
    DELETE FROM access_handovers WHERE ends_at <=
        (SELECT ends_at FROM access_handovers ORDER BY ends_at DESC LIMIT 1 OFFSET $1)";
const INSERT: &str = "
    INSERT INTO access_handovers (state_hash, browser_hash, session_id, next, begun_at, ends_at)
    VALUES ($1, $2, $3, $4, $5, $6)";

/// Note that a browser is sent to the provider.
///
/// # Errors
/// The database's error.
pub async fn begin(
    tx: &mut Tx,
    (state, browser): (&Token, &Token),
    handover: &Handover,
) -> Result<(), StoreError> {
    let begun_at = handover.begun_at;
    on_tx!(tx, conn => sqlx::query(PRUNE).bind(begun_at.0).execute(conn).await.map(drop))?;
    on_tx!(tx, conn => sqlx::query(CROWD).bind(HANDOVERS_MAX - 1).execute(conn).await.map(drop))?;
    on_tx!(tx, conn => sqlx::query(INSERT)
        .bind(state.hash())
        .bind(browser.hash())
        .bind(handover.session.as_ref().map(|session| session.0.as_str()))
        .bind(&handover.next)
        .bind(begun_at.0)
        .bind(begun_at.plus(LIFE_MS).0)
        .execute(conn)
        .await
        .map(drop))?;
    Ok(())
}

row! {
    struct HandoverRow {
        browser_hash: Vec<u8>,
        session_id: Option<String>,
        next: String,
        begun_at: i64,
        ends_at: i64,
    }
}

const TAKE: &str = "
    DELETE FROM access_handovers WHERE state_hash = $1
    RETURNING browser_hash, session_id, next, begun_at, ends_at";

/// Use a handover up; `None` when there is none of that state, when it has ended, or when another browser brings it: then it is
/// used up all the same.
///
/// # Errors
/// The database's error.
pub async fn take(
    tx: &mut Tx,
    (state, browser): (&Token, &Token),
    now: Millis,
) -> Result<Option<Handover>, StoreError> {
    let row: Option<HandoverRow> =
        on_tx!(tx, conn => sqlx::query_as(TAKE).bind(state.hash()).fetch_optional(conn).await)?;
    let is_good = |row: &HandoverRow| {
        let is_same: bool = row.browser_hash.ct_eq(&browser.hash()).into();
        is_same && row.ends_at > now.0
    };
    Ok(row.filter(is_good).map(|row| Handover {
        session: row.session_id.map(SessionId),
        next: row.next,
        begun_at: Millis(row.begun_at),
    }))
}

pub(crate) const STATEMENTS: &[(&str, &str)] = &[
    ("access::handovers::PRUNE", PRUNE),
    ("access::handovers::CROWD", CROWD),
    ("access::handovers::INSERT", INSERT),
    ("access::handovers::TAKE", TAKE),
];

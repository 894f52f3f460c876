//! Appending: entries wait in their transaction, and are written as its last act.

use super::chain::Hash;
use super::entry::{Entry, NewEntry};
use crate::db::Tx;
use crate::error::StoreError;
use crate::hash::Encoder;
use crate::mirror::state::Pair;

/// Entries of one transaction, at most.
const ENTRIES_MAX: usize = 100_000;

/// Add an entry to the log, in the transaction of what it tells: it is written when that is committed, and lost when
/// that is undone. A refusal or a failure that leaves nothing else to write is told in a transaction of its own.
///
/// # Errors
/// [`StoreError::TooMany`] above 100,000 entries in one transaction.
pub fn append(tx: &mut Tx, entry: &NewEntry<'_>) -> Result<(), StoreError> {
    let waiting = tx.audit();
    if waiting.len() >= ENTRIES_MAX {
        return Err(StoreError::TooMany { what: "entries of the audit log in one transaction" });
    }
    waiting.push(entry.stored());
    Ok(())
}

/// The head as an engine reads it so that no other transaction can go on from it. SQLite has one writer anyway.
const TAKE_HEAD: Pair = Pair {
    sqlite: "SELECT seq, hash FROM audit_head WHERE id = 1",
    postgres: "SELECT seq, hash FROM audit_head WHERE id = 1 FOR UPDATE",
};
const SET_HEAD: &str = "UPDATE audit_head SET seq = $1, hash = $2 WHERE id = 1";

bulk! {
    /// Numbered and hashed entries, in order.
    INSERT, async fn insert(row: Entry) = "INSERT INTO audit_log" (
        seq int = row.seq,
        at int = row.at.0,
        org_id int = row.org.map(|org| org.0),
        actor_kind text = row.actor_kind.as_str(),
        actor_id text = row.actor_id.as_str(),
        role text = row.role.as_deref(),
        origin text = row.origin.as_deref(),
        action text = row.action.as_str(),
        object_kind text = row.object_kind.as_str(),
        object_id text = row.object_id.as_str(),
        outcome text = row.outcome.as_str(),
        reason text = row.reason.as_deref(),
        amount int = row.amount,
        hash bytes = row.hash.as_slice(),
    ) ""
}

/// Write what waits in the transaction. Called by its commit alone.
pub(crate) async fn flush(tx: &mut Tx) -> Result<(), StoreError> {
    let mut waiting = std::mem::take(tx.audit());
    if waiting.is_empty() {
        return Ok(());
    }
    let (mut seq, mut before) = take_head(tx).await?;
    let mut encoder = Encoder::default();
    for entry in &mut waiting {
        seq += 1;
        entry.seq = seq;
        before = encoder.audit_entry(&before, entry);
        entry.hash = before.to_vec();
    }
    insert(tx, &waiting).await?;
    on_tx!(tx, conn => sqlx::query(SET_HEAD)
        .bind(seq)
        .bind(before.as_slice())
        .execute(conn)
        .await
        .map(drop))?;
    Ok(())
}

/// The head, held until the transaction ends: nobody else goes on from it.
pub(super) async fn take_head(tx: &mut Tx) -> Result<(i64, Hash), StoreError> {
    const WHAT: StoreError = StoreError::Stored { what: "head of the audit log" };
    let head = TAKE_HEAD.of(tx);
    let found: Option<(i64, Vec<u8>)> = on_tx!(tx, conn => sqlx::query_as(head).fetch_optional(conn).await)?;
    let (seq, hash) = found.ok_or(WHAT)?;
    Ok((seq, hash.try_into().map_err(|_| WHAT)?))
}

pub(crate) const STATEMENTS: &[(&str, &str)] = &[("audit::SET_HEAD", SET_HEAD)];
pub(crate) const PAIRS: &[(&str, &Pair)] = &[("audit::TAKE_HEAD", &TAKE_HEAD)];
pub(crate) const BULK: &[(&str, &crate::bulk::Texts)] = &[("audit::INSERT", &INSERT)];

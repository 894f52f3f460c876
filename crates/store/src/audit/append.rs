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

struct Insert {
    entry: Entry,
    hash: Hash,
}

bulk! {
    /// Numbered and hashed entries, in order.
    INSERT, async fn insert(row: Insert) = "INSERT INTO audit_log" (
        seq int = row.entry.seq,
        at int = row.entry.at.0,
        org_id int = row.entry.org.map(|org| org.0),
        actor_kind text = row.entry.actor_kind.as_str(),
        actor_id text = row.entry.actor_id.as_str(),
        role text = row.entry.role.as_deref(),
        origin text = row.entry.origin.as_deref(),
        action text = row.entry.action.as_str(),
        object_kind text = row.entry.object_kind.as_str(),
        object_id text = row.entry.object_id.as_str(),
        outcome text = row.entry.outcome.as_str(),
        reason text = row.entry.reason.as_deref(),
        amount int = row.entry.amount,
        hash bytes = row.hash.as_slice(),
    ) ""
}

/// Write what waits in the transaction. Called by its commit alone.
pub(crate) async fn flush(tx: &mut Tx) -> Result<(), StoreError> {
    let waiting = std::mem::take(tx.audit());
    if waiting.is_empty() {
        return Ok(());
    }
    let head = TAKE_HEAD.of(tx);
    let (mut seq, hash): (i64, Vec<u8>) = on_tx!(tx, conn => sqlx::query_as(head).fetch_one(conn).await)?;
    let mut before: Hash =
        hash.try_into().map_err(|_| StoreError::Stored { what: "head of the audit log" })?;
    let mut encoder = Encoder::default();
    let mut rows = Vec::with_capacity(waiting.len());
    for mut entry in waiting {
        seq += 1;
        entry.seq = seq;
        before = encoder.audit_entry(&before, &entry);
        rows.push(Insert { entry, hash: before });
    }
    insert(tx, &rows).await?;
    on_tx!(tx, conn => sqlx::query(SET_HEAD)
        .bind(seq)
        .bind(before.as_slice())
        .execute(conn)
        .await
        .map(drop))?;
    Ok(())
}

pub(crate) const STATEMENTS: &[(&str, &str)] = &[("audit::SET_HEAD", SET_HEAD)];
pub(crate) const PAIRS: &[(&str, &Pair)] = &[("audit::TAKE_HEAD", &TAKE_HEAD)];
pub(crate) const BULK: &[(&str, &crate::bulk::Texts)] = &[("audit::INSERT", &INSERT)];

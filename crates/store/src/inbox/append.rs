//! The way in: a batch of events, each kept unless its key is there already.
//!
//! The key is written first; which events it was new for, or had ended for, is what is written next. Two processes with the
//! same key meet at the key's row: one waits for the other's commit, and then finds the key. Keys are written in their
//! order, so that two batches never wait for each other in a circle.
//!
//! A dated event's key begins with its time. The time is part of what deliveries have in common, so this tells no two
//! deliveries apart that the hash holds together; it makes keys that arrive together neighbours, and a commit touches a
//! few pages instead of one for each event.
//!
//! This is the hottest path of all, so each engine has its own: what costs there is not the row but the way to the database
//! and back.

mod postgres;
mod sqlite;

use std::collections::HashSet;

use model::EventId;

use crate::db::{Db, Pools, Tx, TxKind};
use crate::error::StoreError;
use crate::inbox::NewEvent;
use crate::wake::Channel;

pub(crate) use postgres::STATEMENTS as POSTGRES;
pub(crate) use sqlite::{BULK as SQLITE_BULK, STATEMENTS as SQLITE};

/// The most events that are appended at once.
pub const BATCH_MAX: usize = 1_024;
/// Bytes of the time in milliseconds that a key begins with: enough for 8,900 years.
const TIME_BYTES: usize = 6;
/// Bytes of a key.
const KEY_BYTES: usize = TIME_BYTES + 16;

/// What became of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appended {
    /// The event.
    pub event_id: EventId,
    /// Whether the inbox had it already; nothing was written then.
    pub duplicate: bool,
}

/// A key as it is stored.
type Key = [u8; KEY_BYTES];
/// Which of the events whose keys were tried were kept.
enum Kept {
    All,
    /// These.
    Only(HashSet<String>),
}

/// Keep each event whose key is not there, in the order of `events`; the answer has the same order.
///
/// Belongs in a transaction of its own, since it waits for whoever writes the same key.
///
/// # Errors
/// [`StoreError::Stored`] for more than [`BATCH_MAX`] events, or the database's error.
pub async fn append(tx: &mut Tx, events: &[NewEvent]) -> Result<Vec<Appended>, StoreError> {
    let keyed = keyed(events)?;
    let kept = match &mut tx.0 {
        TxKind::Sqlite(tx) => sqlite::Batch::new(&keyed)?.write(tx).await?,
        TxKind::Postgres(tx) => postgres::append(tx, &keyed).await?,
    };
    Ok(appended(events, &keyed, &kept))
}

/// [`append`] in a transaction of its own, and the inbox's bell is rung in this process. Nothing may be acknowledged before
/// [`Db::settle`], begun after this, has answered: until then what was kept may be lost with the power, and so may that of which
/// a duplicate is one. On PostgreSQL the other processes are not told: [`crate::wake::tell_others`] does that, off this
/// path.
///
/// # Errors
/// As of [`append`]; nothing is kept then.
pub async fn commit(db: &Db, events: &[NewEvent]) -> Result<Vec<Appended>, StoreError> {
    let keyed = keyed(events)?;
    let kept = match &db.pools {
        Pools::Sqlite { write, folding, .. } => {
            let kept = sqlite::Batch::new(&keyed)?.commit(write).await?;
            folding.committed();
            kept
        }
        // One statement is a transaction.
        Pools::Postgres(pool) => postgres::commit(pool, &keyed).await?,
    };
    let appended = appended(events, &keyed, &kept);
    if appended.iter().any(|one| !one.duplicate) {
        db.ring(Channel::Inbox);
    }
    Ok(appended)
}

/// The events with their keys, in the keys' order, each key once.
fn keyed(events: &[NewEvent]) -> Result<Vec<(Key, &NewEvent)>, StoreError> {
    if events.len() > BATCH_MAX {
        return Err(StoreError::Stored { what: "batch of events: it is too large" });
    }
    let mut keyed: Vec<(Key, &NewEvent)> = events.iter().map(|event| (stored_key(event), event)).collect();
    // Stable: of two deliveries in one batch the first stays.
    keyed.sort_by(|(a, x), (b, y)| (x.org_id, a).cmp(&(y.org_id, b)));
    keyed.dedup_by(|(a, x), (b, y)| (x.org_id, &*a) == (y.org_id, &*b));
    Ok(keyed)
}

fn appended(events: &[NewEvent], keyed: &[(Key, &NewEvent)], kept: &Kept) -> Vec<Appended> {
    let tried: HashSet<&str>;
    let is_kept: &dyn Fn(&str) -> bool = match kept {
        Kept::All if keyed.len() == events.len() => &|_| true,
        Kept::All => {
            tried = keyed.iter().map(|(_, event)| event.event_id.0.as_str()).collect();
            &|id| tried.contains(id)
        }
        Kept::Only(kept) => &|id| kept.contains(id),
    };
    let appended = |event: &NewEvent| Appended {
        event_id: event.event_id.clone(),
        duplicate: !is_kept(&event.event_id.0),
    };
    events.iter().map(appended).collect()
}

fn stored_key(event: &NewEvent) -> Key {
    let ms = event.occurred_at.map_or(0, |at| at.0.unsigned_abs());
    let mut key = [0; KEY_BYTES];
    key[..TIME_BYTES].copy_from_slice(&ms.to_be_bytes()[8 - TIME_BYTES..]);
    key[TIME_BYTES..].copy_from_slice(&event.key);
    key
}

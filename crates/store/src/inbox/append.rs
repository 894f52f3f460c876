//! The way in: a batch of events, each kept unless its key is there already.
//!
//! The event itself holds its key, until that ends; a later event then takes the key over. Two processes with the same key meet at
//! it: one waits for the other's commit, and then finds the key held. Events are written in the order of their keys, so that two
//! batches never wait for each other in a circle.
//!
//! A dated event's key begins with its time. The time is part of what deliveries have in common, so this tells no two
//! deliveries apart that the hash holds together; it makes keys that arrive together neighbours, and a commit touches a
//! few pages instead of one for each event.
//!
//! This is the hottest path of all, so each engine has its own: what costs there is not the row but the way to the database
//! and back. So, too, SQLite's log is left to be settled apart from the commit.

mod postgres;
mod sqlite;

use model::EventId;
use sqlx::PgPool;

use crate::db::{Db, Pools};
use crate::error::StoreError;
use crate::inbox::NewEvent;
use crate::wake::Channel;

pub(crate) use postgres::{Repeated, STATEMENTS as POSTGRES};
pub(crate) use sqlite::STATEMENTS as SQLITE;

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

/// Keep each event whose key is not there, in a transaction of their own; the answer has the order of `events`. Then the
/// inbox's bell is rung in this process. Batches are written in the order in which they come, on PostgreSQL two beside each other, and
/// each waits for whoever else writes the same key.
///
/// Nothing may be acknowledged before [`Db::settle`], begun after this, has answered: until then what was kept may be lost with the
/// power, and so may that of which a duplicate is one. On PostgreSQL the other processes are not told:
/// [`crate::wake::tell_others`] does that, off this path.
///
/// # Errors
/// [`StoreError::Stored`] for more than [`BATCH_MAX`] events, or the database's error; nothing is kept then, but for what is found
/// to be there when it is brought again.
pub async fn commit(db: &Db, events: Vec<NewEvent>) -> Result<Vec<Appended>, StoreError> {
    let keyed = keyed(&events)?;
    let (events, kept) = match &db.pools {
        Pools::Sqlite { thread, .. } => {
            let told = db.clone();
            let writing = thread.run(move |connection| {
                let kept = sqlite::write(connection, &keyed, &events)?;
                // Here, because whoever asked may have gone.
                told.tell(&kept);
                Ok((events, kept))
            });
            writing.await?
        }
        Pools::Postgres(pool) => {
            let kept = on_its_own(db, pool, &keyed, &events).await?;
            db.tell(&kept);
            (events, kept)
        }
    };
    let appended = |(event, kept): (NewEvent, bool)| Appended { event_id: event.event_id, duplicate: !kept };
    Ok(events.into_iter().zip(kept).map(appended).collect())
}

/// On one of the inbox's own connections. One that was lost while nobody used it, and a lost race for a key, are no reason to refuse
/// anything: what was written all the same is found to be there.
async fn on_its_own(
    db: &Db,
    pool: &PgPool,
    keyed: &[(Key, usize)],
    events: &[NewEvent],
) -> Result<Vec<bool>, StoreError> {
    let Some(now) = events.iter().map(|event| event.received_at).max() else { return Ok(Vec::new()) };
    let mut held = db.lane.hold(pool, now).await?;
    let untold = Untold(Some(db));
    let mut kept = postgres::commit(&mut held, keyed, events, &db.repeated).await;
    match &kept {
        Err(StoreError::ConnectionLost) if held.is_kept() => {
            held.renew(pool).await?;
            kept = postgres::commit(&mut held, keyed, events, &db.repeated).await;
        }
        Err(StoreError::Contention) => kept = postgres::commit(&mut held, keyed, events, &db.repeated).await,
        Ok(_) => untold.end(),
        Err(_) => {}
    }
    let kept = kept?;
    held.hand_back();
    Ok(kept)
}

/// Something may have been written of which nobody will tell: the bell rings when this is dropped before its end.
struct Untold<'a>(Option<&'a Db>);

impl Untold<'_> {
    fn end(mut self) {
        self.0 = None;
    }
}

impl Drop for Untold<'_> {
    fn drop(&mut self) {
        if let Some(db) = self.0 {
            db.ring(Channel::Inbox);
        }
    }
}

impl Db {
    /// Ring where something was kept.
    fn tell(&self, kept: &[bool]) {
        if kept.contains(&true) {
            self.ring(Channel::Inbox);
        }
    }
}

/// The places of events with their keys, in the keys' order, each key once.
fn keyed(events: &[NewEvent]) -> Result<Vec<(Key, usize)>, StoreError> {
    if events.len() > BATCH_MAX {
        return Err(StoreError::Stored { what: "batch of events: it is too large" });
    }
    let mut keyed: Vec<(Key, usize)> = events.iter().map(stored_key).zip(0..).collect();
    let of = |(key, place): &(Key, usize)| (events[*place].org_id, *key);
    // Stable: of two deliveries in one batch the first stays.
    keyed.sort_by_key(of);
    keyed.dedup_by_key(|one| of(one));
    Ok(keyed)
}

fn stored_key(event: &NewEvent) -> Key {
    let ms = event.occurred_at.map_or(0, |at| at.0.unsigned_abs());
    let mut key = [0; KEY_BYTES];
    key[..TIME_BYTES].copy_from_slice(&ms.to_be_bytes()[8 - TIME_BYTES..]);
    key[TIME_BYTES..].copy_from_slice(&event.key);
    key
}

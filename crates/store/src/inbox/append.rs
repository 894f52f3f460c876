//! The way in: a batch of events, each kept unless its key is there already.
//!
//! The key is written first; the statement answers for which events it was new or had ended, and only those are
//! written. Two processes with the same key meet at the key's row: one waits for the other's commit, and then finds the
//! key. Keys are written in their order, so that two batches never wait for each other in a circle.
//!
//! A dated event's key begins with its time in units of about a minute. The time is part of what deliveries have in
//! common, so this tells no two deliveries apart that the hash holds together; it makes keys that arrive together
//! neighbours, and a commit touches a few pages instead of one for each event.

use std::collections::HashSet;

use model::EventId;

use crate::bulk::{POSTGRES_ROWS, Texts};
use crate::db::{Tx, TxKind};
use crate::error::StoreError;
use crate::hash::{clean, clean_option};
use crate::inbox::NewEvent;

/// The most events that are appended at once.
pub const BATCH_MAX: usize = 1_024;
/// Milliseconds are shifted by this for the time a key begins with: 65,536 ms.
const TIME_SHIFT: u32 = 16;

/// What became of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appended {
    /// The event.
    pub event_id: EventId,
    /// Whether the inbox had it already; nothing was written then.
    pub duplicate: bool,
}

/// A key as it is stored.
type Key = [u8; 20];

/// Keep each event whose key is not there, in the order of `events`; the answer has the same order.
///
/// Belongs in a transaction of its own, since it waits for whoever writes the same key.
///
/// # Errors
/// [`StoreError::Stored`] for more than [`BATCH_MAX`] events, or the database's error.
pub async fn append(tx: &mut Tx, events: &[NewEvent]) -> Result<Vec<Appended>, StoreError> {
    if events.len() > BATCH_MAX {
        return Err(StoreError::Stored { what: "batch of events: it is too large" });
    }
    let mut keyed: Vec<(Key, &NewEvent)> = events.iter().map(|event| (stored_key(event), event)).collect();
    // Stable: of two deliveries in one batch the first stays.
    keyed.sort_by(|(a, x), (b, y)| (x.org_id, a).cmp(&(y.org_id, b)));
    keyed.dedup_by(|(a, x), (b, y)| (x.org_id, &*a) == (y.org_id, &*b));
    let new = write_keys(tx, &keyed).await?;
    let kept: Vec<(Key, &NewEvent)> =
        keyed.into_iter().filter(|(_, event)| new.contains(event.event_id.0.as_str())).collect();
    insert_in_order(tx, kept).await?;
    let appended = |event: &NewEvent| Appended {
        event_id: event.event_id.clone(),
        duplicate: !new.contains(event.event_id.0.as_str()),
    };
    Ok(events.iter().map(appended).collect())
}

fn stored_key(event: &NewEvent) -> Key {
    let minute = event.occurred_at.map_or(0, |at| at.0.unsigned_abs() >> TIME_SHIFT);
    let mut key = [0; 20];
    key[..4].copy_from_slice(&u32::try_from(minute).unwrap_or(u32::MAX).to_be_bytes());
    key[4..].copy_from_slice(&event.key);
    key
}

static KEYS: Texts = Texts::new(
    "INSERT INTO event_keys",
    &[
        ("org_id", "BIGINT"),
        ("key", "BYTEA"),
        ("event_id", "TEXT"),
        ("received_at", "BIGINT"),
        ("ends_at", "BIGINT"),
    ],
    "ON CONFLICT (org_id, key) DO UPDATE
     SET event_id = excluded.event_id, received_at = excluded.received_at, ends_at = excluded.ends_at
     WHERE event_keys.ends_at <= excluded.received_at
     RETURNING event_id",
);

/// Write the keys, and answer the ids of the events whose key was not there.
async fn write_keys(tx: &mut Tx, keyed: &[(Key, &NewEvent)]) -> Result<HashSet<String>, StoreError> {
    let mut new = HashSet::with_capacity(keyed.len());
    match &mut tx.0 {
        TxKind::Sqlite(tx) => {
            let mut rest = keyed;
            while !rest.is_empty() {
                let (text, size) = KEYS.sqlite(rest.len());
                let (batch, later) = rest.split_at(size);
                let mut query = sqlx::query_scalar::<_, String>(text);
                for (key, event) in batch {
                    query = query
                        .bind(event.org_id.0)
                        .bind(key.to_vec())
                        .bind(event.event_id.0.as_str())
                        .bind(event.received_at.0)
                        .bind(event.received_at.plus(event.window_ms).0);
                }
                new.extend(query.fetch_all(&mut **tx).await?);
                rest = later;
            }
        }
        TxKind::Postgres(tx) => {
            for batch in keyed.chunks(POSTGRES_ROWS) {
                let of = |value: fn(&NewEvent) -> i64| -> Vec<i64> {
                    batch.iter().map(|(_, event)| value(event)).collect()
                };
                let query = sqlx::query_scalar::<_, String>(KEYS.postgres())
                    .bind(of(|event| event.org_id.0))
                    .bind(batch.iter().map(|(key, _)| key.as_slice()).collect::<Vec<_>>())
                    .bind(batch.iter().map(|(_, event)| event.event_id.0.as_str()).collect::<Vec<_>>())
                    .bind(of(|event| event.received_at.0))
                    .bind(of(|event| event.received_at.plus(event.window_ms).0));
                new.extend(query.fetch_all(&mut **tx).await?);
            }
        }
    }
    Ok(new)
}

/// Ordered by id: the table is, and a batch then ends up in its last pages.
async fn insert_in_order(tx: &mut Tx, mut kept: Vec<(Key, &NewEvent)>) -> Result<(), StoreError> {
    kept.sort_by(|(_, x), (_, y)| x.event_id.cmp(&y.event_id));
    let written = insert(tx, &kept).await?;
    debug_assert_eq!(usize::try_from(written), Ok(kept.len()), "each kept event is one row");
    Ok(())
}

bulk! {
    INSERT, async fn insert(row: (Key, &NewEvent)) = "INSERT INTO events" (
        event_id text = row.1.event_id.0.as_str(),
        org_id int = row.1.org_id.0,
        connection_id text = row.1.connection_id.as_ref().map(|id| id.0.as_str()),
        kind text = clean(&row.1.kind),
        spelled text = clean(&row.1.spelled),
        conversation_id int = row.1.conversation_id.map(|id| id.0),
        contact_id int = row.1.contact_id.map(|id| id.0),
        user_id int = row.1.user_id.map(|id| id.0),
        message_id int = row.1.message_id.map(|id| id.0),
        playbook_id int = row.1.playbook_id.map(|id| id.0),
        occurred_at int = row.1.occurred_at.map(|at| at.0),
        received_at int = row.1.received_at.0,
        key bytes = row.0.to_vec(),
        facts text = clean_option(row.1.facts.as_ref().map(|facts| facts.expose())),
        payload_form text = row.1.payload.form(),
        payload bytes = row.1.payload.bytes(),
        trace text = row.1.trace.as_deref(),
    ) ""
}

pub(crate) const BULK: &[(&str, &Texts)] =
    &[("inbox::append::KEYS", &KEYS), ("inbox::append::INSERT", &INSERT)];

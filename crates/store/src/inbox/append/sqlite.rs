//! SQLite: a batch as one transaction on the thread for that, a key and an event at a time.
//!
//! An event is written only if its key is its own.

use rusqlite::{Connection, TransactionBehavior, params};

use super::Key;
use crate::error::StoreError;
use crate::hash::{clean, clean_option};
use crate::inbox::NewEvent;

const KEY: &str = "
    INSERT INTO event_keys (org_id, key, event_id, received_at, ends_at) VALUES (?1, ?2, ?3, ?4, ?5)
    ON CONFLICT (org_id, key) DO UPDATE
    SET event_id = excluded.event_id, received_at = excluded.received_at, ends_at = excluded.ends_at
    WHERE event_keys.ends_at <= excluded.received_at";
const EVENT: &str = "
    INSERT INTO events (event_id, org_id, key, connection_id, kind, spelled, conversation_id, contact_id, user_id,
        message_id, playbook_id, occurred_at, received_at, facts, payload_form, payload, trace)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)";

/// Write events and their keys; answers which of the events were kept, by their places.
pub(super) fn write(
    connection: &mut Connection,
    keyed: &[(Key, usize)],
    events: &[NewEvent],
) -> Result<Vec<bool>, StoreError> {
    let mut kept = vec![false; events.len()];
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    {
        let (mut keys, mut rows) = (tx.prepare_cached(KEY)?, tx.prepare_cached(EVENT)?);
        for (key, place) in keyed {
            let event = &events[*place];
            let (at, ends_at) = (event.received_at, event.received_at.plus(event.window_ms));
            kept[*place] =
                keys.execute(params![event.org_id.0, &key[..], &event.event_id.0, at.0, ends_at.0])? == 1;
            if kept[*place] {
                rows.execute(params![
                    &event.event_id.0,
                    event.org_id.0,
                    &key[..],
                    event.connection_id.as_ref().map(|id| &id.0),
                    clean(&event.kind),
                    clean(&event.spelled),
                    event.conversation_id.map(|id| id.0),
                    event.contact_id.map(|id| id.0),
                    event.user_id.map(|id| id.0),
                    event.message_id.map(|id| id.0),
                    event.playbook_id.map(|id| id.0),
                    event.occurred_at.map(|at| at.0),
                    at.0,
                    clean_option(event.facts.as_ref().map(|facts| facts.expose())),
                    event.payload.form(),
                    event.payload.bytes(),
                    event.trace.as_deref(),
                ])?;
            }
        }
    }
    tx.commit()?;
    Ok(kept)
}

pub(crate) const STATEMENTS: &[(&str, &str)] =
    &[("inbox::append::sqlite::KEY", KEY), ("inbox::append::sqlite::EVENT", EVENT)];

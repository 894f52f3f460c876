//! SQLite: a batch as one transaction on the thread for that, an event at a time.

use rusqlite::{Connection, Statement, TransactionBehavior, params};

use super::Key;
use crate::error::StoreError;
use crate::hash::{clean, clean_option};
use crate::inbox::NewEvent;

const EVENT: &str = "
    INSERT INTO events (event_id, org_id, key, connection_id, kind, spelled, conversation_id, contact_id, user_id,
        message_id, playbook_id, occurred_at, received_at, facts, payload_form, payload, trace, key_ends_at)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)
    ON CONFLICT (org_id, key) WHERE key_ends_at IS NOT NULL DO NOTHING";
const END_KEY: &str = "
    UPDATE events SET key_ends_at = NULL WHERE org_id = ?1 AND key = ?2 AND key_ends_at <= ?3";

/// Write events whose keys are not held; answers which of them were kept, by their places.
pub(super) fn write(
    connection: &mut Connection,
    keyed: &[(Key, usize)],
    events: &[NewEvent],
) -> Result<Vec<bool>, StoreError> {
    let mut kept = vec![false; events.len()];
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    {
        let (mut rows, mut ended) = (tx.prepare_cached(EVENT)?, tx.prepare_cached(END_KEY)?);
        for (key, place) in keyed {
            let event = &events[*place];
            kept[*place] = insert(&mut rows, key, event)?
                || (ended.execute(params![event.org_id.0, &key[..], event.received_at.0])? > 0
                    && insert(&mut rows, key, event)?);
        }
    }
    tx.commit()?;
    Ok(kept)
}

/// Write an event, unless its key is held.
fn insert(rows: &mut Statement<'_>, key: &Key, event: &NewEvent) -> Result<bool, StoreError> {
    let written = rows.execute(params![
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
        event.received_at.0,
        clean_option(event.facts.as_ref().map(|facts| facts.expose())),
        event.payload.form(),
        event.payload.bytes(),
        event.trace.as_deref(),
        event.received_at.plus(event.window_ms).0,
    ])?;
    Ok(written == 1)
}

pub(crate) const STATEMENTS: &[(&str, &str)] =
    &[("inbox::append::sqlite::EVENT", EVENT), ("inbox::append::sqlite::END_KEY", END_KEY)];

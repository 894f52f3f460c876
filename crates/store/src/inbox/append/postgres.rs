//! PostgreSQL: a batch in one statement, which by itself is a transaction: one way to the server and back.
//!
//! An event that is there already is not touched, and so not waited for: the router holds many of them. Only where fewer were
//! written than were given is it asked which, then whether the keys of the others have ended, and if so those are written once more.

use std::collections::HashSet;

use sqlx::PgConnection;

use super::Key;
use crate::error::StoreError;
use crate::hash::{clean, clean_option};
use crate::inbox::NewEvent;

/// How many were written is told without being asked. Arrays are unrolled beside each other and in their order, which is that of
/// the keys: to sort them once more would copy every row.
const COMMIT: &str = "
    INSERT INTO events (event_id, org_id, connection_id, kind, spelled, conversation_id, contact_id, user_id, message_id,
        playbook_id, occurred_at, received_at, key_ends_at, key, facts, payload_form, payload, trace)
    SELECT UNNEST(CAST($1 AS TEXT[])), UNNEST(CAST($2 AS BIGINT[])), UNNEST(CAST($3 AS TEXT[])),
        UNNEST(CAST($4 AS TEXT[])), UNNEST(CAST($5 AS TEXT[])), UNNEST(CAST($6 AS BIGINT[])),
        UNNEST(CAST($7 AS BIGINT[])), UNNEST(CAST($8 AS BIGINT[])), UNNEST(CAST($9 AS BIGINT[])),
        UNNEST(CAST($10 AS BIGINT[])), UNNEST(CAST($11 AS BIGINT[])), UNNEST(CAST($12 AS BIGINT[])),
        UNNEST(CAST($13 AS BIGINT[])), UNNEST(CAST($14 AS BYTEA[])), UNNEST(CAST($15 AS TEXT[])),
        UNNEST(CAST($16 AS TEXT[])), UNNEST(CAST($17 AS BYTEA[])), UNNEST(CAST($18 AS TEXT[]))
    ON CONFLICT (org_id, key) WHERE key_ends_at IS NOT NULL DO NOTHING";
/// Which of the events of a batch are there; their ids are of this batch alone.
const WRITTEN: &str = "SELECT event_id FROM events WHERE event_id = ANY(CAST($1 AS TEXT[]))";
/// Take ended keys away from their events. Each is looked up by itself, whatever the server thinks it knows of the table.
const END_KEYS: &str = "
    UPDATE events SET key_ends_at = NULL
    FROM UNNEST(CAST($1 AS BIGINT[]), CAST($2 AS BYTEA[]), CAST($3 AS BIGINT[])) AS given (org_id, key, received_at)
        CROSS JOIN LATERAL (
            SELECT event_id FROM events AS held
            WHERE held.org_id = given.org_id AND held.key = given.key AND held.key_ends_at <= given.received_at
            LIMIT 1) AS ended
    WHERE events.event_id = ended.event_id";

/// Write events whose keys are not held; answers which of them were kept, by their places.
pub(super) async fn commit(
    connection: &mut PgConnection,
    keyed: &[(Key, usize)],
    events: &[NewEvent],
) -> Result<Vec<bool>, StoreError> {
    let mut kept = vec![false; events.len()];
    let left = write(connection, keyed, events, &mut kept).await?;
    if !left.is_empty() && end_keys(connection, &left, events).await? {
        // Whoever finds its key held now was overtaken by another delivery.
        write(connection, &left, events, &mut kept).await?;
    }
    Ok(kept)
}

/// Whether the keys of some events had ended.
async fn end_keys(
    connection: &mut PgConnection,
    keyed: &[(Key, usize)],
    events: &[NewEvent],
) -> Result<bool, StoreError> {
    let ended = sqlx::query(END_KEYS)
        .bind(keyed.iter().map(|(_, place)| events[*place].org_id.0).collect::<Vec<_>>())
        .bind(keyed.iter().map(|(key, _)| key.as_slice()).collect::<Vec<_>>())
        .bind(keyed.iter().map(|(_, place)| events[*place].received_at.0).collect::<Vec<_>>())
        .execute(connection)
        .await?;
    Ok(ended.rows_affected() > 0)
}

/// Note which events were written, and answer those that were not.
async fn write(
    connection: &mut PgConnection,
    keyed: &[(Key, usize)],
    events: &[NewEvent],
    kept: &mut [bool],
) -> Result<Vec<(Key, usize)>, StoreError> {
    fn of<'a, T>(events: &[&'a NewEvent], value: impl Fn(&'a NewEvent) -> T) -> Vec<T> {
        events.iter().map(|event| value(event)).collect()
    }
    let rows: Vec<&NewEvent> = keyed.iter().map(|(_, place)| &events[*place]).collect();
    let inserted = sqlx::query(COMMIT)
        .bind(of(&rows, |event| event.event_id.0.as_str()))
        .bind(of(&rows, |event| event.org_id.0))
        .bind(of(&rows, |event| event.connection_id.as_ref().map(|id| id.0.as_str())))
        .bind(of(&rows, |event| clean(&event.kind)))
        .bind(of(&rows, |event| clean(&event.spelled)))
        .bind(of(&rows, |event| event.conversation_id.map(|id| id.0)))
        .bind(of(&rows, |event| event.contact_id.map(|id| id.0)))
        .bind(of(&rows, |event| event.user_id.map(|id| id.0)))
        .bind(of(&rows, |event| event.message_id.map(|id| id.0)))
        .bind(of(&rows, |event| event.playbook_id.map(|id| id.0)))
        .bind(of(&rows, |event| event.occurred_at.map(|at| at.0)))
        .bind(of(&rows, |event| event.received_at.0))
        .bind(of(&rows, |event| event.received_at.plus(event.window_ms).0))
        .bind(keyed.iter().map(|(key, _)| key.as_slice()).collect::<Vec<_>>())
        .bind(of(&rows, |event| clean_option(event.facts.as_ref().map(|facts| facts.expose()))))
        .bind(of(&rows, |event| event.payload.form()))
        .bind(of(&rows, |event| event.payload.bytes()))
        .bind(of(&rows, |event| event.trace.as_deref()))
        .execute(&mut *connection)
        .await?;
    let written = match usize::try_from(inserted.rows_affected()) {
        Ok(count) if count == rows.len() => None,
        _ => Some(written(connection, &rows).await?),
    };
    for (_, place) in keyed {
        kept[*place] = written.as_ref().is_none_or(|written| written.contains(&events[*place].event_id.0));
    }
    Ok(keyed.iter().filter(|(_, place)| !kept[*place]).copied().collect())
}

/// Which of some events are there.
async fn written(connection: &mut PgConnection, rows: &[&NewEvent]) -> Result<HashSet<String>, StoreError> {
    let ids: Vec<&str> = rows.iter().map(|event| event.event_id.0.as_str()).collect();
    let written: Vec<String> = sqlx::query_scalar(WRITTEN).bind(ids).fetch_all(connection).await?;
    Ok(HashSet::from_iter(written))
}

pub(crate) const STATEMENTS: &[(&str, &str)] = &[
    ("inbox::append::postgres::COMMIT", COMMIT),
    ("inbox::append::postgres::WRITTEN", WRITTEN),
    ("inbox::append::postgres::END_KEYS", END_KEYS),
];

//! PostgreSQL: a batch in one statement, which by itself is a transaction: one way to the server and back.

use std::collections::HashSet;

use sqlx::PgConnection;

use super::Key;
use crate::error::StoreError;
use crate::hash::{clean, clean_option};
use crate::inbox::NewEvent;

/// An event whose key has ended gives it up, and is among what was written without a key: the one that wants it comes again.
/// Nearly always all are new, and nothing has to be told of each. Arrays are unrolled beside each other and in their order, which is
/// that of the keys: to sort them once more would copy every row.
const COMMIT: &str = "
    WITH written AS (
        INSERT INTO events (event_id, org_id, connection_id, kind, spelled, conversation_id, contact_id, user_id, message_id,
            playbook_id, occurred_at, received_at, key_ends_at, key, facts, payload_form, payload, trace)
        SELECT UNNEST(CAST($1 AS TEXT[])), UNNEST(CAST($2 AS BIGINT[])), UNNEST(CAST($3 AS TEXT[])),
            UNNEST(CAST($4 AS TEXT[])), UNNEST(CAST($5 AS TEXT[])), UNNEST(CAST($6 AS BIGINT[])),
            UNNEST(CAST($7 AS BIGINT[])), UNNEST(CAST($8 AS BIGINT[])), UNNEST(CAST($9 AS BIGINT[])),
            UNNEST(CAST($10 AS BIGINT[])), UNNEST(CAST($11 AS BIGINT[])), UNNEST(CAST($12 AS BIGINT[])),
            UNNEST(CAST($13 AS BIGINT[])), UNNEST(CAST($14 AS BYTEA[])), UNNEST(CAST($15 AS TEXT[])),
            UNNEST(CAST($16 AS TEXT[])), UNNEST(CAST($17 AS BYTEA[])), UNNEST(CAST($18 AS TEXT[]))
        ON CONFLICT (org_id, key) WHERE key_ends_at IS NOT NULL DO UPDATE SET key_ends_at = NULL
        WHERE events.key_ends_at <= excluded.received_at
        RETURNING event_id, key_ends_at
    )
    SELECT COUNT(*) > COUNT(key_ends_at) AS ended,
        CASE WHEN COUNT(key_ends_at) < CARDINALITY($1)
            THEN COALESCE(ARRAY_AGG(event_id) FILTER (WHERE key_ends_at IS NOT NULL), '{}') END AS new
    FROM written";

/// Write events whose keys are not held; answers which of them were kept, by their places.
pub(super) async fn commit(
    connection: &mut PgConnection,
    keyed: &[(Key, usize)],
    events: &[NewEvent],
) -> Result<Vec<bool>, StoreError> {
    let mut kept = vec![false; events.len()];
    let mut left = keyed.to_vec();
    // Whoever comes again finds the key free, or taken by somebody else.
    for _ in 0..2 {
        let (ended, new) = write(connection, &left, events).await?;
        left.retain(|(_, place)| {
            kept[*place] = new.as_ref().is_none_or(|new| new.contains(&events[*place].event_id.0));
            !kept[*place]
        });
        if !ended {
            break;
        }
    }
    Ok(kept)
}

/// Whether a key had ended, and which events were written; `None` when all were.
async fn write(
    connection: &mut PgConnection,
    keyed: &[(Key, usize)],
    events: &[NewEvent],
) -> Result<(bool, Option<HashSet<String>>), StoreError> {
    fn of<'a, T>(events: &[&'a NewEvent], value: impl Fn(&'a NewEvent) -> T) -> Vec<T> {
        events.iter().map(|event| value(event)).collect()
    }
    let rows: Vec<&NewEvent> = keyed.iter().map(|(_, place)| &events[*place]).collect();
    let (ended, new): (bool, Option<Vec<String>>) = sqlx::query_as(COMMIT)
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
        .fetch_one(connection)
        .await?;
    Ok((ended, new.map(HashSet::from_iter)))
}

pub(crate) const STATEMENTS: &[(&str, &str)] = &[("inbox::append::postgres::COMMIT", COMMIT)];

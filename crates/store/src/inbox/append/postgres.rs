//! PostgreSQL: keys and events in one statement, which by itself is a transaction: one way to the server and back.

use std::collections::HashSet;

use futures_util::TryStreamExt as _;
use sqlx::PgConnection;

use super::Key;
use crate::error::StoreError;
use crate::hash::{clean, clean_option};
use crate::inbox::NewEvent;

/// How it is committed is looked up when it is: the log is left to be settled.
const COMMIT: &str = "
    WITH given AS (
        SELECT * FROM UNNEST(
            CAST($1 AS TEXT[]), CAST($2 AS BIGINT[]), CAST($3 AS TEXT[]), CAST($4 AS TEXT[]), CAST($5 AS TEXT[]),
            CAST($6 AS BIGINT[]), CAST($7 AS BIGINT[]), CAST($8 AS BIGINT[]), CAST($9 AS BIGINT[]),
            CAST($10 AS BIGINT[]), CAST($11 AS BIGINT[]), CAST($12 AS BIGINT[]), CAST($13 AS BIGINT[]),
            CAST($14 AS BYTEA[]), CAST($15 AS TEXT[]), CAST($16 AS TEXT[]), CAST($17 AS BYTEA[]), CAST($18 AS TEXT[])
        ) AS given (event_id, org_id, connection_id, kind, spelled, conversation_id, contact_id, user_id, message_id,
            playbook_id, occurred_at, received_at, ends_at, key, facts, payload_form, payload, trace)
    ), new AS (
        INSERT INTO event_keys (org_id, key, event_id, received_at, ends_at)
        SELECT org_id, key, event_id, received_at, ends_at FROM given ORDER BY org_id, key
        ON CONFLICT (org_id, key) DO UPDATE
        SET event_id = excluded.event_id, received_at = excluded.received_at, ends_at = excluded.ends_at
        WHERE event_keys.ends_at <= excluded.received_at
        RETURNING event_id
    ), kept AS (
        INSERT INTO events (event_id, org_id, connection_id, kind, spelled, conversation_id, contact_id, user_id,
            message_id, playbook_id, occurred_at, received_at, key, facts, payload_form, payload, trace)
        SELECT event_id, org_id, connection_id, kind, spelled, conversation_id, contact_id, user_id,
            message_id, playbook_id, occurred_at, received_at, key, facts, payload_form, payload, trace
        FROM given WHERE event_id IN (SELECT event_id FROM new) ORDER BY event_id
    )
    SELECT event_id FROM new, (SELECT set_config('synchronous_commit', 'off', TRUE)) AS later";

/// Write events and their keys; answers which of the events were kept, by their places.
pub(super) async fn commit(
    connection: &mut PgConnection,
    keyed: &[(Key, usize)],
    events: &[NewEvent],
) -> Result<Vec<bool>, StoreError> {
    fn of<'a, T>(events: &[&'a NewEvent], value: impl Fn(&'a NewEvent) -> T) -> Vec<T> {
        events.iter().map(|event| value(event)).collect()
    }
    let rows: Vec<&NewEvent> = keyed.iter().map(|(_, place)| &events[*place]).collect();
    let new: HashSet<String> = sqlx::query_scalar(COMMIT)
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
        .fetch(connection)
        .try_collect()
        .await?;
    let mut kept = vec![false; events.len()];
    for (_, place) in keyed {
        kept[*place] = new.contains(&events[*place].event_id.0);
    }
    Ok(kept)
}

pub(crate) const STATEMENTS: &[(&str, &str)] = &[("inbox::append::postgres::COMMIT", COMMIT)];

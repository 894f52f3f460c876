//! PostgreSQL: keys and events in one statement, which by itself is a transaction: one way to the server and back.

use sqlx::{PgConnection, PgExecutor, PgPool};

use super::{Kept, Key};
use crate::error::StoreError;
use crate::hash::{clean, clean_option};
use crate::inbox::NewEvent;

macro_rules! append_text {
    ($from:literal) => {
        concat!(
            "
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
    SELECT event_id FROM ",
            $from
        )
    };
}

const APPEND: &str = append_text!("new");
/// The same as a transaction of its own whose log is left to be settled: how it is committed is looked up when it is.
const COMMIT: &str = append_text!("new, (SELECT set_config('synchronous_commit', 'off', TRUE)) AS later");

/// Write keys and events; answers which were kept.
pub(super) async fn append(
    connection: &mut PgConnection,
    keyed: &[(Key, &NewEvent)],
) -> Result<Kept, StoreError> {
    run(APPEND, connection, keyed).await
}

/// The same in a transaction of its own, which is to be settled.
pub(super) async fn commit(pool: &PgPool, keyed: &[(Key, &NewEvent)]) -> Result<Kept, StoreError> {
    run(COMMIT, pool, keyed).await
}

async fn run(
    text: &'static str,
    executor: impl PgExecutor<'_>,
    keyed: &[(Key, &NewEvent)],
) -> Result<Kept, StoreError> {
    fn of<'a, T>(keyed: &[(Key, &'a NewEvent)], value: impl Fn(&'a NewEvent) -> T) -> Vec<T> {
        keyed.iter().map(|(_, event)| value(event)).collect()
    }
    let kept: Vec<String> = sqlx::query_scalar(text)
        .bind(of(keyed, |event| event.event_id.0.as_str()))
        .bind(of(keyed, |event| event.org_id.0))
        .bind(of(keyed, |event| event.connection_id.as_ref().map(|id| id.0.as_str())))
        .bind(of(keyed, |event| clean(&event.kind)))
        .bind(of(keyed, |event| clean(&event.spelled)))
        .bind(of(keyed, |event| event.conversation_id.map(|id| id.0)))
        .bind(of(keyed, |event| event.contact_id.map(|id| id.0)))
        .bind(of(keyed, |event| event.user_id.map(|id| id.0)))
        .bind(of(keyed, |event| event.message_id.map(|id| id.0)))
        .bind(of(keyed, |event| event.playbook_id.map(|id| id.0)))
        .bind(of(keyed, |event| event.occurred_at.map(|at| at.0)))
        .bind(of(keyed, |event| event.received_at.0))
        .bind(of(keyed, |event| event.received_at.plus(event.window_ms).0))
        .bind(keyed.iter().map(|(key, _)| key.as_slice()).collect::<Vec<_>>())
        .bind(of(keyed, |event| clean_option(event.facts.as_ref().map(|facts| facts.expose()))))
        .bind(of(keyed, |event| event.payload.form()))
        .bind(of(keyed, |event| event.payload.bytes()))
        .bind(of(keyed, |event| event.trace.as_deref()))
        .fetch_all(executor)
        .await?;
    Ok(if kept.len() == keyed.len() { Kept::All } else { Kept::Only(kept.into_iter().collect()) })
}

pub(crate) const STATEMENTS: &[(&str, &str)] =
    &[("inbox::append::postgres::APPEND", APPEND), ("inbox::append::postgres::COMMIT", COMMIT)];

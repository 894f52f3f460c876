//! PostgreSQL: a batch in one statement, which by itself is a transaction: one way to the server and back.
//!
//! An event that is there already is not touched, and so not waited for: the router holds many of them. Only where fewer were
//! written than were given is it asked which, then whether the keys of the others have ended, and if so those are written once more.
//!
//! To look for each key before it is written costs a tenth of the whole, and Drift hardly ever sends an event twice. So it is done only
//! where a repeated event was met within the last hour; the first one that is met then undoes its batch, which is written once more.

use std::collections::HashSet;
use std::sync::atomic::{AtomicI64, Ordering};

use model::Millis;
use sqlx::PgConnection;

use super::Key;
use crate::error::StoreError;
use crate::hash::{clean, clean_option};
use crate::inbox::NewEvent;

/// How long keys are looked for after a repeated event, in milliseconds: one that is met unawares is an error in the server's log.
const AWARE_MS: i64 = 3_600_000;

/// How many were written is told without being asked. Arrays are unrolled beside each other and in their order, which is that of
/// the keys: to sort them once more would copy every row.
macro_rules! insert {
    ($where_held:literal) => {
        concat!(
            "
    INSERT INTO events (event_id, org_id, connection_id, kind, spelled, conversation_id, contact_id, user_id, message_id,
        playbook_id, occurred_at, received_at, key_ends_at, key, facts, payload_form, payload, trace)
    SELECT UNNEST(CAST($1 AS TEXT[])), UNNEST(CAST($2 AS BIGINT[])), UNNEST(CAST($3 AS TEXT[])),
        UNNEST(CAST($4 AS TEXT[])), UNNEST(CAST($5 AS TEXT[])), UNNEST(CAST($6 AS BIGINT[])),
        UNNEST(CAST($7 AS BIGINT[])), UNNEST(CAST($8 AS BIGINT[])), UNNEST(CAST($9 AS BIGINT[])),
        UNNEST(CAST($10 AS BIGINT[])), UNNEST(CAST($11 AS BIGINT[])), UNNEST(CAST($12 AS BIGINT[])),
        UNNEST(CAST($13 AS BIGINT[])), UNNEST(CAST($14 AS BYTEA[])), UNNEST(CAST($15 AS TEXT[])),
        UNNEST(CAST($16 AS TEXT[])), UNNEST(CAST($17 AS BYTEA[])), UNNEST(CAST($18 AS TEXT[]))",
            $where_held
        )
    };
}
/// All, or none where one of the keys is held.
const ALL: &str = insert!("");
/// Those whose keys are not held.
const NEW: &str = insert!(" ON CONFLICT (org_id, key) WHERE key_ends_at IS NOT NULL DO NOTHING");
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

/// When a repeated event was met last, in this process.
#[derive(Debug)]
pub(crate) struct Repeated(AtomicI64);

impl Default for Repeated {
    fn default() -> Self {
        Self(AtomicI64::new(i64::MIN))
    }
}

impl Repeated {
    fn meet(&self, now: Millis) {
        self.0.fetch_max(now.0, Ordering::Relaxed);
    }

    fn is_recent(&self, now: Millis) -> bool {
        now.0.saturating_sub(self.0.load(Ordering::Relaxed)) <= AWARE_MS
    }
}

/// Write events whose keys are not held; answers which of them were kept, by their places.
pub(super) async fn commit(
    connection: &mut PgConnection,
    keyed: &[(Key, usize)],
    events: &[NewEvent],
    repeated: &Repeated,
) -> Result<Vec<bool>, StoreError> {
    let mut kept = vec![false; events.len()];
    let left = write(connection, keyed, events, repeated, &mut kept).await?;
    if !left.is_empty() && end_keys(connection, &left, events).await? {
        // Whoever finds its key held now was overtaken by another delivery.
        write(connection, &left, events, repeated, &mut kept).await?;
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
    repeated: &Repeated,
    kept: &mut [bool],
) -> Result<Vec<(Key, usize)>, StoreError> {
    let Some(now) = keyed.iter().map(|(_, place)| events[*place].received_at).max() else {
        return Ok(Vec::new());
    };
    let is_aware = repeated.is_recent(now);
    let count = match insert(connection, if is_aware { NEW } else { ALL }, keyed, events).await {
        Err(StoreError::Conflict { .. }) if !is_aware => {
            repeated.meet(now);
            insert(connection, NEW, keyed, events).await?
        }
        inserted => inserted?,
    };
    let written = if count == keyed.len() as u64 {
        None
    } else {
        repeated.meet(now);
        Some(written(connection, keyed, events).await?)
    };
    for (_, place) in keyed {
        kept[*place] = written.as_ref().is_none_or(|written| written.contains(&events[*place].event_id.0));
    }
    Ok(keyed.iter().filter(|(_, place)| !kept[*place]).copied().collect())
}

/// Write events in one statement; tells how many were written.
async fn insert(
    connection: &mut PgConnection,
    statement: &'static str,
    keyed: &[(Key, usize)],
    events: &[NewEvent],
) -> Result<u64, StoreError> {
    fn of<'a, T>(events: &[&'a NewEvent], value: impl Fn(&'a NewEvent) -> T) -> Vec<T> {
        events.iter().map(|event| value(event)).collect()
    }
    let rows: Vec<&NewEvent> = keyed.iter().map(|(_, place)| &events[*place]).collect();
    let inserted = sqlx::query(statement)
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
        .execute(connection)
        .await?;
    Ok(inserted.rows_affected())
}

/// Which of some events are there.
async fn written(
    connection: &mut PgConnection,
    keyed: &[(Key, usize)],
    events: &[NewEvent],
) -> Result<HashSet<String>, StoreError> {
    let ids: Vec<&str> = keyed.iter().map(|(_, place)| events[*place].event_id.0.as_str()).collect();
    let written: Vec<String> = sqlx::query_scalar(WRITTEN).bind(ids).fetch_all(connection).await?;
    Ok(HashSet::from_iter(written))
}

pub(crate) const STATEMENTS: &[(&str, &str)] = &[
    ("inbox::append::postgres::ALL", ALL),
    ("inbox::append::postgres::NEW", NEW),
    ("inbox::append::postgres::WRITTEN", WRITTEN),
    ("inbox::append::postgres::END_KEYS", END_KEYS),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_looked_for_until_an_hour_has_passed_without_a_repeated_event() {
        let (repeated, met) = (Repeated::default(), Millis(1_717_400_000_000));
        assert!(!repeated.is_recent(met));
        repeated.meet(met);
        repeated.meet(met.plus(-5));
        assert!(repeated.is_recent(met.plus(AWARE_MS)));
        assert!(!repeated.is_recent(met.plus(AWARE_MS + 1)));
    }
}

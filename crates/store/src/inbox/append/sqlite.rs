//! SQLite: keys and events in one way to its thread, put together before the write lock is taken.
//!
//! The two statements say how many rows they wrote, which is nearly always all of them, and nothing else is asked then:
//! `RETURNING` would be a message between two threads for each row. An event is written only if the key is its own.

use std::collections::HashSet;
use std::sync::OnceLock;

use futures_util::TryStreamExt as _;
use sqlx::error::BoxDynError;
use sqlx::sqlite::{SqliteArguments, SqliteQueryResult};
use sqlx::{Arguments as _, Executor as _, Sqlite, SqliteConnection, SqlitePool, Transaction};

use super::{Kept, Key};
use crate::bulk::{SQLITE_ROWS, Texts};
use crate::db::settle::Later;
use crate::error::StoreError;
use crate::hash::{clean, clean_option};
use crate::inbox::NewEvent;

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
     WHERE event_keys.ends_at <= excluded.received_at",
);
static EVENTS: Texts = Texts::new(
    "INSERT INTO events",
    &[
        ("event_id", "TEXT"),
        ("org_id", "BIGINT"),
        ("key", "BYTEA"),
        ("connection_id", "TEXT"),
        ("kind", "TEXT"),
        ("spelled", "TEXT"),
        ("conversation_id", "BIGINT"),
        ("contact_id", "BIGINT"),
        ("user_id", "BIGINT"),
        ("message_id", "BIGINT"),
        ("playbook_id", "BIGINT"),
        ("occurred_at", "BIGINT"),
        ("received_at", "BIGINT"),
        ("facts", "TEXT"),
        ("payload_form", "TEXT"),
        ("payload", "BYTEA"),
        ("trace", "TEXT"),
    ],
    "AND EXISTS (SELECT 1 FROM event_keys WHERE org_id = column2 AND key = column3 AND event_id = column1)",
);

/// Who holds these keys; asked only when not all of them were written.
const HOLDERS: &str = "
    SELECT event_id FROM event_keys WHERE (org_id, key) IN (
        SELECT json_extract(value, '$[0]'), unhex(json_extract(value, '$[1]')) FROM json_each($1))";

/// Both statements in one text, for as many rows as that size has room for.
fn both(index: usize) -> &'static str {
    static BOTH: [OnceLock<&'static str>; SQLITE_ROWS.len()] = [const { OnceLock::new() }; SQLITE_ROWS.len()];
    BOTH[index].get_or_init(|| format!("{}; {}", KEYS.sqlite_text(index), EVENTS.sqlite_text(index)).leak())
}

/// The same as a whole transaction.
fn whole(index: usize) -> &'static str {
    static WHOLE: [OnceLock<&'static str>; SQLITE_ROWS.len()] =
        [const { OnceLock::new() }; SQLITE_ROWS.len()];
    WHOLE[index].get_or_init(|| format!("BEGIN IMMEDIATE; {}; COMMIT", both(index)).leak())
}

/// A batch whose values are bound.
pub(super) struct Batch<'a> {
    keyed: &'a [(Key, &'a NewEvent)],
    index: usize,
    bound: SqliteArguments,
}

impl<'a> Batch<'a> {
    pub(super) fn new(keyed: &'a [(Key, &'a NewEvent)]) -> Result<Self, StoreError> {
        let fits = |size: &usize| *size >= keyed.len();
        let index = SQLITE_ROWS.iter().position(fits).expect("the largest batch fits the largest size");
        let bound = bind(keyed, SQLITE_ROWS[index]).map_err(sqlx::Error::Encode)?;
        Ok(Self { keyed, index, bound })
    }

    /// Write keys and events; answers which were kept.
    pub(super) async fn write(self, tx: &mut Transaction<'_, Sqlite>) -> Result<Kept, StoreError> {
        let written = sqlx::query_with(both(self.index), self.bound).execute(&mut **tx).await?;
        kept(self.keyed, written.rows_affected(), tx).await
    }

    /// Write keys and events in a transaction of their own, in one way to the thread and back; the log is left to be settled.
    pub(super) async fn commit(self, pool: &SqlitePool) -> Result<Kept, StoreError> {
        let mut later = Later::begin(pool).await?;
        let query = sqlx::query_with(whole(self.index), self.bound);
        let results = (&mut *later.connection).fetch_many(query).try_collect::<Vec<_>>().await?;
        // Of the four statements the one that begins and the one that commits write nothing, and say what the one before
        // them did.
        let written = results[1..3].iter().filter_map(|result| result.as_ref().left());
        let written = written.map(SqliteQueryResult::rows_affected).sum();
        let kept = kept(self.keyed, written, &mut later.connection).await?;
        later.end().await?;
        Ok(kept)
    }
}

/// Which were kept, when so many rows were written.
async fn kept(
    keyed: &[(Key, &NewEvent)],
    written: u64,
    connection: &mut SqliteConnection,
) -> Result<Kept, StoreError> {
    // A key and an event for each.
    if usize::try_from(written) == Ok(2 * keyed.len()) {
        return Ok(Kept::All);
    }
    let holders = holders(connection, keyed).await?;
    let ids = keyed.iter().map(|(_, event)| &event.event_id.0);
    Ok(Kept::Only(ids.filter(|id| holders.contains(*id)).cloned().collect()))
}

/// The values of both statements, one after the other as their marks stand.
fn bind(batch: &[(Key, &NewEvent)], room: usize) -> Result<SqliteArguments, BoxDynError> {
    let mut bound = SqliteArguments::default();
    bound.reserve(room * KEYS.columns() + batch.len() * EVENTS.columns(), 0);
    for (key, event) in batch {
        bound.add(event.org_id.0)?;
        bound.add(key.to_vec())?;
        bound.add(event.event_id.0.clone())?;
        bound.add(event.received_at.0)?;
        bound.add(event.received_at.plus(event.window_ms).0)?;
    }
    // The events' values follow after the keys' last mark.
    for _ in 0..(room - batch.len()) * KEYS.columns() {
        bound.add(None::<i64>)?;
    }
    for (key, event) in batch {
        bind_event(&mut bound, key, event)?;
    }
    Ok(bound)
}

fn bind_event(bound: &mut SqliteArguments, key: &Key, event: &NewEvent) -> Result<(), BoxDynError> {
    bound.add(event.event_id.0.clone())?;
    bound.add(event.org_id.0)?;
    bound.add(key.to_vec())?;
    bound.add(event.connection_id.as_ref().map(|id| id.0.clone()))?;
    bound.add(clean(&event.kind))?;
    bound.add(clean(&event.spelled))?;
    bound.add(event.conversation_id.map(|id| id.0))?;
    bound.add(event.contact_id.map(|id| id.0))?;
    bound.add(event.user_id.map(|id| id.0))?;
    bound.add(event.message_id.map(|id| id.0))?;
    bound.add(event.playbook_id.map(|id| id.0))?;
    bound.add(event.occurred_at.map(|at| at.0))?;
    bound.add(event.received_at.0)?;
    bound.add(clean_option(event.facts.as_ref().map(|facts| facts.expose())))?;
    bound.add(event.payload.form())?;
    bound.add(event.payload.bytes())?;
    bound.add(event.trace.clone())
}

/// The ids of the events that hold these keys.
async fn holders(
    connection: &mut SqliteConnection,
    keyed: &[(Key, &NewEvent)],
) -> Result<HashSet<String>, StoreError> {
    let keys: Vec<(i64, String)> =
        keyed.iter().map(|(key, event)| (event.org_id.0, hex::encode(key))).collect();
    let keys = serde_json::to_string(&keys).expect("numbers and letters are JSON");
    let holders: Vec<String> = sqlx::query_scalar(HOLDERS).bind(keys).fetch_all(connection).await?;
    Ok(holders.into_iter().collect())
}

/// Statements of many rows, in SQLite's words only.
pub(crate) const BULK: &[(&str, &Texts)] =
    &[("inbox::append::sqlite::KEYS", &KEYS), ("inbox::append::sqlite::EVENTS", &EVENTS)];
pub(crate) const STATEMENTS: &[(&str, &str)] = &[("inbox::append::sqlite::HOLDERS", HOLDERS)];

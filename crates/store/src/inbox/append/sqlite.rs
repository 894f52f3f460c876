//! SQLite: keys and events in one way to its thread, put together before the write lock is taken.
//!
//! The two statements say how many rows they wrote, which is nearly always all of them, and nothing else is asked then:
//! `RETURNING` would be a message between two threads for each row. An event is written only if the key is its own.

use std::collections::HashSet;
use std::sync::OnceLock;

use sqlx::Arguments as _;
use sqlx::error::BoxDynError;
use sqlx::sqlite::SqliteArguments;

use super::{Kept, Key};
use crate::bulk::{SQLITE_ROWS, Texts};
use crate::db::{Tx, TxKind};
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

/// Both statements in one text.
struct Both {
    text: &'static str,
    /// Rows it takes.
    taken: usize,
    /// Rows it has room for.
    room: usize,
}

/// Both statements for as many rows as one of them takes.
fn both(rows: usize) -> Both {
    static BOTH: [OnceLock<&'static str>; SQLITE_ROWS.len()] = [const { OnceLock::new() }; SQLITE_ROWS.len()];
    let (keys, taken) = KEYS.sqlite(rows);
    let (events, _) = EVENTS.sqlite(rows);
    let index = SQLITE_ROWS.iter().position(|size| *size >= taken).expect("what is taken fits a size");
    let text = BOTH[index].get_or_init(|| format!("{keys}; {events}").leak());
    Both { text, taken, room: SQLITE_ROWS[index] }
}

/// A batch whose values are bound.
pub(super) struct Batch<'a> {
    keyed: Vec<(Key, &'a NewEvent)>,
    statements: Vec<(&'static str, SqliteArguments)>,
}

impl<'a> Batch<'a> {
    pub(super) fn new(keyed: Vec<(Key, &'a NewEvent)>) -> Result<Self, StoreError> {
        let mut statements = Vec::new();
        let mut rest = keyed.as_slice();
        while !rest.is_empty() {
            let Both { text, taken, room } = both(rest.len());
            let (batch, later) = rest.split_at(taken);
            let bound = bind(batch, room).map_err(sqlx::Error::Encode)?;
            statements.push((text, bound));
            rest = later;
        }
        Ok(Self { keyed, statements })
    }

    /// Write keys and events; answers which were kept.
    pub(super) async fn write(self, tx: &mut Tx) -> Result<Kept, StoreError> {
        let mut written = 0;
        for (text, bound) in self.statements {
            let TxKind::Sqlite(tx) = &mut tx.0 else { unreachable!("the batch is for SQLite") };
            written += sqlx::query_with(text, bound).execute(&mut **tx).await?.rows_affected();
        }
        // A key and an event for each.
        let all = usize::try_from(written) == Ok(2 * self.keyed.len());
        let holders = if all { None } else { Some(holders(tx, &self.keyed).await?) };
        let kept = self.keyed.iter().map(|(_, event)| event.event_id.0.as_str());
        let kept = kept.filter(|id| holders.as_ref().is_none_or(|holders| holders.contains(*id)));
        Ok(kept.map(str::to_owned).collect())
    }
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
async fn holders(tx: &mut Tx, keyed: &[(Key, &NewEvent)]) -> Result<HashSet<String>, StoreError> {
    let TxKind::Sqlite(tx) = &mut tx.0 else { unreachable!("the batch is for SQLite") };
    let keys: Vec<(i64, String)> =
        keyed.iter().map(|(key, event)| (event.org_id.0, hex::encode(key))).collect();
    let keys = serde_json::to_string(&keys).expect("numbers and letters are JSON");
    let holders: Vec<String> = sqlx::query_scalar(HOLDERS).bind(keys).fetch_all(&mut **tx).await?;
    Ok(holders.into_iter().collect())
}

/// Statements of many rows, in SQLite's words only.
pub(crate) const BULK: &[(&str, &Texts)] =
    &[("inbox::append::sqlite::KEYS", &KEYS), ("inbox::append::sqlite::EVENTS", &EVENTS)];
pub(crate) const STATEMENTS: &[(&str, &str)] = &[("inbox::append::sqlite::HOLDERS", HOLDERS)];

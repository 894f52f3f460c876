//! The router's side: what waits, the mark that it was read, and the mark taken away again.

use model::{EventId, Millis};

use crate::db::Tx;
use crate::error::StoreError;
use crate::inbox::select::{self, Selection};
use crate::inbox::{Event, EventRow, event_columns, events};
use crate::mirror::state::Pair;

/// What became of a routed event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It became signals, facts or both.
    Routed,
    /// The mirror held already what it tells.
    Known,
    /// Its type asks for nothing.
    Ignored,
    /// Its type is not known; it is kept.
    Unknown,
    /// Its organization is not connected; it is kept apart.
    Unconnected,
}

impl Outcome {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Routed, Self::Known, Self::Ignored, Self::Unknown, Self::Unconnected];

    /// The stored word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Routed => "routed",
            Self::Known => "known",
            Self::Ignored => "ignored",
            Self::Unknown => "unknown",
            Self::Unconnected => "unconnected",
        }
    }

    pub(super) fn parse_stored(word: &str) -> Result<Self, StoreError> {
        let found = Self::ALL.into_iter().find(|outcome| outcome.as_str() == word);
        found.ok_or(StoreError::Stored { what: "event outcome" })
    }
}

/// Several routers on one PostgreSQL each take their own.
const UNROUTED: Pair = Pair {
    sqlite: concat!(
        "SELECT ",
        event_columns!(),
        " FROM events WHERE routed_at IS NULL ORDER BY event_id LIMIT $1"
    ),
    postgres: concat!(
        "SELECT ",
        event_columns!(),
        " FROM events WHERE routed_at IS NULL ORDER BY event_id LIMIT $1 FOR UPDATE SKIP LOCKED"
    ),
};

/// The oldest events that nobody has routed, at most `limit`: this transaction's alone until it ends.
///
/// # Errors
/// The database's error.
pub async fn unrouted(tx: &mut Tx, limit: u32) -> Result<Vec<Event>, StoreError> {
    let text = UNROUTED.of(tx);
    let rows: Vec<EventRow> =
        on_tx!(tx, conn => sqlx::query_as(text).bind(i64::from(limit)).fetch_all(conn).await)?;
    events(rows)
}

const MARK: Pair = Pair {
    sqlite: "UPDATE events SET routed_at = $1, outcome = $2
             WHERE event_id IN (SELECT value FROM json_each($3)) AND routed_at IS NULL",
    postgres: "UPDATE events SET routed_at = $1, outcome = $2
               WHERE event_id = ANY(ARRAY(SELECT json_array_elements_text(CAST($3 AS json)))) AND routed_at IS NULL",
};

/// Note what became of events; answers how many of them were still waiting.
///
/// # Errors
/// The database's error.
pub async fn mark_routed(tx: &mut Tx, routed: &[(EventId, Outcome)], now: Millis) -> Result<u64, StoreError> {
    let mut marked = 0;
    for outcome in Outcome::ALL {
        let ids: Vec<&str> =
            routed.iter().filter(|(_, became)| *became == outcome).map(|(id, _)| id.0.as_str()).collect();
        if ids.is_empty() {
            continue;
        }
        let (text, ids) = (MARK.of(tx), serde_json::json!(ids).to_string());
        marked += on_tx!(tx, conn => sqlx::query(text)
            .bind(now.0)
            .bind(outcome.as_str())
            .bind(ids)
            .execute(conn)
            .await
            .map(|done| done.rows_affected()))?;
    }
    Ok(marked)
}

const UNMARK: Pair = Pair {
    sqlite: "UPDATE events SET routed_at = NULL, outcome = NULL
             WHERE event_id IN (SELECT value FROM json_each($1)) AND routed_at IS NOT NULL",
    postgres: "UPDATE events SET routed_at = NULL, outcome = NULL
               WHERE event_id = ANY(ARRAY(SELECT json_array_elements_text(CAST($1 AS json))))
                 AND routed_at IS NOT NULL",
};

/// Let events be routed once more: at most `limit` of the selected ones after `after`, in the order of arrival. Answers
/// how many were waiting no longer, and the last one looked at, to go on after; `None` when there are no more.
///
/// # Errors
/// The database's error.
pub async fn unroute(
    tx: &mut Tx,
    selection: &Selection,
    after: Option<&EventId>,
    limit: u32,
) -> Result<(u64, Option<EventId>), StoreError> {
    let ids = select::ids(tx, selection, after, limit).await?;
    let Some(last) = ids.last().cloned() else { return Ok((0, None)) };
    let (text, ids) = (UNMARK.of(tx), serde_json::json!(ids).to_string());
    let unmarked = on_tx!(tx, conn => sqlx::query(text)
        .bind(ids)
        .execute(conn)
        .await
        .map(|done| done.rows_affected()))?;
    Ok((unmarked, Some(EventId(last))))
}

const PRUNE: &str = "
    DELETE FROM events WHERE event_id IN (
        SELECT event_id FROM events
        WHERE event_id < $1 AND routed_at IS NOT NULL AND (key_ends_at IS NULL OR key_ends_at <= $2)
        ORDER BY event_id LIMIT $3)";

/// Delete routed events received before `before` whose keys have ended, at most `limit`; answers how many were deleted. Call
/// it until it answers 0, each time in a transaction of its own.
///
/// # Errors
/// The database's error.
pub async fn prune(tx: &mut Tx, before: Millis, now: Millis, limit: u32) -> Result<u64, StoreError> {
    Ok(on_tx!(tx, conn => sqlx::query(PRUNE)
        .bind(EventId::first_of(before).0)
        .bind(now.0)
        .bind(i64::from(limit))
        .execute(conn)
        .await
        .map(|done| done.rows_affected()))?)
}

pub(super) const STATEMENTS: &[(&str, &str)] = &[("inbox::route::PRUNE", PRUNE)];

pub(super) const PAIRS: &[(&str, &Pair)] = &[
    ("inbox::route::UNROUTED", &UNROUTED),
    ("inbox::route::MARK", &MARK),
    ("inbox::route::UNMARK", &UNMARK),
];

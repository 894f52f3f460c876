//! Reading the inbox: one event with its payload, those of a conversation, and how many there are of what.

use model::{ConversationId, EventId, Millis, OrgId};

use crate::db::Db;
use crate::error::StoreError;
use crate::inbox::{Event, EventRow, Payload, event_columns, events};

const GET: &str = concat!("SELECT ", event_columns!(), " FROM events WHERE event_id = $1");
const PAYLOAD: &str = "SELECT payload FROM events WHERE event_id = $1";

/// One event, with what is kept of its data.
///
/// # Errors
/// The database's error.
pub async fn get(db: &Db, event: &EventId) -> Result<Option<(Event, Payload)>, StoreError> {
    let row: Option<EventRow> =
        on_db!(db, pool => sqlx::query_as(GET).bind(&event.0).fetch_optional(pool).await)?;
    let Some(row) = row else { return Ok(None) };
    let found = Event::try_from(row)?;
    let bytes: Option<Option<Vec<u8>>> =
        on_db!(db, pool => sqlx::query_scalar(PAYLOAD).bind(&event.0).fetch_optional(pool).await)?;
    let payload = Payload::parse_stored(&found.payload_form, bytes.flatten())?;
    Ok(Some((found, payload)))
}

/// Unrouted events are few, and have an index of their own; the others are found by their conversation.
const OF_CONVERSATION_WAITING: &str = concat!(
    "SELECT ",
    event_columns!(),
    " FROM events
     WHERE routed_at IS NULL AND org_id = $1 AND conversation_id = $2 AND event_id > $3 ORDER BY event_id LIMIT $4"
);
const OF_CONVERSATION_ROUTED: &str = concat!(
    "SELECT ",
    event_columns!(),
    " FROM events
     WHERE routed_at IS NOT NULL AND org_id = $1 AND conversation_id = $2 AND event_id > $3
     ORDER BY event_id LIMIT $4"
);

/// The events of a conversation in the order of arrival, after the event `after`, at most `limit`.
///
/// # Errors
/// The database's error.
pub async fn of_conversation(
    db: &Db,
    org: OrgId,
    conversation: ConversationId,
    after: Option<&EventId>,
    limit: u32,
) -> Result<Vec<Event>, StoreError> {
    let after = after.map_or("", |event| event.0.as_str());
    let mut found = Vec::new();
    for text in [OF_CONVERSATION_ROUTED, OF_CONVERSATION_WAITING] {
        let rows: Vec<EventRow> = on_db!(db, pool => sqlx::query_as(text)
            .bind(org.0)
            .bind(conversation.0)
            .bind(after)
            .bind(i64::from(limit))
            .fetch_all(pool)
            .await)?;
        found.extend(rows);
    }
    found.sort_by(|x, y| x.event_id.cmp(&y.event_id));
    // An event that was routed between the two statements was answered by neither or by both.
    found.dedup_by(|x, y| x.event_id == y.event_id);
    found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    events(found)
}

/// How much nobody has routed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Events that wait for the router.
    pub unrouted: i64,
    /// When the oldest of them was received.
    pub oldest_at: Option<Millis>,
}

const COUNT_UNROUTED: &str = "SELECT COUNT(*) FROM events WHERE routed_at IS NULL";
const OLDEST_UNROUTED: &str =
    "SELECT received_at FROM events WHERE routed_at IS NULL ORDER BY event_id LIMIT 1";

/// How many events wait for the router, and since when.
///
/// # Errors
/// The database's error.
pub async fn counts(db: &Db) -> Result<Counts, StoreError> {
    let unrouted: i64 = on_db!(db, pool => sqlx::query_scalar(COUNT_UNROUTED).fetch_one(pool).await)?;
    let oldest: Option<i64> =
        on_db!(db, pool => sqlx::query_scalar(OLDEST_UNROUTED).fetch_optional(pool).await)?;
    Ok(Counts { unrouted, oldest_at: oldest.map(Millis) })
}

row! {
    struct UnconnectedRow {
        org_id: i64,
        events: i64,
        first_at: i64,
        last_at: i64,
    }
}

/// Events for an organization that is not connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unconnected {
    /// The organization they name.
    pub org_id: OrgId,
    /// How many.
    pub events: i64,
    /// When the first of them was received.
    pub first_at: Millis,
    /// When the last of them was received.
    pub last_at: Millis,
}

const UNCONNECTED: &str = "
    SELECT org_id, COUNT(*) AS events, MIN(received_at) AS first_at, MAX(received_at) AS last_at
    FROM events WHERE outcome = 'unconnected' GROUP BY org_id ORDER BY org_id LIMIT $1";

/// The organizations that sent events and are not connected, at most `limit`.
///
/// # Errors
/// The database's error.
pub async fn unconnected(db: &Db, limit: u32) -> Result<Vec<Unconnected>, StoreError> {
    let rows: Vec<UnconnectedRow> =
        on_db!(db, pool => sqlx::query_as(UNCONNECTED).bind(i64::from(limit)).fetch_all(pool).await)?;
    let told = |row: UnconnectedRow| Unconnected {
        org_id: OrgId(row.org_id),
        events: row.events,
        first_at: Millis(row.first_at),
        last_at: Millis(row.last_at),
    };
    Ok(rows.into_iter().map(told).collect())
}

const ANY_OF_KIND: &str = "
    SELECT COUNT(*) FROM (SELECT 1 FROM events WHERE org_id = $1 AND kind = $2 AND received_at >= $3 LIMIT 1) AS found";

/// Whether an organization sent an event of a kind since an instant. Reads until it finds one.
///
/// # Errors
/// The database's error.
pub async fn any_of_kind(db: &Db, org: OrgId, kind: &str, since: Millis) -> Result<bool, StoreError> {
    let found: i64 = on_db!(db, pool => sqlx::query_scalar(ANY_OF_KIND)
        .bind(org.0)
        .bind(kind)
        .bind(since.0)
        .fetch_one(pool)
        .await)?;
    Ok(found > 0)
}

pub(super) const STATEMENTS: &[(&str, &str)] = &[
    ("inbox::read::GET", GET),
    ("inbox::read::PAYLOAD", PAYLOAD),
    ("inbox::read::OF_CONVERSATION_WAITING", OF_CONVERSATION_WAITING),
    ("inbox::read::OF_CONVERSATION_ROUTED", OF_CONVERSATION_ROUTED),
    ("inbox::read::COUNT_UNROUTED", COUNT_UNROUTED),
    ("inbox::read::OLDEST_UNROUTED", OLDEST_UNROUTED),
    ("inbox::read::UNCONNECTED", UNCONNECTED),
    ("inbox::read::ANY_OF_KIND", ANY_OF_KIND),
];

//! Which events: the one way a listing, a dry run and a replay say it. Ids sort by arrival, so a span of time is a span
//! of ids.

use model::{ConversationId, EventId, Millis, OrgId};

use crate::db::{Db, Tx};
use crate::error::StoreError;
use crate::inbox::{Event, EventRow, event_columns, events};

/// Events that meet every condition; the default meets none and so is all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Only this one.
    pub event: Option<EventId>,
    /// Only of this organization.
    pub org: Option<OrgId>,
    /// Only of this conversation.
    pub conversation: Option<ConversationId>,
    /// Only of this canonical type.
    pub kind: Option<String>,
    /// Only with this outcome.
    pub outcome: Option<super::Outcome>,
    /// Only received at this instant or later.
    pub since: Option<Millis>,
    /// Only received before this instant.
    pub until: Option<Millis>,
}

/// The least text that no event id reaches.
const END: &str = "g";

impl Selection {
    /// The ids it lies between: after the first, and before the second.
    fn span(&self, after: Option<&EventId>) -> (String, String) {
        let after = after.map_or(String::new(), |event| event.0.clone());
        let since = self.since.map_or(String::new(), |at| EventId::first_of(at).0);
        let until = self.until.map_or(END.to_owned(), |at| EventId::first_of(at).0);
        (after.max(since), until)
    }
}

/// The conditions, of which those that are not asked for are empty or 0. No id is the least of its instant but by a
/// draw of all zeros, so that "after" may begin a span.
macro_rules! selected {
    () => {
        " FROM events
         WHERE event_id > $1 AND event_id < $2
           AND (CAST($3 AS TEXT) = '' OR event_id = $3)
           AND (CAST($4 AS BIGINT) = 0 OR org_id = $4)
           AND (CAST($5 AS BIGINT) = 0 OR conversation_id = $5)
           AND (CAST($6 AS TEXT) = '' OR kind = $6)
           AND (CAST($7 AS TEXT) = '' OR outcome = $7)"
    };
}

const LIST: &str = concat!("SELECT ", event_columns!(), selected!(), " ORDER BY event_id LIMIT $8");
const IDS: &str = concat!("SELECT event_id", selected!(), " ORDER BY event_id LIMIT $8");
const COUNT: &str = concat!("SELECT COUNT(*)", selected!());

macro_rules! bound {
    ($query:expr, $selection:expr, $span:expr) => {
        $query
            .bind($span.0.as_str())
            .bind($span.1.as_str())
            .bind($selection.event.as_ref().map_or("", |event| event.0.as_str()))
            .bind($selection.org.map_or(0, |org| org.0))
            .bind($selection.conversation.map_or(0, |conversation| conversation.0))
            .bind($selection.kind.as_deref().unwrap_or_default())
            .bind($selection.outcome.map_or("", |outcome| outcome.as_str()))
    };
}

/// The selected events in the order of arrival, after the event `after`, at most `limit`.
///
/// # Errors
/// The database's error.
pub async fn list(
    db: &Db,
    selection: &Selection,
    after: Option<&EventId>,
    limit: u32,
) -> Result<Vec<Event>, StoreError> {
    let span = selection.span(after);
    let rows: Vec<EventRow> = on_db!(db, pool => bound!(sqlx::query_as(LIST), selection, span)
        .bind(i64::from(limit))
        .fetch_all(pool)
        .await)?;
    events(rows)
}

/// How many events are selected.
///
/// # Errors
/// The database's error.
pub async fn count(db: &Db, selection: &Selection) -> Result<i64, StoreError> {
    let span = selection.span(None);
    Ok(on_db!(db, pool => bound!(sqlx::query_scalar(COUNT), selection, span).fetch_one(pool).await)?)
}

pub(super) async fn ids(
    tx: &mut Tx,
    selection: &Selection,
    after: Option<&EventId>,
    limit: u32,
) -> Result<Vec<String>, StoreError> {
    let span = selection.span(after);
    Ok(on_tx!(tx, conn => bound!(sqlx::query_scalar(IDS), selection, span)
        .bind(i64::from(limit))
        .fetch_all(conn)
        .await)?)
}

pub(super) const STATEMENTS: &[(&str, &str)] =
    &[("inbox::select::LIST", LIST), ("inbox::select::IDS", IDS), ("inbox::select::COUNT", COUNT)];

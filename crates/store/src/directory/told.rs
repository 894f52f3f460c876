//! Meetings as events tell of them: written before the API lists them, under what it has already said.
//!
//! Drift lists meetings 30 days back, and an event may be the only thing that ever names one. What an event tells is
//! merged into the row: fields that it does not carry stay, and `extra` says under `told` what was told when. A
//! later list of the API replaces the row whole.

use model::record::Meeting;
use model::{Millis, OrgId};
use serde_json::{Map, Value, json};

use super::lists::apply_meetings;
use crate::db::Tx;
use crate::error::StoreError;

/// A meeting that an event told of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToldMeeting {
    /// What it told; `None` where it did not.
    pub meeting: Meeting,
    /// The event's canonical type.
    pub kind: String,
    /// When it happened, or else when the event came: of two events about one meeting the later holds.
    pub at: Millis,
}

row! {
    struct MeetingRow {
        conversation_id: Option<i64>,
        contact_id: Option<i64>,
        agent_id: Option<i64>,
        status: Option<String>,
        source: Option<String>,
        kind: Option<String>,
        event_id: Option<String>,
        slot_start: Option<i64>,
        slot_end: Option<i64>,
        scheduled_at: Option<i64>,
        updated_at: Option<i64>,
        time_zone: Option<String>,
        notes: Option<String>,
        extra: String,
    }
}

const HELD: &str = "
    SELECT conversation_id, contact_id, agent_id, status, source, kind, event_id, slot_start, slot_end, scheduled_at,
        updated_at, time_zone, notes, extra
    FROM meetings WHERE org_id = $1 AND meeting_id = $2";

/// Write what events told of meetings, in the order given; answers how many rows that changed.
///
/// # Errors
/// The database's error.
pub async fn tell_meetings(tx: &mut Tx, org: OrgId, told: &[ToldMeeting]) -> Result<u64, StoreError> {
    let mut written = 0;
    for one in told {
        let held: Option<MeetingRow> = on_tx!(tx, conn => sqlx::query_as(HELD)
            .bind(org.0)
            .bind(&one.meeting.meeting_id.0)
            .fetch_optional(conn)
            .await)?;
        if let Some(merged) = merge(one, held) {
            written += apply_meetings(tx, org, &[merged], one.at).await?;
        }
    }
    Ok(written)
}

/// The row with what was told; `None` when the row already says something later.
fn merge(told: &ToldMeeting, held: Option<MeetingRow>) -> Option<Meeting> {
    let mut extra: Map<String, Value> =
        held.as_ref().and_then(|row| serde_json::from_str(&row.extra).ok()).unwrap_or_default();
    let last_told = extra.get("told").and_then(|told| told["at"].as_i64());
    let listed = held.as_ref().and_then(|row| row.updated_at);
    if last_told.max(listed).is_some_and(|last| last > told.at.0) {
        return None;
    }
    extra.insert("told".to_owned(), json!({"by": "event", "kind": told.kind, "at": told.at}));
    let mut merged = told.meeting.clone();
    merged.extra = Value::Object(extra).to_string();
    let Some(row) = held else { return Some(merged) };
    merged.conversation_id = merged.conversation_id.or(row.conversation_id.map(model::ConversationId));
    merged.contact_id = merged.contact_id.or(row.contact_id.map(model::ContactId));
    merged.agent_id = merged.agent_id.or(row.agent_id.map(model::UserId));
    merged.status = merged.status.or(row.status);
    merged.source = merged.source.or(row.source);
    merged.kind = merged.kind.or(row.kind);
    merged.event_id = merged.event_id.or(row.event_id);
    merged.slot_start = merged.slot_start.or(row.slot_start.map(Millis));
    merged.slot_end = merged.slot_end.or(row.slot_end.map(Millis));
    merged.scheduled_at = merged.scheduled_at.or(row.scheduled_at.map(Millis));
    merged.updated_at = merged.updated_at.or(row.updated_at.map(Millis));
    merged.time_zone = merged.time_zone.or(row.time_zone);
    merged.notes = merged.notes.or(row.notes.map(model::Pii::new));
    Some(merged)
}

pub(crate) const STATEMENTS: &[(&str, &str)] = &[("directory::told::HELD", HELD)];

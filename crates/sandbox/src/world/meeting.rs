//! Booked meetings (Drift: Meeting model), computed from the conversations they were booked in.

use model::Millis;
use serde_json::json;

use super::base::{Head, Kind};
use super::overlay::Booked;
use super::roster::WRITERS;
use super::view::View;
use super::{World, ids, json};

/// Drift answers nothing older, and no more at once.
const AGE_MS_MAX: i64 = 30 * 86_400_000;
const MEETINGS_MAX: usize = 1_000;
const HOUR_MS: i64 = 3_600_000;
/// The longest time from a conversation's last update to its meeting.
const LEAD_MS_MAX: i64 = 7 * 24 * HOUR_MS;

impl World {
    /// Meetings that start in `min..=max` as an array by start time; at most 1000, and nothing that started more
    /// than 30 days before `now`.
    #[must_use]
    pub fn meetings(&self, min: Millis, max: Millis, limit: usize, now: Millis) -> Vec<u8> {
        let min = min.0.max(now.0.saturating_sub(AGE_MS_MAX));
        self.read(|view| {
            let mut starts: Vec<(i64, Booked)> = view
                .base
                .updated_between(min.saturating_sub(LEAD_MS_MAX), max.0)
                .filter(|&index| !view.overlay.gone.contains(&index))
                .filter_map(|index| view.base_meeting(index))
                .chain(view.overlay.booked.iter().copied())
                .map(|booked| (booked.start, booked))
                .filter(|(start, _)| (min..=max.0).contains(start))
                .collect();
            starts.sort_unstable_by_key(|(start, booked)| (*start, booked.index));
            starts.truncate(limit.min(MEETINGS_MAX));
            json::array(starts.iter().map(|(_, booked)| view.meeting(booked)))
        })
    }
}

impl View<'_> {
    fn base_meeting(&self, index: u64) -> Option<Booked> {
        let plan = self.base.plan(index);
        if !matches!(plan.kind, Kind::Handoff | Kind::Direct | Kind::Dialogue)
            || plan.count < 6
            || plan.hash >> 57 & 3 != 0
        {
            return None;
        }
        let updated_at = self.base.updated_at(index);
        let lead = (1 + (plan.hash >> 30) % 150).cast_signed() * HOUR_MS;
        let start = (updated_at + lead).div_euclid(HOUR_MS) * HOUR_MS;
        let booked = Booked::new(index, WRITERS[plan.agents[0]].id, start, updated_at - 1_000);
        Some(Booked { canceled: None, ..booked })
    }

    pub(super) fn meeting(&self, booked: &Booked) -> Vec<u8> {
        let row = self.row(booked.index);
        let hash = self.base.hash(13, booked.index);
        let mut meeting = json!({
            "agentId": booked.agent, "orgId": ids::ORG_ID,
            "status": if booked.canceled.unwrap_or(hash & 7 == 0) { "CANCELED" } else { "ACTIVE" },
            "meetingSource": if hash & 8 == 0 { "EMAIL_DROP" } else { "WIDGET" },
            "schedulerId": row.contact_id, "eventId": format!("ev{hash:016x}"),
            "slug": format!("m-{}-{}", row.id, booked.first_start / HOUR_MS),
            "slotStart": booked.start, "slotEnd": booked.start + HOUR_MS / 2,
            "updatedAt": booked.updated_at, "scheduledAt": booked.scheduled_at,
            "meetingType": "New Meeting", "conversationId": row.id,
        });
        if let Some(slot) = self.head(booked.index).map(|head: Head| head.slot) {
            meeting["endUserTimeZone"] = json!(self.base.person(slot).place.timezone);
        }
        if hash & 16 == 0 {
            meeting["meetingNotes"] = json!("Demo & Fragen – bitte Preisliste mitbringen");
            meeting["bookedBy"] = json!(booked.agent);
        }
        if hash & 32 == 0 {
            meeting["conferenceType"] = json!("GOOGLE_MEET");
        }
        json::bytes(&meeting)
    }
}

#![expect(missing_docs, reason = "the fields are Drift's own and carry its names")]
//! Booked meetings. They cannot be made or changed through the API.

use model::{ContactId, ConversationId, MeetingId, Millis, OrgId, Pii, UserId};
use serde_json::Value;

use super::open_enum::open_enum;
use super::shape::shape;

shape! {
    /// One booked meeting.
    ///
    /// Drift: "Meeting model", <https://devdocs.drift.com/docs/meeting-model>. The last six fields are on no page.
    #[serde(rename_all = "camelCase")]
    pub struct Meeting {
        /// The meeting's id is its slug.
        pub slug: Option<MeetingId>,
        pub agent_id: Option<UserId>,
        pub org_id: Option<OrgId>,
        pub status: Option<MeetingStatus>,
        pub meeting_source: Option<MeetingSource>,
        /// The contact who booked.
        pub scheduler_id: Option<ContactId>,
        /// The calendar's event.
        pub event_id: Option<String>,
        pub slot_start: Option<Millis>,
        pub slot_end: Option<Millis>,
        pub updated_at: Option<Millis>,
        pub scheduled_at: Option<Millis>,
        pub meeting_type: Option<String>,
        pub conversation_id: Option<ConversationId>,
        pub end_user_time_zone: Option<String>,
        pub meeting_notes: Option<Pii<String>>,
        pub booked_by: Option<UserId>,
        pub conference_type: Option<String>,
        pub conference_details: Option<Pii<Value>>,
        pub is_recurring: Option<bool>,
        pub is_private: Option<bool>,
        pub meeting_slug: Option<String>,
        pub is_org_slug: Option<bool>,
    }
}

open_enum! {
    /// Whether a meeting holds.
    pub enum MeetingStatus {
        /// It holds.
        Active = "ACTIVE",
        /// It was called off.
        Canceled = "CANCELED",
    }
}

open_enum! {
    /// How a meeting was booked.
    pub enum MeetingSource {
        /// From an e-mail.
        EmailDrop = "EMAIL_DROP",
        /// In the chat.
        Widget = "WIDGET",
    }
}

/// What one request for meetings gave. There are no pages: a full answer may be a cut one.
#[derive(Debug, Clone, PartialEq)]
pub struct Meetings {
    /// The meetings, in Drift's order.
    pub items: Vec<Meeting>,
    /// As many came as were asked for: there may be more. Ask again for shorter spans of time.
    pub maybe_truncated: bool,
}

#![expect(missing_docs, reason = "the fields are Drift's own and carry its names")]
//! The people, teams, accounts and settings around conversations.

use crate::{AccountId, ContactId, ConversationId, MeetingId, Millis, Pii, PlaybookId, TeamId, UserId};

/// The person on the site's side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact {
    pub contact_id: ContactId,
    pub created_at: Option<Millis>,
    pub email: Option<Pii<String>>,
    pub name: Option<Pii<String>>,
    pub phone: Option<Pii<String>>,
    /// The site's own id for the person; text, whatever Drift's type of the day.
    pub external_id: Option<Pii<String>>,
    /// All attributes, a JSON object as text, those above included.
    pub attributes: Pii<String>,
    pub extra: Pii<String>,
}

/// A member of the team, or a bot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    pub user_id: UserId,
    pub name: Option<Pii<String>>,
    pub alias: Option<Pii<String>>,
    pub email: Option<Pii<String>>,
    pub phone: Option<Pii<String>>,
    pub locale: Option<String>,
    pub availability: Option<String>,
    pub role: Option<String>,
    pub time_zone: Option<String>,
    pub avatar_url: Option<String>,
    pub verified: Option<bool>,
    pub bot: Option<bool>,
    pub created_at: Option<Millis>,
    pub updated_at: Option<Millis>,
    pub extra: String,
}

/// A team of users.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Team {
    pub team_id: TeamId,
    pub name: Option<String>,
    pub owner_id: Option<UserId>,
    /// Sorted.
    pub members: Vec<UserId>,
    pub status: Option<String>,
    pub main: Option<bool>,
    pub updated_at: Option<Millis>,
    pub extra: String,
}

/// A company.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    pub account_id: AccountId,
    pub owner_id: Option<UserId>,
    pub name: Option<String>,
    pub domain: Option<String>,
    pub deleted: Option<bool>,
    pub targeted: Option<bool>,
    pub created_at: Option<Millis>,
    pub updated_at: Option<Millis>,
    /// A JSON array as text, `[]` when there are none.
    pub custom_properties: String,
    pub extra: String,
}

/// A playbook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Playbook {
    pub playbook_id: PlaybookId,
    pub name: Option<String>,
    pub report_type: Option<String>,
    pub interaction_id: Option<i64>,
    pub created_at: Option<Millis>,
    pub updated_at: Option<Millis>,
    pub created_author_id: Option<UserId>,
    pub updated_author_id: Option<UserId>,
    /// A JSON array of `{id, message}` as text.
    pub goals: String,
    pub extra: String,
}

/// A conversational landing page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LandingPage {
    pub playbook_id: PlaybookId,
    pub playbook_name: Option<String>,
    pub url: String,
    pub extra: String,
}

/// The definition of a custom attribute of contacts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContactAttribute {
    pub name: String,
    pub display_name: Option<String>,
    /// Open set: `STRING, NUMERIC, BOOLEAN, DATETIME, DATE`.
    pub kind: Option<String>,
    pub extra: String,
}

/// A booked meeting. Drift lists only the last 30 days: what was once seen is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meeting {
    pub meeting_id: MeetingId,
    pub conversation_id: Option<ConversationId>,
    /// The contact (`schedulerId`).
    pub contact_id: Option<ContactId>,
    pub agent_id: Option<UserId>,
    pub status: Option<String>,
    pub source: Option<String>,
    pub kind: Option<String>,
    pub event_id: Option<String>,
    pub slot_start: Option<Millis>,
    pub slot_end: Option<Millis>,
    pub scheduled_at: Option<Millis>,
    pub updated_at: Option<Millis>,
    pub time_zone: Option<String>,
    pub notes: Option<Pii<String>>,
    pub extra: String,
}

/// One metric of one conversation, as the reporting endpoint gave it.
#[derive(Debug, Clone, PartialEq)]
pub struct ReportValue {
    pub conversation_id: ConversationId,
    /// Drift's property name, such as `numAgentMessages`.
    pub metric: String,
    /// `None` where Drift says `NaN`.
    pub value: Option<f64>,
}

//! The legacy collector's events: sent, never received, and superseded by timeline events.
//!
//! Drift: "Add contact event", <https://devdocs.drift.com/docs/add-contact-event>.

use model::{Millis, OrgId, Pii};
use serde::Serialize;

use super::Extra;

/// Whom an event is about, by the site's own id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum Subject {
    /// A person.
    #[serde(rename = "userId")]
    User(Pii<String>),
    /// A company.
    #[serde(rename = "companyId")]
    Company(String),
}

/// Something that somebody did.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Track {
    /// The organization the event belongs to; this call takes no token.
    pub org_id: OrgId,
    /// Who did it.
    #[serde(flatten)]
    pub subject: Subject,
    /// What was done.
    pub event: String,
    /// Flat: no objects inside.
    #[serde(skip_serializing_if = "is_nothing")]
    pub attributes: Extra,
    /// When; now if not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Millis>,
}

/// What is known of somebody.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Identify {
    /// The organization; this call takes no token.
    pub org_id: OrgId,
    /// Who it is.
    #[serde(flatten)]
    pub subject: Subject,
    /// Flat: no objects inside.
    #[serde(skip_serializing_if = "is_nothing")]
    pub attributes: Extra,
    /// When; now if not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Millis>,
}

fn is_nothing(attributes: &Extra) -> bool {
    attributes.is_empty()
}

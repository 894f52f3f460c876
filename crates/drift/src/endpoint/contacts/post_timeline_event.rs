//! `POST /contacts/timeline`

use model::{ContactId, Millis, Pii};
use serde::Serialize;

use crate::call::Call;
use crate::wire::TimelineEvent;
use crate::{Client, Error, Scope};

/// An event to post.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NewTimelineEvent {
    /// On whose timeline.
    #[serde(flatten)]
    pub contact: ContactKey,
    /// What happened; Drift's pages show it in lower case.
    pub event: String,
    /// When; now if not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Millis>,
}

/// One contact, by either of two ids.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum ContactKey {
    /// Drift's id.
    #[serde(rename = "contactId")]
    Drift(ContactId),
    /// The site's own id.
    #[serde(rename = "externalId")]
    External(Pii<String>),
}

impl Client {
    /// Put an event on a contact's timeline.
    ///
    /// `POST /contacts/timeline`; scope `contact_write`.
    ///
    /// Drift: "Posting timeline events", <https://devdocs.drift.com/docs/posting-timeline-events>.
    ///
    /// # Errors
    /// As every call: [`Error`]. Tried again only where nothing can have been posted.
    pub async fn post_timeline_event(&self, event: &NewTimelineEvent) -> Result<TimelineEvent, Error> {
        let call = Call::post("/contacts/timeline").scope(Scope::ContactWrite).json(event)?;
        self.data(call).await
    }
}

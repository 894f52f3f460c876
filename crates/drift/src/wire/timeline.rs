#![expect(missing_docs, reason = "the fields are Drift's own and carry its names")]
//! Timeline events of contacts.

use model::{ContactId, Millis};

use super::Extra;
use super::shape::shape;

shape! {
    /// An event on a contact's timeline, as Drift recorded it.
    ///
    /// Drift: "Posting timeline events", <https://devdocs.drift.com/docs/posting-timeline-events>.
    #[serde(rename_all = "camelCase")]
    pub struct TimelineEvent {
        pub event: Option<String>,
        pub created_at: Option<Millis>,
        pub contact_id: Option<ContactId>,
        /// Deprecated; values come back as text.
        pub attributes: Option<Extra>,
    }
}

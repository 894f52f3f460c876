//! What Drift says to a request about a person's data. The work itself happens later, at Drift.

use model::Pii;

use super::shape::shape;

shape! {
    /// A retrieval was accepted: the export goes by e-mail to the organization's owner.
    #[serde(rename_all = "camelCase")]
    pub struct GdprRetrieval {
        /// Drift's words.
        pub message: Option<Pii<String>>,
        /// Whom the export is sent to.
        pub sent_to_email: Option<Pii<String>>,
    }
}

shape! {
    /// A deletion was accepted. It is permanent; there is no job to ask after.
    pub struct GdprDeletion {
        /// Drift's words.
        pub message: Option<Pii<String>>,
    }
}

#![expect(missing_docs, reason = "the fields are Drift's own and carry its names")]
//! Playbooks and the landing pages that run them.

use model::{Millis, OrgId, PlaybookId, UserId};

use super::Extra;
use super::shape::shape;

shape! {
    /// One playbook.
    ///
    /// Drift: "Playbook model", <https://devdocs.drift.com/docs/playbook-model-1>.
    #[serde(rename_all = "camelCase")]
    pub struct Playbook {
        pub id: PlaybookId,
        pub name: Option<String>,
        pub org_id: Option<OrgId>,
        pub meta: Option<Extra>,
        pub created_at: Option<Millis>,
        pub updated_at: Option<Millis>,
        pub created_author_id: Option<UserId>,
        pub updated_author_id: Option<UserId>,
        /// Absent for a draft.
        pub interaction_id: Option<i64>,
        /// Such as `BOOK_MORE_MEETINGS`; the whole list is not documented.
        pub report_type: Option<String>,
        pub goals: Vec<Goal>,
    }
}

shape! {
    /// What a playbook wants to reach.
    #[serde(rename_all = "camelCase")]
    pub struct Goal {
        /// A UUID.
        pub id: Option<String>,
        pub message: Option<String>,
    }
}

shape! {
    /// A conversational landing page.
    #[serde(rename_all = "camelCase")]
    pub struct LandingPage {
        pub playbook_id: PlaybookId,
        pub playbook_name: Option<String>,
        pub landing_page_url: Option<String>,
    }
}

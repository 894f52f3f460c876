//! `POST /gdpr/retrieve`

use serde_json::json;

use crate::call::Call;
use crate::wire::GdprRetrieval;
use crate::{Client, Error, Scope};

impl Client {
    /// Ask for all that Drift holds of a person, contact or user. Nothing comes back here: the export
    /// is e-mailed to the organization's owner, later.
    ///
    /// `POST /gdpr/retrieve`; scope `gdpr_read`. Own private apps only; others are refused.
    ///
    /// Drift: "Automating GDPR retrieval and deletion",
    /// <https://devdocs.drift.com/docs/automating-gdpr-retrieval-and-deletion>.
    ///
    /// # Errors
    /// [`Error::Forbidden`] for an app that is not the organization's own; otherwise as every call.
    pub async fn gdpr_retrieve(&self, email: &str) -> Result<GdprRetrieval, Error> {
        let call = Call::post("/gdpr/retrieve")
            .idempotent(true)
            .scope(Scope::GdprRead)
            .json(&json!({ "email": email }))?;
        self.data(call).await
    }
}

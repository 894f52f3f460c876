//! `POST /gdpr/delete`

use serde_json::json;

use crate::call::Call;
use crate::wire::GdprDeletion;
use crate::{Client, Error, Scope};

impl Client {
    /// Have Drift erase a person, contact or user, for good. It happens later; there is nothing to ask
    /// how far it is.
    ///
    /// `POST /gdpr/delete`; scope `gdpr_write`. Own private apps only; others are refused.
    ///
    /// Drift: "Automating GDPR retrieval and deletion",
    /// <https://devdocs.drift.com/docs/automating-gdpr-retrieval-and-deletion>.
    ///
    /// # Errors
    /// [`Error::Forbidden`] for an app that is not the organization's own; otherwise as every call.
    pub async fn gdpr_delete(&self, email: &str) -> Result<GdprDeletion, Error> {
        let call = Call::post("/gdpr/delete")
            .idempotent(true)
            .scope(Scope::GdprWrite)
            .json(&json!({ "email": email }))?;
        self.data(call).await
    }
}

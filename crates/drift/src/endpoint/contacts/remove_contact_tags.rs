//! `POST /contacts/{id}/tags/delete/_bulk`

use model::ContactId;
use serde::Serialize;

use crate::call::Call;
use crate::endpoint::done;
use crate::wire::Done;
use crate::{Client, Error};

#[derive(Serialize)]
struct OldTag<'a> {
    name: &'a str,
}

impl Client {
    /// Take several tags off a contact.
    ///
    /// `POST /contacts/{id}/tags/delete/_bulk`; scope not documented.
    ///
    /// Legacy: attributes replace tags ("Contact model",
    /// <https://devdocs.drift.com/docs/contact-model>).
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such contact; otherwise as every call.
    pub async fn remove_contact_tags(&self, id: ContactId, names: &[&str]) -> Result<Done, Error> {
        let tags: Vec<_> = names.iter().map(|name| OldTag { name }).collect();
        let call =
            Call::post("/contacts").segment(id).then("/tags/delete/_bulk").idempotent(true).json(&tags)?;
        self.call_decoded(call, done).await
    }
}

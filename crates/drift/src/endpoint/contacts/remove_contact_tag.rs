//! `DELETE /contacts/{id}/tags/{name}`

use model::ContactId;

use crate::call::Call;
use crate::endpoint::done;
use crate::wire::Done;
use crate::{Client, Error};

impl Client {
    /// Take a tag off a contact.
    ///
    /// `DELETE /contacts/{id}/tags/{name}`; scope not documented.
    ///
    /// Legacy: attributes replace tags ("Contact model",
    /// <https://devdocs.drift.com/docs/contact-model>).
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such contact or tag; otherwise as every call.
    pub async fn remove_contact_tag(&self, id: ContactId, name: &str) -> Result<Done, Error> {
        let call = Call::delete("/contacts").segment(id).then("/tags").segment(name);
        self.call_decoded(call, done).await
    }
}

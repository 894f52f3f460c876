//! `GET /contacts/{id}`

use model::ContactId;

use crate::call::Call;
use crate::wire::Contact;
use crate::{Client, Error, Scope};

impl Client {
    /// One contact, by Drift's id.
    ///
    /// `GET /contacts/{id}`; scope `contact_read`.
    ///
    /// Drift: "Retrieving a contact", <https://devdocs.drift.com/docs/retrieving-contact>.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such contact; otherwise as every call.
    pub async fn contact(&self, id: ContactId) -> Result<Contact, Error> {
        let call = Call::get("/contacts").segment(id).scope(Scope::ContactRead);
        self.data(call).await
    }
}

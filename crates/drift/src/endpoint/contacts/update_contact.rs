//! `PATCH /contacts/{id}`

use model::ContactId;

use crate::call::Call;
use crate::endpoint::ContactAttributes;
use crate::wire::Contact;
use crate::{Client, Error, Scope};

impl Client {
    /// Set some attributes of a contact; the others stay. How one is cleared is not documented.
    ///
    /// `PATCH /contacts/{id}`; scope `contact_write`.
    ///
    /// Drift: "Contact model", <https://devdocs.drift.com/docs/contact-model>.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such contact; otherwise as every call.
    pub async fn update_contact(&self, id: ContactId, changes: &ContactAttributes) -> Result<Contact, Error> {
        let call = Call::patch("/contacts").segment(id).scope(Scope::ContactWrite).json(changes)?;
        self.data(call).await
    }
}

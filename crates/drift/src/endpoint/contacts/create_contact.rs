//! `POST /contacts`

use model::Pii;
use serde::Serialize;
use serde_json::Value;

use crate::call::Call;
use crate::wire::{Contact, Extra};
use crate::{Client, Error, Scope};

/// Attributes to set on a contact. Unknown names become custom attributes; a null value creates none.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct ContactAttributes {
    attributes: Extra,
}

impl ContactAttributes {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Those of a person with this e-mail address, which is all that a new contact needs.
    #[must_use]
    pub fn of_email(email: Pii<String>) -> Self {
        Self::new().set("email", email.into_exposed())
    }

    /// The site's own id for the person; with it, several contacts may share an e-mail address.
    #[must_use]
    pub fn external_id(self, id: impl Into<String>) -> Self {
        self.set("externalId", id.into())
    }

    /// Any attribute. Names are case-sensitive; what is not Drift's own becomes a custom attribute.
    #[must_use]
    pub fn set(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.attributes.insert(name.into(), value.into());
        self
    }
}

impl Client {
    /// Create a contact.
    ///
    /// `POST /contacts`; scope `contact_write`. The e-mail address must be new, unless an external id
    /// is given, which then must be.
    ///
    /// Drift: "Creating a contact", <https://devdocs.drift.com/docs/creating-a-contact>.
    ///
    /// # Errors
    /// [`Error::Conflict`] or [`Error::Validation`] when there is one already (which of the two is not
    /// documented); otherwise as every call. Tried again only where nothing can have been created.
    pub async fn create_contact(&self, contact: &ContactAttributes) -> Result<Contact, Error> {
        let call = Call::post("/contacts").scope(Scope::ContactWrite).json(contact)?;
        self.data(call).await
    }
}

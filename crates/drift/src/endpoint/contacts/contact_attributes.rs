//! `GET /contacts/attributes`

use serde::Deserialize;

use crate::call::Call;
use crate::wire::{AttributeDefinition, List};
use crate::{Client, Error, Scope};

#[derive(Deserialize)]
struct Definitions {
    properties: List<AttributeDefinition>,
}

impl Client {
    /// The definitions of the organization's contact attributes.
    ///
    /// `GET /contacts/attributes`; scope `all_contact_read`.
    ///
    /// Drift: "Listing custom attributes", <https://devdocs.drift.com/docs/listing-custom-attributes>.
    ///
    /// # Errors
    /// As every call: [`Error`].
    pub async fn contact_attributes(&self) -> Result<Vec<AttributeDefinition>, Error> {
        let call = Call::get("/contacts/attributes").scope(Scope::AllContactRead);
        Ok(self.data::<Definitions>(call).await?.properties.0)
    }
}

#![expect(missing_docs, reason = "the fields are Drift's own and carry its names")]
//! Contacts: the people on the site's side.

use model::{ContactId, Millis, Pii};

use super::open_enum::open_enum;
use super::shape::shape;
use super::{Attributes, Lazy};

shape! {
    /// One contact.
    ///
    /// Drift: "Contact model", <https://devdocs.drift.com/docs/contact-model>. An e-mail address is no key: several
    /// contacts may have it.
    #[serde(rename_all = "camelCase")]
    pub struct Contact {
        pub id: ContactId,
        /// When it was first captured.
        pub created_at: Option<Millis>,
        /// Everything known about the person, Drift's own keys and custom ones together.
        pub attributes: Option<Lazy<Attributes>>,
    }
}

impl Contact {
    /// The attributes, decoded; none when Drift sent none.
    ///
    /// # Errors
    /// When a known attribute has a value that cannot be read; the raw text is still in `attributes`.
    pub fn known(&self) -> Result<Option<Attributes>, serde_json::Error> {
        self.attributes.as_ref().map(Lazy::get).transpose()
    }

    /// The e-mail address. Decodes the attributes: for several at once use [`Contact::known`].
    #[must_use]
    pub fn email(&self) -> Option<Pii<String>> {
        self.known().ok()??.email
    }

    /// The name. Decodes the attributes: for several at once use [`Contact::known`].
    #[must_use]
    pub fn name(&self) -> Option<Pii<String>> {
        self.known().ok()??.name
    }

    /// The phone number. Decodes the attributes: for several at once use [`Contact::known`].
    #[must_use]
    pub fn phone(&self) -> Option<Pii<String>> {
        self.known().ok()??.phone
    }

    /// The site's own id for the person, whichever of its two keys came. Decodes the attributes.
    #[must_use]
    pub fn external_id(&self) -> Option<Pii<String>> {
        self.known().ok()??.into_external_id()
    }
}

shape! {
    /// The definition of a custom attribute.
    ///
    /// Drift: "Listing custom attributes", <https://devdocs.drift.com/docs/listing-custom-attributes>.
    #[serde(rename_all = "camelCase")]
    pub struct AttributeDefinition {
        pub name: String,
        pub display_name: Option<String>,
        #[serde(rename = "type")]
        pub kind: Option<AttributeKind>,
    }
}

open_enum! {
    /// What values a custom attribute takes.
    pub enum AttributeKind {
        /// Text.
        String = "STRING",
        /// A number.
        Numeric = "NUMERIC",
        /// True or false.
        Boolean = "BOOLEAN",
        /// An instant.
        DateTime = "DATETIME",
        /// A day.
        Date = "DATE",
    }
}

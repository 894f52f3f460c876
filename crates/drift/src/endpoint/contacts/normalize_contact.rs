//! `PATCH /contacts/normalize?idType=&id=`

use crate::call::Call;
use crate::endpoint::ContactAttributes;
use crate::wire::Contact;
use crate::{Client, Error, Scope};

/// Whose id names a contact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContactIdKind {
    /// Drift's.
    Drift,
    /// The site's own.
    External,
    /// Drift's inner one.
    Internal,
}

impl ContactIdKind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Drift => "drift",
            Self::External => "external",
            Self::Internal => "internal",
        }
    }
}

impl Client {
    /// Set some attributes of a contact that is named by one of three kinds of id.
    ///
    /// `PATCH /contacts/normalize?idType=&id=`; scope `contact_write`.
    ///
    /// Drift has no page for it; it is in their Postman collection. The answer's shape is assumed to be
    /// that of an update.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such contact; otherwise as every call.
    pub async fn normalize_contact(
        &self,
        kind: ContactIdKind,
        id: &str,
        changes: &ContactAttributes,
    ) -> Result<Contact, Error> {
        let call = Call::patch("/contacts/normalize").query("idType", kind.as_str()).query("id", id);
        self.data_or_bare(call.scope(Scope::ContactWrite).json(changes)?).await
    }
}

//! `GET /contacts?email=&limit=`

use crate::call::Call;
use crate::wire::Contact;
use crate::{Client, Error, Scope};

impl Client {
    /// The contacts with an e-mail address: several may have the same one.
    ///
    /// `GET /contacts?email=&limit=`; scope `contact_read`. `limit` bounds how many come; its default
    /// and maximum are not documented.
    ///
    /// Drift: "Retrieving a contact", <https://devdocs.drift.com/docs/retrieving-contact>.
    ///
    /// # Errors
    /// As every call: [`Error`].
    pub async fn contacts_by_email(&self, email: &str, limit: Option<u32>) -> Result<Vec<Contact>, Error> {
        let call =
            Call::get("/contacts").query("email", email).query_some("limit", limit).scope(Scope::ContactRead);
        self.list(call).await
    }
}

//! `GET /contacts?idType=external&id=`

use crate::call::Call;
use crate::wire::Contact;
use crate::{Client, Error, Scope};

/// Ids in one call.
const IDS_MAX: usize = 20;

impl Client {
    /// The contacts with any of some ids of the site's own. For more than 20 ids several calls are
    /// made.
    ///
    /// `GET /contacts?idType=external&id=`; scope `contact_read`. `id` may be repeated; how often is
    /// not documented, so 20 go into one call.
    ///
    /// Drift: "Retrieving a contact", <https://devdocs.drift.com/docs/retrieving-contact>.
    ///
    /// # Errors
    /// As every call: [`Error`].
    pub async fn contacts_by_external_id(&self, ids: &[&str]) -> Result<Vec<Contact>, Error> {
        let mut contacts = Vec::with_capacity(ids.len());
        for ids in ids.chunks(IDS_MAX) {
            let call = Call::get("/contacts").query("idType", "external").scope(Scope::ContactRead);
            let call = ids.iter().fold(call, |call, id| call.query("id", id));
            contacts.extend(self.list(call).await?);
        }
        Ok(contacts)
    }
}

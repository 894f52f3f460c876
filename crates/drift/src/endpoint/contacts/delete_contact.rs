//! `DELETE /contacts/{id}`

use model::ContactId;

use crate::call::Call;
use crate::endpoint::done;
use crate::wire::Done;
use crate::{Client, Error, Scope};

impl Client {
    /// Take a contact out of lists and searches. This is *not* erasure: for that see
    /// [`Client::gdpr_delete`].
    ///
    /// `DELETE /contacts/{id}`; scope `contact_write`. Answers 202; any other success is taken, too.
    ///
    /// Drift: "GDPR deletion", <https://devdocs.drift.com/docs/gdpr-deletion>. It tells the two apart.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such contact, also when a first attempt removed it and its
    /// answer was lost; otherwise as every call.
    pub async fn delete_contact(&self, id: ContactId) -> Result<Done, Error> {
        let call = Call::delete("/contacts").segment(id).scope(Scope::ContactWrite);
        self.call_decoded(call, done).await
    }
}

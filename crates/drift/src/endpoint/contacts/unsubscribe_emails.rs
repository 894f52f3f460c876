//! `POST /emails/unsubscribe`

use crate::call::Call;
use crate::endpoint::done;
use crate::wire::Done;
use crate::{Client, Error};

impl Client {
    /// Take addresses out of all of the organization's e-mails.
    ///
    /// `POST /emails/unsubscribe`; scope not documented.
    ///
    /// Drift has no page for it; the shape is that of the answers seen. The body is a bare list.
    ///
    /// # Errors
    /// As every call: [`Error`].
    pub async fn unsubscribe_emails(&self, emails: &[&str]) -> Result<Done, Error> {
        let call = Call::post("/emails/unsubscribe").idempotent(true).json(emails)?;
        self.call_decoded(call, done).await
    }
}

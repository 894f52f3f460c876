//! `GET /users/list`

use crate::call::Call;
use crate::wire::User;
use crate::{Client, Error, Scope};

impl Client {
    /// All users of the organization, bots among them.
    ///
    /// `GET /users/list`; scope `user_read`. One answer, no pages.
    ///
    /// Drift's page shows no sample; the shape is that of the answers seen.
    ///
    /// # Errors
    /// As every call: [`Error`].
    pub async fn users(&self) -> Result<Vec<User>, Error> {
        let call = Call::get("/users/list").scope(Scope::UserRead);
        self.list(call).await
    }
}

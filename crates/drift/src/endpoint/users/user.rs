//! `GET /users/{id}`

use model::UserId;

use crate::call::Call;
use crate::wire::User;
use crate::{Client, Error, Scope};

impl Client {
    /// One user.
    ///
    /// `GET /users/{id}`; scope `user_read`.
    ///
    /// Drift: "Retrieving a user", <https://devdocs.drift.com/docs/retrieving-user>.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such user; otherwise as every call.
    pub async fn user(&self, id: UserId) -> Result<User, Error> {
        let call = Call::get("/users").segment(id).scope(Scope::UserRead);
        self.data(call).await
    }
}

//! `GET /scim/Users/{id}`

use crate::call::Call;
use crate::wire::ScimUser;
use crate::{Client, Error};

impl Client {
    /// One provisioned user.
    ///
    /// `GET /scim/Users/{id}`; scope not documented. Paid plans only.
    ///
    /// Drift: "User schema", <https://devdocs.drift.com/docs/user-schema>.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such user; otherwise as every call.
    pub async fn scim_user(&self, id: &str) -> Result<ScimUser, Error> {
        self.bare(Call::get("/scim/Users").segment(id)).await
    }
}

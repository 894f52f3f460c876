//! `PUT /scim/Users/{id}`

use crate::call::Call;
use crate::wire::ScimUser;
use crate::{Client, Error};

impl Client {
    /// Put a provisioned user's whole record anew. The id belongs into the path.
    ///
    /// `PUT /scim/Users/{id}`; scope not documented. Paid plans only.
    ///
    /// Drift: "User schema", <https://devdocs.drift.com/docs/user-schema>.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such user; otherwise as every call.
    pub async fn replace_scim_user(&self, id: &str, user: &ScimUser) -> Result<ScimUser, Error> {
        self.bare(Call::put("/scim/Users").segment(id).json(user)?).await
    }
}

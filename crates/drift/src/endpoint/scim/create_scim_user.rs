//! `POST /scim/Users`

use crate::call::Call;
use crate::wire::ScimUser;
use crate::{Client, Error};

impl Client {
    /// Provision a user.
    ///
    /// `POST /scim/Users`; scope not documented. Paid plans only.
    ///
    /// Drift: "User schema", <https://devdocs.drift.com/docs/user-schema>.
    ///
    /// # Errors
    /// As every call: [`Error`]. Tried again only where nothing can have been created.
    pub async fn create_scim_user(&self, user: &ScimUser) -> Result<ScimUser, Error> {
        self.bare(Call::post("/scim/Users").json(user)?).await
    }
}

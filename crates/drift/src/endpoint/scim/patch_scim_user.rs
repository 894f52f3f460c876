//! `PATCH /scim/Users/{id}`

use serde_json::Value;

use crate::call::Call;
use crate::wire::ScimUser;
use crate::{Client, Error};

impl Client {
    /// Change some of a provisioned user's record, by a SCIM patch. Beware: setting `isActive` to false
    /// deletes the user.
    ///
    /// `PATCH /scim/Users/{id}`; scope not documented. Paid plans only.
    ///
    /// Drift: "Deprovisioning", <https://devdocs.drift.com/docs/deprovisioning>.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such user; otherwise as every call.
    pub async fn patch_scim_user(&self, id: &str, patch: &Value) -> Result<ScimUser, Error> {
        self.bare(Call::patch("/scim/Users").segment(id).json(patch)?).await
    }
}

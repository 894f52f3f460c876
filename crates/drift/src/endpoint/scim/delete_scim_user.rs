//! `DELETE /scim/Users/{id}`

use crate::call::Call;
use crate::endpoint::done;
use crate::wire::Done;
use crate::{Client, Error};

impl Client {
    /// Delete a user for good: they cannot be provisioned again.
    ///
    /// `DELETE /scim/Users/{id}`; scope not documented. Paid plans only.
    ///
    /// Drift: "Deprovisioning", <https://devdocs.drift.com/docs/deprovisioning>.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such user; otherwise as every call.
    pub async fn delete_scim_user(&self, id: &str) -> Result<Done, Error> {
        self.call_decoded(Call::delete("/scim/Users").segment(id), done).await
    }
}

//! `PATCH /users/update?userId=`

use model::{Pii, UserId};
use serde::Serialize;

use crate::call::Call;
use crate::wire::{Availability, User};
use crate::{Client, Error, Scope};

/// Fields to change; those not given stay as they are.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UserChanges {
    /// Full name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<Pii<String>>,
    /// Shown name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alias: Option<Pii<String>>,
    /// E-mail address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<Pii<String>>,
    /// `XXX-XXX-XXXX`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<Pii<String>>,
    /// Language.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locale: Option<String>,
    /// Picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub avatar_url: Option<Pii<String>>,
    /// `AVAILABLE` or `OFFLINE` only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub availability: Option<Availability>,
}

impl Client {
    /// Change some fields of a user; the others stay.
    ///
    /// `PATCH /users/update?userId=`; scope `user_write`. Roles cannot be changed here, nor users
    /// created or deleted: SCIM does that.
    ///
    /// Drift: "Updating users", <https://devdocs.drift.com/docs/updating-users>.
    ///
    /// # Errors
    /// [`Error::Validation`] for a phone number not of the form `XXX-XXX-XXXX` or an availability other
    /// than `AVAILABLE` and `OFFLINE`; otherwise as every call.
    pub async fn update_user(&self, id: UserId, changes: &UserChanges) -> Result<User, Error> {
        let call = Call::patch("/users/update").query("userId", id).scope(Scope::UserWrite).json(changes)?;
        self.data(call).await
    }
}

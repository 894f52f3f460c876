//! `POST /accounts/create`

use model::UserId;
use serde::Serialize;

use crate::call::Call;
use crate::wire::{Account, CustomProperty};
use crate::{Client, Error, Scope};

/// An account to create. The owner's key is `ownerId`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NewAccount {
    /// A known user.
    pub owner_id: UserId,
    /// The company's name.
    pub name: String,
    /// Its domain, unique within the organization.
    pub domain: String,
    /// Further properties.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub custom_properties: Vec<CustomProperty>,
    /// Whether it is a target of sales.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub targeted: Option<bool>,
}

impl Client {
    /// Create an account.
    ///
    /// `POST /accounts/create`; scope `account_write`.
    ///
    /// Drift: "Creating an account", <https://devdocs.drift.com/docs/creating-an-account>.
    ///
    /// # Errors
    /// [`Error::Validation`] or [`Error::Conflict`] for an owner who is no user, or a domain that
    /// another account has; otherwise as every call. Tried again only where nothing can have been
    /// created.
    pub async fn create_account(&self, account: &NewAccount) -> Result<Account, Error> {
        let call = Call::post("/accounts/create").scope(Scope::AccountWrite).json(account)?;
        self.data(call).await
    }
}

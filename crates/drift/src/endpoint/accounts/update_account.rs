//! `PATCH /accounts/update`

use model::{AccountId, UserId};
use serde::Serialize;

use crate::call::Call;
use crate::wire::{Account, CustomProperty};
use crate::{Client, Error, Scope};

/// Fields to change; those not given stay as they are.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountChanges {
    /// Whose.
    pub account_id: AccountId,
    /// Clients always send the owner, so do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner_id: Option<UserId>,
    /// The company's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its domain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// Further properties.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custom_properties: Option<Vec<CustomProperty>>,
    /// Whether it is a target of sales.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub targeted: Option<bool>,
}

impl AccountChanges {
    /// No changes yet.
    #[must_use]
    pub const fn of(account_id: AccountId) -> Self {
        let (name, domain) = (None, None);
        Self { account_id, owner_id: None, name, domain, custom_properties: None, targeted: None }
    }
}

impl Client {
    /// Change some fields of an account; the others stay.
    ///
    /// `PATCH /accounts/update`; scope `account_write`.
    ///
    /// Drift: "Updating accounts", <https://devdocs.drift.com/docs/updating-accounts>.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such account; otherwise as every call.
    pub async fn update_account(&self, changes: &AccountChanges) -> Result<Account, Error> {
        let call = Call::patch("/accounts/update").scope(Scope::AccountWrite).json(changes)?;
        self.data(call).await
    }
}

//! `GET /accounts/{accountId}`

use model::AccountId;

use crate::call::Call;
use crate::wire::Account;
use crate::{Client, Error, Scope};

impl Client {
    /// One account. Deleted ones are still given, with `deleted` set.
    ///
    /// `GET /accounts/{accountId}`; scope `account_read`.
    ///
    /// Drift: "Account model", <https://devdocs.drift.com/docs/account-model>.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such account; otherwise as every call.
    pub async fn account(&self, id: &AccountId) -> Result<Account, Error> {
        let call = Call::get("/accounts").segment(id).scope(Scope::AccountRead);
        self.data(call).await
    }
}

//! `DELETE /accounts/{accountId}`

use model::AccountId;

use crate::call::Call;
use crate::endpoint::done;
use crate::wire::Done;
use crate::{Client, Error, Scope};

impl Client {
    /// Mark an account as deleted; it can still be read.
    ///
    /// `DELETE /accounts/{accountId}`; scope `account_write`.
    ///
    /// Drift: "Account model", <https://devdocs.drift.com/docs/account-model>.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such account; otherwise as every call.
    pub async fn delete_account(&self, id: &AccountId) -> Result<Done, Error> {
        let call = Call::delete("/accounts").segment(id).scope(Scope::AccountWrite);
        self.call_decoded(call, done).await
    }
}

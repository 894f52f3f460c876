//! `POST /app/token_info`

use crate::call::Call;
use crate::wire::TokenInfo;
use crate::{Client, Error};

impl Client {
    /// What the client's token may do, and for which organization.
    ///
    /// `POST /app/token_info`; no scope is documented. Lifetimes are in milliseconds here; 0 means until revoked.
    ///
    /// Drift: "Get token information", <https://devdocs.drift.com/docs/get-token-information>.
    ///
    /// # Errors
    /// [`Error::Unauthorized`] when the token is dead and cannot be renewed; otherwise as every call.
    pub async fn token_info(&self) -> Result<TokenInfo, Error> {
        self.data_or_bare(Call::post("/app/token_info").idempotent(true).own_token()).await
    }
}

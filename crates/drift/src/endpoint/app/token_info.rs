//! `POST /app/token_info`

use serde_json::json;

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
        let token = self.access_token().await?;
        let call = Call::post("/app/token_info")
            .idempotent(true)
            .json(&json!({ "access_token": token.expose() }))?;
        self.data_or_bare(call).await
    }
}

//! What Drift says about tokens.

use model::{OrgId, Secret};
use serde::Deserialize;

use super::{Extra, field};

/// What a token is good for.
///
/// Drift: "Get token information", <https://devdocs.drift.com/docs/get-token-information>. The key is `access_token`
/// (an old client's `accessToken` is not). It holds the token, so it can be read but not written out again.
#[derive(Debug, Clone, Deserialize)]
pub struct TokenInfo {
    /// The token that was asked about, echoed.
    pub access_token: Option<Secret>,
    /// `orgId:` and the organization's number; see [`TokenInfo::org_id`].
    pub authenticated_userid: Option<String>,
    /// The app's id.
    pub credential_id: Option<String>,
    /// `bearer`.
    pub token_type: Option<String>,
    /// Milliseconds here, unlike in the token endpoint; 0 means until revoked. See [`TokenInfo::expires_in_ms`].
    #[serde(default, deserialize_with = "field::optional")]
    pub expires_in: Option<i64>,
    /// Unix milliseconds.
    #[serde(default, deserialize_with = "field::optional")]
    pub created_at: Option<model::Millis>,
    /// Names, separated by spaces; see [`TokenInfo::scopes`].
    pub scope: Option<String>,
    /// Presumably the id of Drift's record of the token.
    #[serde(default, deserialize_with = "field::optional")]
    pub id: Option<String>,
    /// The fields Drift sent that have no name here.
    #[serde(flatten)]
    pub extra: Extra,
}

impl TokenInfo {
    /// The organization the token acts for.
    #[must_use]
    pub fn org_id(&self) -> Option<OrgId> {
        self.authenticated_userid.as_deref()?.strip_prefix("orgId:")?.parse().ok()
    }

    /// The names of the scopes it was issued with. Later changes of the app's scopes do not widen it.
    pub fn scopes(&self) -> impl Iterator<Item = &str> {
        self.scope.as_deref().unwrap_or_default().split_whitespace()
    }

    /// How long it lives, in milliseconds; `None` when until revoked.
    #[must_use]
    pub fn expires_in_ms(&self) -> Option<i64> {
        self.expires_in.filter(|ms| *ms > 0)
    }
}

//! Who asks, for the audit log: until people sign in, whoever holds the server's token, at the address of the connection.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use store::audit::{ActorKind, Who};

use super::Api;
use crate::serve::Peer;

/// Who a request is of. The token was compared before any endpoint is reached.
pub(super) struct By(pub(super) Who);

impl FromRequestParts<Api> for By {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &Api) -> Result<Self, Infallible> {
        let who = Who::new(ActorKind::AdminToken, "");
        Ok(Self(match parts.extensions.get::<Peer>() {
            Some(Peer(peer)) => who.from(peer.ip().to_canonical().to_string()),
            None => who,
        }))
    }
}

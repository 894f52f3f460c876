//! Who asks, and about whom: the token before anything else, then the organization.

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use model::{OrgId, Secret};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use store::{StoreError, connections};
use subtle::ConstantTimeEq;

use super::Api;
use super::ask::Query;
use super::problem::{Failed, Problem, store_status};

/// Let a request through whose token is right.
pub(super) async fn verify(State(api): State<Api>, request: Request, next: Next) -> Response {
    let Some(token) = &api.token else {
        return Failed::new(StatusCode::NOT_FOUND, "the admin API is not set up")
            .hint("set LONGSHORE_ADMIN_TOKEN for the server and start it again")
            .into_response();
    };
    let given = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let given = given.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
    if !is_same(token, given) {
        return Failed::new(StatusCode::UNAUTHORIZED, "the token is missing or wrong")
            .hint("send the header Authorization: Bearer with the server's LONGSHORE_ADMIN_TOKEN")
            .into_response();
    }
    next.run(request).await
}

/// Hashes are compared, so that neither the content nor the length shows in the time.
fn is_same(token: &Secret, given: &str) -> bool {
    let of = |text: &str| Sha256::digest(text.as_bytes());
    of(token.expose()).ct_eq(&of(given)).into()
}

/// The organization a request is about: the one of `?org=`, else the only one that is connected.
pub(super) struct Org(pub(super) OrgId);

#[derive(Deserialize)]
struct Wanted {
    org: Option<OrgId>,
}

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("organization {0} is not connected")]
    NotConnected(OrgId),
    #[error("no organization is connected")]
    None,
    #[error("{0} organizations are connected, and the request names none of them")]
    Several(usize),
    #[error("cannot read the connections")]
    Store(#[from] StoreError),
}

impl Problem for Error {
    fn status(&self) -> StatusCode {
        match self {
            Self::NotConnected(_) | Self::None => StatusCode::NOT_FOUND,
            Self::Several(_) => StatusCode::BAD_REQUEST,
            Self::Store(error) => store_status(error),
        }
    }

    fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NotConnected(_) | Self::None => Some("connect it with \"longshore connect\""),
            Self::Several(_) => Some("add ?org=ID to the address"),
            Self::Store(_) => None,
        }
    }
}

impl FromRequestParts<Api> for Org {
    type Rejection = Failed;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Failed> {
        let Query(Wanted { org }) = Query::from_request_parts(parts, api).await?;
        let mut known: Vec<OrgId> = connections::list(&api.db)
            .await
            .map_err(Error::Store)?
            .into_iter()
            .map(|connection| connection.org_id)
            .collect();
        known.sort_unstable();
        known.dedup();
        match (org, known.as_slice()) {
            (Some(org), known) if known.contains(&org) => Ok(Self(org)),
            (Some(org), _) => Err(Error::NotConnected(org).into()),
            (None, [only]) => Ok(Self(*only)),
            (None, []) => Err(Error::None.into()),
            (None, several) => Err(Error::Several(several.len()).into()),
        }
    }
}

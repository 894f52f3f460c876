//! The organization that a request is about, as its door found it.

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use model::OrgId;

use super::Api;
use super::problem::Failed;
use crate::access::{Caller, Meeting, OfOrg};

/// The organization of `?org=`, else the only one there is for the caller.
pub(super) struct Org(pub(super) OrgId);

impl FromRequestParts<Api> for Org {
    type Rejection = Failed;

    async fn from_request_parts(parts: &mut Parts, _: &Api) -> Result<Self, Failed> {
        let found = parts.extensions.get::<OfOrg>().map(|OfOrg(org)| Self(*org));
        // A door that asks for nothing in an organization is none for such an endpoint.
        found.ok_or_else(|| Failed::new(StatusCode::INTERNAL_SERVER_ERROR, "the endpoint has the wrong door"))
    }
}

/// Who asks, and the organization of `?org=`, where one is named.
pub(super) struct Known {
    pub(super) caller: Caller,
    pub(super) org: Option<OrgId>,
}

impl FromRequestParts<Api> for Known {
    type Rejection = Failed;

    async fn from_request_parts(parts: &mut Parts, _: &Api) -> Result<Self, Failed> {
        let caller = parts.extensions.get::<Meeting>().and_then(|meeting| meeting.caller.clone());
        let org = parts.extensions.get::<OfOrg>().map(|OfOrg(org)| *org);
        let wrong = || Failed::new(StatusCode::INTERNAL_SERVER_ERROR, "the endpoint has the wrong door");
        Ok(Self { caller: caller.ok_or_else(wrong)?, org })
    }
}

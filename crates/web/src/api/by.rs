//! Who asks, for the audit log: as the door found it, with the address that can be believed.

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use store::audit::Who;

use super::Api;
use super::problem::Failed;
use crate::access::Meeting;

/// Who a request is of.
pub(super) struct By(pub(super) Who);

impl FromRequestParts<Api> for By {
    type Rejection = Failed;

    async fn from_request_parts(parts: &mut Parts, _: &Api) -> Result<Self, Failed> {
        let found = parts.extensions.get::<Meeting>().map(|meeting| Self(meeting.actor()));
        // Behind a door that asks nothing nobody is known, and nothing may be changed.
        found.ok_or_else(|| Failed::new(StatusCode::INTERNAL_SERVER_ERROR, "the endpoint has the wrong door"))
    }
}

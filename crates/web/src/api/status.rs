//! `GET /api/v1/status`: how an organization fares.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use model::{OrgId, Permission};
use serde::Serialize;
use store::StoreError;
use store::status::{self, Status};

use super::Api;
use super::caller::Org;
use super::describe::{Described, Kind, property};
use super::problem::{Failed, Problem, store_status};
use crate::access::Needs;

/// How it fares.
#[derive(Serialize)]
struct Answer {
    organization: OrgId,
    #[serde(flatten)]
    status: Status,
}

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("cannot read the state of organization {0}")]
    Store(OrgId, #[source] StoreError),
}

impl Problem for Error {
    fn status(&self) -> StatusCode {
        match self {
            Self::Store(_, error) => store_status(error),
        }
    }
}

/// Count what there is to count.
async fn handler(State(api): State<Api>, Org(org): Org) -> Result<Json<Answer>, Failed> {
    let status =
        status::of_org(&api.db, org, api.clock.now()).await.map_err(|error| Error::Store(org, error))?;
    Ok(Json(Answer { organization: org, status }))
}

pub(super) const DESCRIBED: Described = Described {
    method: "get",
    path: "/api/v1/status",
    needs: Needs::InOrg(Permission::StatusRead),
    summary: "How an organization fares: what waits, stands still, was missed, lags.",
    parameters: &[],
    body: &[],
    answer: &[
        property("organization", Kind::Whole, "The organization."),
        property("inbox", Kind::Object, "Events received in a day, and those that wait for the router."),
        property("jobs", Kind::Objects, "Jobs by kind and state."),
        property("notices", Kind::Objects, "What a person should know."),
        property("pauses", Kind::Objects, "What is paused on purpose."),
        property("sweeps", Kind::Object, "What sweeps found in seven days that no webhook told."),
        property("consumers", Kind::Objects, "The readers of the change feed and how far they lag."),
        property("endpoints", Kind::Objects, "Where outgoing webhooks go."),
        property("workers", Kind::Whole, "Workers whose lease lives."),
    ],
    route: || get(handler),
};

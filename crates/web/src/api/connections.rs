//! `GET /api/v1/connections`: an organization's grants, what each is good for, when it was last used.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use model::{OrgId, Permission};
use serde::Serialize;
use store::StoreError;
use store::inventory::{self, Known};

use super::Api;
use super::caller::Org;
use super::describe::{Described, Kind, property};
use super::problem::{Failed, Problem, store_status};
use crate::access::Needs;

/// The connections.
#[derive(Serialize)]
struct Answer {
    organization: OrgId,
    connections: Vec<Known>,
}

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("cannot read the connections")]
    Store(#[from] StoreError),
}

impl Problem for Error {
    fn status(&self) -> StatusCode {
        match self {
            Self::Store(error) => store_status(error),
        }
    }
}

/// List them.
async fn handler(State(api): State<Api>, Org(org): Org) -> Result<Json<Answer>, Failed> {
    let connections = inventory::list(&api.db, Some(org)).await.map_err(Error::Store)?;
    Ok(Json(Answer { organization: org, connections }))
}

pub(super) const DESCRIBED: Described = Described {
    method: "get",
    path: "/api/v1/connections",
    needs: Needs::InOrg(Permission::StatusRead),
    summary: "An organization's connections, the newest first: state, scopes, last use, how far giving one up has come.",
    parameters: &[],
    body: &[],
    answer: &[
        property("organization", Kind::Whole, "The organization."),
        property("connections", Kind::Objects, "The connections, at most a hundred."),
    ],
    route: || get(handler),
};

//! `GET /api/v1/connections/{id}`: one grant, how far giving it up has come, and what is said about it.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use model::{ConnectionId, OrgId, Permission};
use serde::Serialize;
use store::inventory::{self, Known};
use store::status::{self, Notice};
use store::{Db, StoreError};

use super::Api;
use super::ask::Path;
use super::caller::Org;
use super::describe::{Described, Kind, Parameter, in_path, property};
use super::problem::{Failed, Problem, store_status};
use crate::access::Needs;

/// The connection.
#[derive(Serialize)]
struct Answer {
    organization: OrgId,
    connection: Known,
    notices: Vec<Notice>,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("there is no such connection")]
    NotFound,
    #[error("cannot read or change the connection")]
    Store(#[from] StoreError),
}

impl Problem for Error {
    fn status(&self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Store(error) => store_status(error),
        }
    }
}

/// The connection of that id, if it is the organization's: another's is none.
pub(super) async fn found(db: &Db, org: OrgId, id: &ConnectionId) -> Result<Known, Error> {
    let found = inventory::get(db, id).await?.filter(|found| found.organization == org);
    found.ok_or(Error::NotFound)
}

/// Show it.
async fn handler(
    State(api): State<Api>,
    Org(org): Org,
    Path(id): Path<ConnectionId>,
) -> Result<Json<Answer>, Failed> {
    let connection = found(&api.db, org, &id).await?;
    let notices = status::notices_of_connection(&api.db, org, &id).await.map_err(Error::Store)?;
    Ok(Json(Answer { organization: org, connection, notices }))
}

pub(super) const ID: &[Parameter] = &[in_path("id", Kind::Text, "The connection's id.")];

pub(super) const DESCRIBED: Described = Described {
    method: "get",
    path: "/api/v1/connections/{id}",
    needs: Needs::InOrg(Permission::StatusRead),
    summary: "One connection, how far giving it up has come, and what a person should know of it.",
    parameters: ID,
    body: &[],
    answer: &[
        property("organization", Kind::Whole, "The organization."),
        property("connection", Kind::Object, "The connection."),
        property("notices", Kind::Objects, "What a person should know of it."),
    ],
    route: || get(handler),
};

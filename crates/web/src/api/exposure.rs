//! `GET /api/v1/connections/exposure`: what the organization's grant lays open.

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Extension, Json};
use model::{OrgId, Permission};
use serde::Serialize;
use store::StoreError;

use super::Api;
use super::caller::Org;
use super::describe::{Described, Kind, property};
use super::problem::{Failed, Problem, store_status};
use crate::access::{Needs, Rows};
use crate::exposure::{self, Exposure};

/// What it lays open.
#[derive(Serialize)]
struct Answer {
    organization: OrgId,
    connections: Vec<Exposure>,
}

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("cannot read what the connections lay open")]
    Store(#[from] StoreError),
}

impl Problem for Error {
    fn status(&self) -> StatusCode {
        match self {
            Self::Store(error) => store_status(error),
        }
    }
}

/// Count it.
async fn handler(State(api): State<Api>, Org(org): Org) -> Result<(Extension<Rows>, Json<Answer>), Failed> {
    let connections = exposure::read(&api.db, Some(org), api.clock.now()).await.map_err(Error::Store)?;
    Ok((Extension(Rows(connections.len())), Json(Answer { organization: org, connections })))
}

pub(super) const DESCRIBED: Described = Described {
    method: "get",
    path: "/api/v1/connections/exposure",
    needs: Needs::InOrg(Permission::AuditRead),
    summary: "If the token leaked: what each scope opens, how many rows and people, and which scopes nobody uses.",
    parameters: &[],
    body: &[],
    answer: &[
        property("organization", Kind::Whole, "The organization."),
        property("connections", Kind::Objects, "Its grants that are good for calls."),
    ],
    route: || get(handler),
};

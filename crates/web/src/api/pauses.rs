//! `GET /api/v1/pauses`: what is paused on purpose.

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Extension, Json};
use model::{OrgId, Permission};
use serde::Serialize;
use store::StoreError;
use store::status::{self, Pause};

use super::Api;
use super::caller::Org;
use super::describe::{Described, Kind, property};
use super::problem::{Failed, Problem, store_status};
use crate::access::{Needs, Rows};

/// The pauses.
#[derive(Serialize)]
struct Answer {
    organization: OrgId,
    pauses: Vec<Pause>,
}

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("cannot read the pauses")]
    Store(#[from] StoreError),
}

impl Problem for Error {
    fn status(&self) -> StatusCode {
        match self {
            Self::Store(error) => store_status(error),
        }
    }
}

/// List those that hold now.
async fn handler(State(api): State<Api>, Org(org): Org) -> Result<(Extension<Rows>, Json<Answer>), Failed> {
    let pauses = status::pauses_of(&api.db, Some(org), api.clock.now()).await.map_err(Error::Store)?;
    Ok((Extension(Rows(pauses.len())), Json(Answer { organization: org, pauses })))
}

pub(super) const DESCRIBED: Described = Described {
    method: "get",
    path: "/api/v1/pauses",
    needs: Needs::InOrg(Permission::StatusRead),
    summary: "What is paused for an organization, what is paused for every one included.",
    parameters: &[],
    body: &[],
    answer: &[
        property("organization", Kind::Whole, "The organization."),
        property("pauses", Kind::Objects, "What is paused, why, since when and until when."),
    ],
    route: || get(handler),
};

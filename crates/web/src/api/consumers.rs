//! `GET /api/v1/consumers`: the readers of the change feed.

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Extension, Json};
use model::{OrgId, Permission};
use serde::Serialize;
use store::StoreError;
use store::status::{self, Consumer};

use super::Api;
use super::caller::Org;
use super::describe::{Described, Kind, property};
use super::problem::{Failed, Problem, store_status};
use crate::access::{Needs, Rows};

/// The consumers.
#[derive(Serialize)]
struct Answer {
    organization: OrgId,
    consumers: Vec<Consumer>,
}

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("cannot read the consumers")]
    Store(#[from] StoreError),
}

impl Problem for Error {
    fn status(&self) -> StatusCode {
        match self {
            Self::Store(error) => store_status(error),
        }
    }
}

/// List them, and measure how far they lag.
async fn handler(State(api): State<Api>, Org(org): Org) -> Result<(Extension<Rows>, Json<Answer>), Failed> {
    let consumers = status::consumers_of(&api.db, org, api.clock.now()).await.map_err(Error::Store)?;
    Ok((Extension(Rows(consumers.len())), Json(Answer { organization: org, consumers })))
}

pub(super) const DESCRIBED: Described = Described {
    method: "get",
    path: "/api/v1/consumers",
    needs: Needs::InOrg(Permission::StatusRead),
    summary: "The readers of the change feed: where each stands, how far it lags, what it owes.",
    parameters: &[],
    body: &[],
    answer: &[
        property("organization", Kind::Whole, "The organization."),
        property("consumers", Kind::Objects, "The consumers, the oldest first."),
    ],
    route: || get(handler),
};

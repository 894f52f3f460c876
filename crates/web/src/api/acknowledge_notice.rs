//! `POST /api/v1/notices/acknowledge`: somebody has taken note of what a notice says.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use model::{OrgId, Permission};
use serde::{Deserialize, Serialize};
use store::{StoreError, notices};

use super::Api;
use super::ask::Body;
use super::by::By;
use super::caller::Org;
use super::describe::{Described, Kind, property};
use super::problem::{Failed, Problem, store_status};
use crate::access::Needs;

/// Which notice, as the status tells it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    kind: String,
    subject: String,
}

/// The notice that no longer stands.
#[derive(Serialize)]
struct Answer {
    organization: OrgId,
    kind: String,
    subject: String,
}

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("no such notice stands")]
    Missing,
    #[error("cannot write that the notice was taken note of")]
    Store(#[source] StoreError),
}

impl Problem for Error {
    fn status(&self) -> StatusCode {
        match self {
            Self::Missing => StatusCode::NOT_FOUND,
            Self::Store(error) => store_status(error),
        }
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound { .. } => Self::Missing,
            other => Self::Store(other),
        }
    }
}

/// Take it back.
async fn handler(
    State(api): State<Api>,
    Org(org): Org,
    By(who): By,
    Body(Asked { kind, subject }): Body<Asked>,
) -> Result<Json<Answer>, Failed> {
    let mut tx = api.db.begin().await.map_err(Error::from)?;
    let done = notices::acknowledge(&mut tx, (org, &kind, &subject), &who, api.clock.now()).await;
    done.map_err(Error::from)?;
    tx.commit().await.map_err(Error::from)?;
    Ok(Json(Answer { organization: org, kind, subject }))
}

pub(super) const DESCRIBED: Described = Described {
    method: "post",
    path: "/api/v1/notices/acknowledge",
    needs: Needs::InOrg(Permission::OperationsWrite),
    summary: "Take note of a notice: it no longer stands, and comes again only when it is raised again.",
    parameters: &[],
    body: &[
        property("kind", Kind::Text, "Its kind, as the status tells it."),
        property("subject", Kind::Text, "Its subject."),
    ],
    answer: &[
        property("organization", Kind::Whole, "The organization."),
        property("kind", Kind::Text, "The kind."),
        property("subject", Kind::Text, "The subject."),
    ],
    route: || post(handler),
};

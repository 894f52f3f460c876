//! `DELETE /api/v1/pauses/{kind}`: let the jobs run again.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::delete;
use model::OrgId;
use serde::Serialize;
use store::StoreError;
use store::audit::{self, Action, NewEntry};
use store::pauses::{self, Scope};

use super::Api;
use super::ask::Path;
use super::by::By;
use super::caller::Org;
use super::describe::{Described, Kind, in_path, property};
use super::pause;
use super::problem::{Failed, Problem, store_status};

/// What runs again.
#[derive(Serialize)]
struct Answer {
    organization: OrgId,
    kind: Option<String>,
}

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("there is no such pause")]
    NotFound,
    #[error("cannot end the pause")]
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

/// End the pause.
async fn handler(
    State(api): State<Api>,
    Org(org): Org,
    By(who): By,
    Path(path): Path<String>,
) -> Result<Json<Answer>, Failed> {
    let scope = Scope { org: Some(org), kind: pause::kind(path) };
    let mut tx = api.db.begin().await.map_err(Error::Store)?;
    let was = pauses::resume(&mut tx, &scope).await.map_err(Error::Store)?;
    if !was {
        return Err(Error::NotFound.into());
    }
    let entry = NewEntry::done(api.clock.now(), &who, Action::PauseEnd, pause::object(&scope)).org(org);
    audit::append(&mut tx, &entry).map_err(Error::Store)?;
    tx.commit().await.map_err(Error::Store)?;
    Ok(Json(Answer { organization: org, kind: scope.kind }))
}

pub(super) const DESCRIBED: Described = Described {
    method: "delete",
    path: "/api/v1/pauses/{kind}",
    summary: "Let the jobs run again. A pause for every organization is ended on the command line.",
    parameters: &[in_path("kind", Kind::Text, pause::KIND)],
    body: &[],
    answer: &[
        property("organization", Kind::Whole, "The organization."),
        property("kind", Kind::TextOrNull, "The kind; null for every one."),
    ],
    route: || delete(handler),
};

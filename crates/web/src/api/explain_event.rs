//! `GET /api/v1/events/{id}/explain`: what became of an event.

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Extension, Json};
use model::{EventId, Permission};
use store::{StoreError, explain};

use super::Api;
use super::ask::{Path, Query};
use super::caller::Org;
use super::describe::{Described, Kind, Parameter, in_path};
use super::explain_conversation::{Answer, Asked, OutOfRange, STORY, WINDOW};
use super::problem::{Failed, Problem, store_status};
use crate::access::{Needs, Rows};

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("there is no such event")]
    NotFound,
    #[error(transparent)]
    OutOfRange(#[from] OutOfRange),
    #[error("cannot read what became of the event")]
    Store(#[from] StoreError),
}

impl Problem for Error {
    fn status(&self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::OutOfRange(_) => StatusCode::BAD_REQUEST,
            Self::Store(error) => store_status(error),
        }
    }
}

/// Tell it, and what happened to its conversation from then on.
async fn handler(
    State(api): State<Api>,
    Org(org): Org,
    Path(id): Path<EventId>,
    Query(asked): Query<Asked>,
) -> Result<(Extension<Rows>, Json<Answer>), Failed> {
    let window = asked.window().map_err(Error::OutOfRange)?;
    let story = explain::event(&api.db, org, &id, window, api.clock.now()).await.map_err(Error::Store)?;
    let story = story.ok_or(Error::NotFound)?;
    Ok((Extension(Rows(story.lines.len())), Json(Answer::new(org, story))))
}

const PARAMETERS: &[Parameter] =
    &[in_path("id", Kind::Text, "The event's id."), WINDOW[0], WINDOW[1], WINDOW[2]];

pub(super) const DESCRIBED: Described = Described {
    method: "get",
    path: "/api/v1/events/{id}/explain",
    needs: Needs::InOrg(Permission::StoriesRead),
    summary: "An event, what happened to its conversation from then on, and what is pending and why.",
    parameters: PARAMETERS,
    body: &[],
    answer: STORY,
    route: || get(handler),
};

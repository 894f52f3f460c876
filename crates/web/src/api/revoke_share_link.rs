//! `DELETE /api/v1/share-links/{id}`: a link is good no more.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::delete;
use model::ShareLinkId;
use serde::Serialize;
use store::StoreError;

use super::Api;
use super::ask::Path;
use super::by::By;
use super::caller::Known;
use super::describe::{Described, Kind, in_path, property};
use super::problem::{Failed, Problem, store_status};
use super::share_links::Line;
use crate::access::Needs;
use crate::share;

/// What was revoked.
#[derive(Serialize)]
struct Answer {
    link: Line,
}

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("there is no such link, or it was revoked already")]
    NotFound,
    #[error("cannot revoke the link")]
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

/// Revoke it; somebody else's is none.
async fn handler(
    State(api): State<Api>,
    known: Known,
    By(who): By,
    Path(id): Path<ShareLinkId>,
) -> Result<Json<Answer>, Failed> {
    let revoked = share::revoke(&api.access, &known.caller, &who, &id).await.map_err(Error::Store)?;
    let link = revoked.ok_or(Error::NotFound)?;
    Ok(Json(Answer { link: Line::of(&link, api.clock.now()) }))
}

pub(super) const DESCRIBED: Described = Described {
    method: "delete",
    path: "/api/v1/share-links/{id}",
    needs: Needs::Somewhere(share::PERMISSION),
    summary: "Revoke a link, at once and for good.",
    parameters: &[in_path("id", Kind::Text, "The link's id, as the list has it.")],
    body: &[],
    answer: &[property("link", Kind::Object, "The link, what it was bound to, and how it stands.")],
    route: || delete(handler),
};

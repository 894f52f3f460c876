//! `GET /api/v1/share-links`: the links to connect with that there are.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use serde::Serialize;
use store::StoreError;
use store::install::links::ShareLink;

use super::Api;
use super::caller::Known;
use super::describe::{Described, Kind, property};
use super::problem::{Failed, Problem, store_status};
use crate::access::Needs;
use crate::share;

/// A link, without its text.
#[derive(Serialize)]
pub(super) struct Line {
    link_id: String,
    /// `None`: any.
    organization: Option<i64>,
    profile: &'static str,
    state: &'static str,
    created_at: i64,
    ends_at: i64,
    uses: i64,
    uses_max: i64,
    last_used_at: Option<i64>,
    revoked_at: Option<i64>,
}

impl Line {
    pub(super) fn of(link: &ShareLink, now: model::Millis) -> Self {
        Self {
            link_id: link.link_id.0.clone(),
            organization: link.org.map(|org| org.0),
            profile: link.profile.as_str(),
            state: link.standing(now).as_str(),
            created_at: link.created_at.0,
            ends_at: link.ends_at.0,
            uses: link.uses,
            uses_max: link.uses_max,
            last_used_at: link.last_used_at.map(|at| at.0),
            revoked_at: link.revoked_at.map(|at| at.0),
        }
    }
}

#[derive(Serialize)]
struct Answer {
    links: Vec<Line>,
}

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("cannot read the links")]
    Store(#[from] StoreError),
}

impl Problem for Error {
    fn status(&self) -> StatusCode {
        match self {
            Self::Store(error) => store_status(error),
        }
    }
}

/// List those that exist for the caller; with `?org=`, those of that organization.
async fn handler(State(api): State<Api>, known: Known) -> Result<Json<Answer>, Failed> {
    let mut all = share::visible(&api.access, &known.caller).await.map_err(Error::Store)?;
    all.retain(|link| known.org.is_none() || link.org == known.org);
    let now = api.clock.now();
    Ok(Json(Answer { links: all.iter().map(|link| Line::of(link, now)).collect() }))
}

pub(super) const DESCRIBED: Described = Described {
    method: "get",
    path: "/api/v1/share-links",
    needs: Needs::Somewhere(share::PERMISSION),
    summary: "Links to connect with, the newest first, without their text.",
    parameters: &[],
    body: &[],
    answer: &[property("links", Kind::Objects, "The links, what each is bound to, and how it stands.")],
    route: || get(handler),
};

//! `POST /api/v1/share-links`: make a link for a customer's administrator.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use model::Profile;
use serde::{Deserialize, Serialize};
use store::StoreError;

use super::Api;
use super::ask::Body;
use super::by::By;
use super::caller::Known;
use super::describe::{Described, Kind, property};
use super::problem::{Failed, Problem, store_status};
use super::share_links::Line;
use crate::access::Needs;
use crate::install::link_url;
use crate::share::{self, DAYS, Unfit, Wanted};

/// What it is to be.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    profile: Option<String>,
    days: Option<i64>,
    uses: Option<i64>,
}

/// The link, and its text this once.
#[derive(Serialize)]
struct Answer {
    link: Line,
    url: String,
}

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("profile must be one of archive, live, read-write")]
    Profile,
    #[error(transparent)]
    Unfit(#[from] Unfit),
    #[error("cannot write the link")]
    Store(#[from] StoreError),
}

impl Problem for Error {
    fn status(&self) -> StatusCode {
        match self {
            Self::Unfit(Unfit::Org) => StatusCode::FORBIDDEN,
            Self::Profile | Self::Unfit(_) => StatusCode::BAD_REQUEST,
            Self::Store(error) => store_status(error),
        }
    }
}

/// Make it, for the organization of `?org=`, else for any.
async fn handler(
    State(api): State<Api>,
    known: Known,
    By(who): By,
    Body(asked): Body<Asked>,
) -> Result<Json<Answer>, Failed> {
    let profile = match asked.profile {
        Some(word) => word.parse().map_err(|_| Error::Profile)?,
        None => Profile::default(),
    };
    let (days, uses) = (asked.days.unwrap_or(DAYS), asked.uses.unwrap_or(1));
    let wanted = Wanted { org: known.org, profile, days, uses };
    share::check(&known.caller, &wanted).map_err(Error::Unfit)?;
    let (link, token) = share::create(&api.access, &who, &wanted).await.map_err(Error::Store)?;
    let url = link_url(&api.install.base, &token);
    Ok(Json(Answer { link: Line::of(&link, api.clock.now()), url }))
}

pub(super) const DESCRIBED: Described = Described {
    method: "post",
    path: "/api/v1/share-links",
    needs: Needs::Somewhere(share::PERMISSION),
    summary: "Make a link with which somebody who is no user here connects Drift; for the organization of ?org=, else for any.",
    parameters: &[],
    body: &[
        property("profile", Kind::Text, "What the connection is for: archive, live or read-write."),
        property("days", Kind::Whole, "Days until it ends, 1 to 90; 7 without it."),
        property("uses", Kind::Whole, "Connections it may make, 1 to 1,000; 1 without it."),
    ],
    answer: &[
        property("link", Kind::Object, "The link, what it is bound to, and how it stands."),
        property("url", Kind::Text, "The link itself, told this once."),
    ],
    route: || post(handler),
};

//! `PUT /api/v1/pauses/{kind}`: let an organization's jobs of a kind wait.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::put;
use model::{Millis, OrgId, Permission};
use serde::{Deserialize, Serialize};
use store::StoreError;
use store::audit::{self, Action, NewEntry, Object, ObjectKind};
use store::pauses::{self, Pause, Scope};

use super::Api;
use super::ask::{Body, Path};
use super::by::By;
use super::caller::Org;
use super::describe::{Described, Kind, in_path, property};
use super::problem::{Failed, Problem, store_status};
use crate::access::Needs;

/// What stands for every kind in the path.
const ALL: &str = "all";
/// A reason is a sentence, in characters.
const REASON_CHARACTERS_MAX: usize = 500;

/// Why, and until when.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    reason: String,
    until: Option<Millis>,
}

/// What is paused now.
#[derive(Serialize)]
struct Answer {
    organization: OrgId,
    kind: Option<String>,
    until: Option<Millis>,
}

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("reason must be a text of 1 to {REASON_CHARACTERS_MAX} characters")]
    Reason,
    #[error("until has passed")]
    Until,
    #[error("cannot write the pause")]
    Store(#[from] StoreError),
}

impl Problem for Error {
    fn status(&self) -> StatusCode {
        match self {
            Self::Reason | Self::Until => StatusCode::BAD_REQUEST,
            Self::Store(error) => store_status(error),
        }
    }
}

/// The kind that a path names; `None` for every one.
pub(super) fn kind(path: String) -> Option<String> {
    (path != ALL).then_some(path)
}

/// A pause in the audit log: by the kind of job; empty for every one.
pub(super) fn object(scope: &Scope) -> Object<'_> {
    Object::new(ObjectKind::Job, scope.kind.as_deref().unwrap_or_default())
}

/// Pause, or go on pausing for another reason.
async fn handler(
    State(api): State<Api>,
    Org(org): Org,
    By(who): By,
    Path(path): Path<String>,
    Body(asked): Body<Asked>,
) -> Result<Json<Answer>, Failed> {
    let now = api.clock.now();
    let reason = asked.reason.trim();
    if reason.is_empty() || reason.chars().count() > REASON_CHARACTERS_MAX {
        return Err(Error::Reason.into());
    }
    if asked.until.is_some_and(|until| until <= now) {
        return Err(Error::Until.into());
    }
    let scope = Scope { org: Some(org), kind: kind(path) };
    let pause = Pause { scope: scope.clone(), reason: reason.to_owned(), since: now, until: asked.until };
    let mut tx = api.db.begin().await.map_err(Error::Store)?;
    pauses::pause(&mut tx, &pause).await.map_err(Error::Store)?;
    let entry = NewEntry::done(now, &who, Action::PauseSet, object(&scope)).org(org);
    audit::append(&mut tx, &entry).map_err(Error::Store)?;
    tx.commit().await.map_err(Error::Store)?;
    Ok(Json(Answer { organization: org, kind: scope.kind, until: asked.until }))
}

pub(super) const KIND: &str = "A kind of job, such as `refresh_conversation`; `all` for every one.";

pub(super) const DESCRIBED: Described = Described {
    method: "put",
    path: "/api/v1/pauses/{kind}",
    needs: Needs::InOrg(Permission::OperationsWrite),
    summary: "Let an organization's jobs of a kind wait; their signals still fold.",
    parameters: &[in_path("kind", Kind::Text, KIND)],
    body: &[
        property("reason", Kind::Text, "Why, for whoever asks."),
        property("until", Kind::WholeOrNull, "Until when (milliseconds); without it until it is deleted."),
    ],
    answer: &[
        property("organization", Kind::Whole, "The organization."),
        property("kind", Kind::TextOrNull, "The kind; null for every one."),
        property("until", Kind::InstantOrNull, "Until when."),
    ],
    route: || put(handler),
};

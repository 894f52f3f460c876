//! `POST /api/v1/dead-letters/replay`: dead letters back on the queue, one or all.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use model::{JobId, OrgId, Permission};
use serde::{Deserialize, Serialize};
use store::StoreError;
use store::replay::{self, Plan, Replayed, Selection};

use super::Api;
use super::ask::Body;
use super::by::By;
use super::caller::Org;
use super::describe::{Described, Kind, property};
use super::problem::{Failed, Problem, store_status};
use crate::access::Needs;

/// Which of them; all when neither is given.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Asked {
    job_id: Option<JobId>,
    kind: Option<String>,
    dry_run: bool,
}

/// What would be done, and what was; `done` is null for a dry run.
#[derive(Serialize)]
struct Answer {
    organization: OrgId,
    plan: Plan,
    done: Option<Replayed>,
}

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("the request must not name both job_id and kind")]
    Selection,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Problem for Error {
    fn status(&self) -> StatusCode {
        match self {
            Self::Selection => StatusCode::BAD_REQUEST,
            Self::Store(error) => store_status(error),
        }
    }
}

/// Put them back, due at once.
async fn handler(
    State(api): State<Api>,
    Org(org): Org,
    By(who): By,
    Body(asked): Body<Asked>,
) -> Result<Json<Answer>, Failed> {
    let selection = match (asked.job_id, asked.kind) {
        (Some(_), Some(_)) => return Err(Error::Selection.into()),
        (Some(job), None) => Selection::DeadLetter(job),
        (None, kind) => Selection::Failed { kind },
    };
    let plan = replay::plan(&api.db, org, &selection).await.map_err(Error::Store)?;
    let done = if asked.dry_run {
        None
    } else {
        let seams = (api.clock.as_ref(), api.entropy.as_ref());
        let done = replay::run(&api.db, org, &selection, &who, seams).await;
        Some(done.map_err(Error::Store)?)
    };
    Ok(Json(Answer { organization: org, plan, done }))
}

pub(super) const DESCRIBED: Described = Described {
    method: "post",
    path: "/api/v1/dead-letters/replay",
    needs: Needs::InOrg(Permission::OperationsWrite),
    summary: "Put dead letters back on the queue, due at once: one, those of a kind, or all.",
    parameters: &[],
    body: &[
        property("job_id", Kind::TextOrNull, "Only this one."),
        property("kind", Kind::TextOrNull, "Only those of this kind."),
        property("dry_run", Kind::Flag, "Only say what would be done."),
    ],
    answer: &[
        property("organization", Kind::Whole, "The organization."),
        property("plan", Kind::Object, "How many there are, and the first of them."),
        property("done", Kind::ObjectOrNull, "How many were put back; null for a dry run."),
    ],
    route: || post(handler),
};

//! `GET /api/v1/dead-letters`: the jobs that will not be tried again by themselves.

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Extension, Json};
use model::{JobId, Millis, OrgId, Permission};
use serde::{Deserialize, Serialize};
use store::StoreError;
use store::queue::{self, JobState, ListedJob, Which};

use super::Api;
use super::ask::Query;
use super::caller::Org;
use super::describe::{Described, Kind, in_query, property};
use super::problem::{Failed, Problem, store_status};
use crate::access::{Needs, Rows};

/// Dead letters of one page.
const PAGE: usize = 100;

/// Which of them.
#[derive(Deserialize)]
struct Asked {
    kind: Option<String>,
    after: Option<JobId>,
}

/// One page.
#[derive(Serialize)]
struct Answer {
    organization: OrgId,
    count: i64,
    dead_letters: Vec<DeadLetter>,
    after: Option<JobId>,
}

#[derive(Serialize)]
struct DeadLetter {
    job_id: JobId,
    kind: String,
    key: String,
    signals: i64,
    attempts: i64,
    enqueued_at: Millis,
    tried_at: Option<Millis>,
    error_class: Option<String>,
    error: Option<String>,
}

impl From<ListedJob> for DeadLetter {
    fn from(job: ListedJob) -> Self {
        Self {
            job_id: job.job_id,
            kind: job.kind,
            key: job.key,
            signals: job.signals,
            attempts: job.attempts,
            enqueued_at: job.enqueued_at,
            tried_at: job.claimed_at,
            error_class: job.error_class,
            error: job.error,
        }
    }
}

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("cannot read the dead letters")]
    Store(#[from] StoreError),
}

impl Problem for Error {
    fn status(&self) -> StatusCode {
        match self {
            Self::Store(error) => store_status(error),
        }
    }
}

/// List a page of them.
async fn handler(
    State(api): State<Api>,
    Org(org): Org,
    Query(asked): Query<Asked>,
) -> Result<(Extension<Rows>, Json<Answer>), Failed> {
    let all = Which { kind: asked.kind, ..Which::all(JobState::Dead) };
    let count = queue::count(&api.db, org, &all).await.map_err(Error::Store)?;
    let which = Which { after: asked.after, ..all };
    let limit = u32::try_from(PAGE).expect("a page is small");
    let jobs = queue::list(&api.db, org, &which, limit).await.map_err(Error::Store)?;
    let after = jobs.last().filter(|_| jobs.len() == PAGE).map(|job| job.job_id.clone());
    let dead_letters: Vec<_> = jobs.into_iter().map(DeadLetter::from).collect();
    Ok((Extension(Rows(dead_letters.len())), Json(Answer { organization: org, count, dead_letters, after })))
}

pub(super) const DESCRIBED: Described = Described {
    method: "get",
    path: "/api/v1/dead-letters",
    needs: Needs::InOrg(Permission::StatusRead),
    summary: "The jobs that will not be tried again by themselves, the oldest first, a hundred a page.",
    parameters: &[
        in_query("kind", Kind::Text, "Only of this kind."),
        in_query("after", Kind::Text, "Only those after this one: the `after` of the page before."),
    ],
    body: &[],
    answer: &[
        property("organization", Kind::Whole, "The organization."),
        property("count", Kind::Whole, "How many there are."),
        property("dead_letters", Kind::Objects, "One page of them."),
        property("after", Kind::TextOrNull, "What `after` must be for the next page."),
    ],
    route: || get(handler),
};

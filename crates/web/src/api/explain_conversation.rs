//! `GET /api/v1/conversations/{id}/explain`: what happened to a conversation, and what is to come.

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Extension, Json};
use model::{ConversationId, Millis, OrgId, Permission};
use serde::{Deserialize, Serialize};
use store::StoreError;
use store::explain::{self, LINES_MAX, Story, Window};

use super::Api;
use super::ask::{Path, Query};
use super::caller::Org;
use super::describe::{Described, Kind, Parameter, Property, in_path, in_query, property};
use super::problem::{Failed, Problem, store_status};
use crate::access::{Needs, Rows};

/// Lines told when nobody says how many.
const LINES_DEFAULT: usize = 200;

/// Which part of the story.
#[derive(Deserialize)]
pub(super) struct Asked {
    since: Option<Millis>,
    before: Option<Millis>,
    limit: Option<usize>,
}

impl Asked {
    /// The window; `None` for more lines than are told at once.
    pub(super) fn window(&self) -> Result<Window, OutOfRange> {
        let limit = self.limit.unwrap_or(LINES_DEFAULT);
        if limit == 0 || limit > LINES_MAX {
            return Err(OutOfRange);
        }
        Ok(Window { since: self.since, before: self.before, limit })
    }
}

/// More lines were asked for than are told at once, or none.
#[derive(Debug, thiserror::Error)]
#[error("limit must be from 1 to {LINES_MAX}")]
pub(super) struct OutOfRange;

/// The story.
#[derive(Serialize)]
pub(super) struct Answer {
    organization: OrgId,
    #[serde(flatten)]
    story: Story,
}

impl Answer {
    pub(super) const fn new(organization: OrgId, story: Story) -> Self {
        Self { organization, story }
    }
}

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error(transparent)]
    OutOfRange(#[from] OutOfRange),
    #[error("cannot read what happened to conversation {0}")]
    Store(ConversationId, #[source] StoreError),
}

impl Problem for Error {
    fn status(&self) -> StatusCode {
        match self {
            Self::OutOfRange(_) => StatusCode::BAD_REQUEST,
            Self::Store(_, error) => store_status(error),
        }
    }
}

/// Tell one page of it.
async fn handler(
    State(api): State<Api>,
    Org(org): Org,
    Path(id): Path<ConversationId>,
    Query(asked): Query<Asked>,
) -> Result<(Extension<Rows>, Json<Answer>), Failed> {
    let window = asked.window().map_err(Error::OutOfRange)?;
    let story = explain::conversation(&api.db, org, id, window, api.clock.now())
        .await
        .map_err(|error| Error::Store(id, error))?;
    Ok((Extension(Rows(story.lines.len())), Json(Answer::new(org, story))))
}

pub(super) const WINDOW: [Parameter; 3] = [
    in_query("since", Kind::Whole, "Only what happened at this instant or later (milliseconds)."),
    in_query("before", Kind::Whole, "Only what happened before this instant (milliseconds)."),
    in_query("limit", Kind::Whole, "How many lines, the newest of them: 200, at most 1,000."),
];
const PARAMETERS: &[Parameter] =
    &[in_path("id", Kind::Whole, "Drift's number of the conversation."), WINDOW[0], WINDOW[1], WINDOW[2]];
pub(super) const STORY: &[Property] = &[
    property("organization", Kind::Whole, "The organization."),
    property("conversation_id", Kind::WholeOrNull, "The conversation, unless it is about something else."),
    property("held", Kind::ObjectOrNull, "How the mirror holds it; null when it never did."),
    property("lines", Kind::Objects, "What happened, the oldest first; `what` says which sort."),
    property("earlier", Kind::InstantOrNull, "What `before` must be for the page before this one."),
    property("pending", Kind::Objects, "What waits, and `why`."),
];

pub(super) const DESCRIBED: Described = Described {
    method: "get",
    path: "/api/v1/conversations/{id}/explain",
    needs: Needs::InOrg(Permission::StoriesRead),
    summary: "Every event, run, change, effect, fact and error of a conversation, and what is pending and why.",
    parameters: PARAMETERS,
    body: &[],
    answer: STORY,
    route: || get(handler),
};

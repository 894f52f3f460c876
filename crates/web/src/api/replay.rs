//! `POST /api/v1/replay`: fetch a conversation, route events, or try dead letters once more.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use model::{ConversationId, EventId, Millis, OrgId, Permission};
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

/// What is to be done once more: exactly one of `conversation`, `event`, `failed`, or `since` with `until`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Asked {
    conversation: Option<ConversationId>,
    event: Option<EventId>,
    failed: bool,
    since: Option<Millis>,
    until: Option<Millis>,
    #[serde(rename = "type")]
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
    #[error("the request must name one of conversation, event, failed, or since with until")]
    Selection,
    #[error("since must lie before until")]
    Span,
    #[error("type goes with since and until")]
    Kind,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Problem for Error {
    fn status(&self) -> StatusCode {
        match self {
            Self::Selection | Self::Span | Self::Kind => StatusCode::BAD_REQUEST,
            Self::Store(error) => store_status(error),
        }
    }
}

impl Asked {
    fn selection(self) -> Result<Selection, Error> {
        if self.kind.is_some() && self.since.is_none() {
            return Err(Error::Kind);
        }
        match (self.conversation, self.event, self.failed, self.since, self.until) {
            (Some(id), None, false, None, None) => Ok(Selection::Conversation(id)),
            (None, Some(id), false, None, None) => Ok(Selection::Event(id)),
            (None, None, true, None, None) => Ok(Selection::Failed { kind: None }),
            (None, None, false, Some(since), Some(until)) if since < until => {
                Ok(Selection::Events { since, until, kind: self.kind })
            }
            (None, None, false, Some(_), Some(_)) => Err(Error::Span),
            _ => Err(Error::Selection),
        }
    }
}

/// Say what would be done, and do it unless it is a dry run.
async fn handler(
    State(api): State<Api>,
    Org(org): Org,
    By(who): By,
    Body(asked): Body<Asked>,
) -> Result<Json<Answer>, Failed> {
    let dry_run = asked.dry_run;
    let selection = asked.selection()?;
    let plan = replay::plan(&api.db, org, &selection).await.map_err(Error::Store)?;
    let done = if dry_run {
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
    path: "/api/v1/replay",
    needs: Needs::InOrg(Permission::OperationsWrite),
    summary: "Fetch a conversation, route events, or try dead letters once more; idempotent.",
    parameters: &[],
    body: &[
        property("conversation", Kind::WholeOrNull, "Fetch this conversation."),
        property("event", Kind::TextOrNull, "Route this event."),
        property("failed", Kind::Flag, "Try all dead letters."),
        property(
            "since",
            Kind::WholeOrNull,
            "Route the events received from this instant on (milliseconds)…",
        ),
        property("until", Kind::WholeOrNull, "…and before this one (milliseconds)…"),
        property("type", Kind::TextOrNull, "…of this type only."),
        property("dry_run", Kind::Flag, "Only say what would be done."),
    ],
    answer: &[
        property("organization", Kind::Whole, "The organization."),
        property("plan", Kind::Object, "How much there is to do, and the first of it."),
        property("done", Kind::ObjectOrNull, "How much was done; null for a dry run."),
    ],
    route: || post(handler),
};

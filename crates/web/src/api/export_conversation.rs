//! `POST /api/v1/conversations/{id}/export`: a copy of one conversation, as it is, for a reason.

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Extension, Json};
use model::{ConversationId, OrgId, Permission};
use serde::{Deserialize, Serialize};
use sinks::SinkError;
use sinks::on_demand::{self, Form};

use super::Api;
use super::ask::{Body, Path};
use super::by::By;
use super::caller::Org;
use super::describe::{Described, Kind, in_path, property};
use super::problem::{Failed, Problem, store_status};
use crate::access::{Needs, Rows};

/// What is wanted, and why.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    #[serde(rename = "as")]
    form: String,
    reason: String,
}

#[derive(Serialize)]
struct Answer {
    organization: OrgId,
    conversation_id: ConversationId,
    #[serde(rename = "as")]
    form: &'static str,
    content: String,
}

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("as must be text, html or markdown")]
    Form,
    #[error(transparent)]
    Export(#[from] SinkError),
}

impl Problem for Error {
    fn status(&self) -> StatusCode {
        match self {
            Self::Form | Self::Export(SinkError::NoReason) => StatusCode::BAD_REQUEST,
            Self::Export(SinkError::NoConversation { .. }) => StatusCode::NOT_FOUND,
            Self::Export(SinkError::Store(error)) => store_status(error),
            Self::Export(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

/// Hand it over.
async fn handler(
    State(api): State<Api>,
    Org(org): Org,
    By(who): By,
    Path(id): Path<ConversationId>,
    Body(asked): Body<Asked>,
) -> Result<(Extension<Rows>, Json<Answer>), Failed> {
    let form = Form::named(&asked.form).ok_or(Error::Form)?;
    let seams = (api.clock.as_ref(), api.entropy.as_ref());
    let asked = on_demand::Asked { id, form, reason: &asked.reason, who: &who };
    let content = on_demand::conversation((&api.db, org), asked, seams).await.map_err(Error::Export)?;
    let answer = Answer { organization: org, conversation_id: id, form: form.name(), content };
    Ok((Extension(Rows(1)), Json(answer)))
}

pub(super) const DESCRIBED: Described = Described {
    method: "post",
    path: "/api/v1/conversations/{id}/export",
    needs: Needs::InOrg(Permission::ExportsWrite),
    summary: "A transcript of one conversation as it is; recorded as an export, with the reason.",
    parameters: &[in_path("id", Kind::Whole, "Drift's number of the conversation.")],
    body: &[
        property("as", Kind::Text, "text, html or markdown."),
        property("reason", Kind::Text, "Why personal data may go out as it is, in at most 500 bytes."),
    ],
    answer: &[
        property("organization", Kind::Whole, "The organization."),
        property("conversation_id", Kind::Whole, "The conversation."),
        property("as", Kind::Text, "The form."),
        property("content", Kind::Text, "The transcript."),
    ],
    route: || post(handler),
};

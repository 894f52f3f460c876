//! `GET /conversation` and `POST /conversation/export`: a copy of one conversation, to be saved.

use askama::Template;
use axum::Extension;
use axum::extract::{Form, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use model::{ConversationId, OrgId};
use serde::Deserialize;
use sinks::SinkError;
use sinks::on_demand::{self, Asked, Form as Shape};

use super::{Broken, Frame, Signed, show as render};
use crate::access::{Access, OfOrg};

#[derive(Template)]
#[template(path = "conversation.html")]
struct Page {
    frame: Frame,
    org: OrgId,
}

/// What is asked for. The number is a text: whoever mistypes it is told so on the page.
#[derive(Deserialize)]
pub(super) struct Wanted {
    id: String,
    #[serde(rename = "as")]
    form: String,
    reason: String,
}

/// The form.
pub(super) async fn show(signed: Signed, Extension(OfOrg(org)): Extension<OfOrg>) -> Response {
    render(StatusCode::OK, &Page { frame: Frame::of(&signed.meeting), org })
}

/// The copy, as a file; the form again where there is none.
pub(super) async fn send(
    State(access): State<Access>,
    signed: Signed,
    Extension(OfOrg(org)): Extension<OfOrg>,
    Form(wanted): Form<Wanted>,
) -> Result<Response, Broken> {
    let again = |status, error: String| {
        Ok(render(status, &Page { frame: Frame::of(&signed.meeting).error(error), org }))
    };
    let id = wanted.id.trim().parse::<i64>().map(ConversationId);
    let (Ok(id), Some(form)) = (id, Shape::named(&wanted.form)) else {
        return again(StatusCode::BAD_REQUEST, "That is not the number of a conversation.".to_owned());
    };
    let (who, seams) = (signed.meeting.actor(), (access.clock.as_ref(), access.entropy.as_ref()));
    let asked = Asked { id, form, reason: &wanted.reason, who: &who };
    match on_demand::conversation((&access.db, org), asked, seams).await {
        Ok(content) => Ok(file(form, id, content)),
        Err(error @ SinkError::NoReason) => {
            again(StatusCode::BAD_REQUEST, format!("It was not copied: {error}."))
        }
        Err(error @ SinkError::NoConversation { .. }) => {
            again(StatusCode::NOT_FOUND, format!("It was not copied: {error}."))
        }
        Err(SinkError::Store(error)) => Err(error.into()),
        Err(error) => Err(Broken::inside(&error)),
    }
}

fn file(form: Shape, id: ConversationId, content: String) -> Response {
    let disposition = format!("attachment; filename=\"{}\"", form.file_name(id));
    let disposition = HeaderValue::from_str(&disposition).expect("a name of ours is a header");
    let kind = HeaderValue::from_static(form.media_type());
    ([(header::CONTENT_TYPE, kind), (header::CONTENT_DISPOSITION, disposition)], content).into_response()
}

//! `GET` and `POST /step-up`: show the password, or the identity provider something, again before what matters.

use askama::Template;
use axum::extract::{Form, Query, State};
use axum::response::Response;
use http::StatusCode;
use model::Secret;
use serde::Deserialize;
use store::access::{identities, users};

use super::sign_in::Provider;
use super::{Broken, Frame, Signed, later, later_text, see, show as render};
use crate::access::next::Next;
use crate::access::{Access, Answer, Cookie, Given, confirm, set};

#[derive(Template)]
#[template(path = "step_up.html")]
struct Page {
    frame: Frame,
    next: String,
    /// Whether there is a password to show.
    password: bool,
    authenticator: bool,
    provider: Option<Provider>,
}

#[derive(Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    next: String,
}

#[derive(Deserialize)]
pub(super) struct Sent {
    #[serde(default)]
    next: String,
    password: Secret,
    #[serde(default)]
    code: String,
}

/// The form.
pub(super) async fn show(
    State(access): State<Access>,
    signed: Signed,
    Query(asked): Query<Asked>,
) -> Result<Response, Broken> {
    let page = page(&access, &signed, &Next::parse(&asked.next), None).await?;
    Ok(render(StatusCode::OK, &page))
}

async fn page(access: &Access, signed: &Signed, next: &Next, error: Option<String>) -> Result<Page, Broken> {
    let user = users::get(&access.db, &signed.session.user).await?;
    let password = user.as_ref().is_some_and(|user| user.has_password);
    let authenticator = user.is_some_and(|user| user.totp_since.is_some());
    let is_tied = identities::count(&access.db, &signed.session.user).await? > 0;
    let provider = Provider::of(access, "/step-up/oidc", next).filter(|_| is_tied);
    let frame = Frame { error, ..Frame::of(&signed.meeting) };
    Ok(Page { frame, next: next.as_str().to_owned(), password, authenticator, provider })
}

/// Take the password, and go on.
pub(super) async fn send(
    State(access): State<Access>,
    signed: Signed,
    Form(sent): Form<Sent>,
) -> Result<Response, Broken> {
    let next = Next::parse(&sent.next);
    let address = signed.meeting.address;
    let given = Given { name: signed.name.expose(), password: sent.password, code: &sent.code, address };
    Ok(match confirm(&access, &signed.session, &signed.name, given).await? {
        Answer::Done(token) => {
            let mut response = see(&next);
            set(response.headers_mut(), Cookie::Session, signed.meeting.https, &token);
            response
        }
        Answer::Refused => {
            let error = "Password or code is wrong.".to_owned();
            render(StatusCode::FORBIDDEN, &page(&access, &signed, &next, Some(error)).await?)
        }
        Answer::Later(seconds) => {
            let page = page(&access, &signed, &next, Some(later_text(seconds))).await?;
            later(render(StatusCode::TOO_MANY_REQUESTS, &page), seconds)
        }
    })
}

//! `GET` and `POST /sign-in`.

use askama::Template;
use axum::Extension;
use axum::extract::{Form, Query, State};
use axum::response::Response;
use http::StatusCode;
use model::Secret;
use serde::Deserialize;
use store::access::users;

use super::{Broken, Done, Frame, later, later_text, see, show as render};
use crate::access::next::Next;
use crate::access::{Access, Answer, Cookie, Given, Meeting, clear, set, sign_in};

#[derive(Template)]
#[template(path = "sign_in.html")]
struct Page {
    frame: Frame,
    next: String,
    provider: Option<Provider>,
    /// Whether nobody can sign in yet.
    first: bool,
}

/// The way through the identity provider.
pub(super) struct Provider {
    pub(super) name: String,
    pub(super) href: String,
}

impl Provider {
    /// The one of the settings, by this path and on to `next`.
    pub(super) fn of(access: &Access, path: &str, next: &Next) -> Option<Self> {
        let oidc = access.oidc()?;
        Some(Self { name: oidc.name(), href: Next::with_next(path, next).as_str().to_owned() })
    }
}

#[derive(Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    next: String,
    done: Option<Done>,
}

#[derive(Deserialize)]
pub(super) struct Sent {
    #[serde(default)]
    next: String,
    name: String,
    password: Secret,
    #[serde(default)]
    code: String,
}

/// The form.
pub(super) async fn show(
    State(access): State<Access>,
    Extension(meeting): Extension<Meeting>,
    Query(asked): Query<Asked>,
) -> Result<Response, Broken> {
    let next = Next::parse(&asked.next);
    if meeting.caller.is_some() {
        return Ok(see(&next));
    }
    let first = users::count(&access.db).await? == 0;
    let frame = Frame::of(&meeting).notice(asked.done);
    let provider = Provider::of(&access, "/sign-in/oidc", &next);
    Ok(render(StatusCode::OK, &Page { frame, next: next.as_str().to_owned(), provider, first }))
}

/// Sign in, and go on to where the browser was headed.
pub(super) async fn send(
    State(access): State<Access>,
    Extension(meeting): Extension<Meeting>,
    Form(sent): Form<Sent>,
) -> Result<Response, Broken> {
    let next = Next::parse(&sent.next);
    let given =
        Given { name: &sent.name, password: sent.password, code: &sent.code, address: meeting.address };
    let again = |error: String| Page {
        frame: Frame::of(&meeting).error(error),
        next: next.as_str().to_owned(),
        provider: Provider::of(&access, "/sign-in/oidc", &next),
        first: false,
    };
    Ok(match sign_in(&access, given).await? {
        Answer::Done(token) => {
            let mut response = see(&next);
            set(response.headers_mut(), Cookie::Session, meeting.https, &token);
            clear(response.headers_mut(), Cookie::Visit, meeting.https);
            response
        }
        Answer::Refused => {
            let page = again("Name, password or code is wrong.".to_owned());
            render(StatusCode::UNAUTHORIZED, &page)
        }
        Answer::Later(seconds) => {
            later(render(StatusCode::TOO_MANY_REQUESTS, &again(later_text(seconds))), seconds)
        }
    })
}

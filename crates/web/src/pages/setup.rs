//! `GET` and `POST /setup`: use a one-time link.
//!
//! The link's code stands in the address once; it is taken out of it at once and kept by the browser, so that neither the
//! history nor a later page's request tells it. Nothing is used up until the form is sent.

use askama::Template;
use axum::Extension;
use axum::extract::{Form, Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use http::StatusCode;
use model::Secret;
use serde::Deserialize;
use store::access::links::{self, Link};
use store::access::{Token, users};

use super::{Broken, Frame, see, show as render};
use crate::access::next::Next;
use crate::access::one_time::{Accepted, accept};
use crate::access::{Access, Cookie, Meeting, clear, read, set};

#[derive(Template)]
#[template(path = "setup.html")]
struct Page {
    frame: Frame,
    kind: Kind,
    name: String,
}

enum Kind {
    NoLink,
    Owner,
    User,
}

#[derive(Deserialize)]
pub(super) struct Asked {
    code: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Sent {
    #[serde(default)]
    name: String,
    password: Secret,
    again: Secret,
}

/// Take the code out of the address, then show the form.
pub(super) async fn show(
    State(access): State<Access>,
    Extension(meeting): Extension<Meeting>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Result<Response, Broken> {
    if let Some(code) = asked.code.as_deref().and_then(|code| Token::parse(code.trim())) {
        let mut response = see(&Next::parse("/setup"));
        set(response.headers_mut(), Cookie::Link, meeting.https, &code);
        return Ok(response);
    }
    let link = read(&headers, Cookie::Link, meeting.https);
    form(&access, &meeting, link.as_ref(), String::new(), None).await
}

/// The form that fits the link.
async fn form(
    access: &Access,
    meeting: &Meeting,
    link: Option<&Token>,
    typed: String,
    error: Option<String>,
) -> Result<Response, Broken> {
    let found = match link {
        Some(link) => links::find(&access.db, link, access.clock.now()).await?,
        None => None,
    };
    let status = if error.is_some() { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    let frame = Frame { error, ..Frame::of(meeting) };
    let page = match found {
        Some(Link::Owner) => Page { frame, kind: Kind::Owner, name: typed },
        Some(Link::Invitation(user) | Link::Reset(user)) => {
            let user = users::get(&access.db, &user).await?;
            let name = user.map_or_else(String::new, |user| user.name.expose().to_owned());
            Page { frame, kind: Kind::User, name }
        }
        None => {
            let void = link.map(|_| "This link is not good any more.".to_owned());
            let (frame, name) = (Frame { error: void, ..frame }, String::new());
            let mut response = render(StatusCode::NOT_FOUND, &Page { frame, kind: Kind::NoLink, name });
            if link.is_some() {
                clear(response.headers_mut(), Cookie::Link, meeting.https);
            } else {
                *response.status_mut() = StatusCode::OK;
            }
            return Ok(response);
        }
    };
    Ok(render(status, &page))
}

/// Use the link.
pub(super) async fn send(
    State(access): State<Access>,
    Extension(meeting): Extension<Meeting>,
    headers: HeaderMap,
    Form(sent): Form<Sent>,
) -> Result<Response, Broken> {
    let link = read(&headers, Cookie::Link, meeting.https);
    let error = match &link {
        _ if sent.password.expose() != sent.again.expose() => "The two passwords differ.".to_owned(),
        None => return form(&access, &meeting, None, sent.name, None).await,
        Some(link) => match accept(&access, &meeting.actor(), link, (&sent.name, sent.password)).await? {
            Accepted::Done => {
                let mut response = see(&Next::parse("/sign-in?done=password-set"));
                clear(response.headers_mut(), Cookie::Link, meeting.https);
                return Ok(response);
            }
            Accepted::Void => return form(&access, &meeting, Some(link), sent.name, None).await,
            Accepted::Password(error) => format!("{error}."),
            Accepted::Name => "A name has no blanks in it, and at most 254 characters.".to_owned(),
        },
    };
    form(&access, &meeting, link.as_ref(), sent.name, Some(error)).await
}

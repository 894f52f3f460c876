//! `GET /sign-in/oidc`, `GET /step-up/oidc` and `GET /sign-in/oidc/callback`: to the identity provider and back.
//!
//! Links and no forms: the policy of our pages lets a form lead to no other host.

use axum::Extension;
use axum::extract::{Query, State};
use axum::response::{IntoResponse as _, Response};
use http::header::{LOCATION, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, StatusCode};
use model::SessionId;
use serde::Deserialize;
use store::access::Token;

use super::{Broken, Signed, later, later_text, problem, see};
use crate::access::next::Next;
use crate::access::oidc::{Finished, Oidc, Returned, Why, begin, finish};
use crate::access::{Access, Cookie, Meeting, clear, read, set};

/// A longer code is none.
const CODE_CHARACTERS_MAX: usize = 2_048;
const RETRY_SECONDS: u32 = 10;

#[derive(Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    next: String,
}

/// What the provider puts into the address. What else it says there is nobody's to repeat.
#[derive(Deserialize)]
pub(super) struct Brought {
    state: Option<String>,
    code: Option<String>,
    error: Option<String>,
    iss: Option<String>,
}

/// Send a browser to sign in.
pub(super) async fn start(
    State(access): State<Access>,
    Extension(meeting): Extension<Meeting>,
    Query(asked): Query<Asked>,
) -> Result<Response, Broken> {
    let next = Next::parse(&asked.next);
    if meeting.caller.is_some() {
        return Ok(see(&next));
    }
    send(&access, &meeting, None, &next).await
}

/// Send a browser that is signed in to show the provider something again.
pub(super) async fn again(
    State(access): State<Access>,
    signed: Signed,
    Query(asked): Query<Asked>,
) -> Result<Response, Broken> {
    let session = &signed.session.session_id;
    send(&access, &signed.meeting, Some(session), &Next::parse(&asked.next)).await
}

async fn send(
    access: &Access,
    meeting: &Meeting,
    session: Option<&SessionId>,
    next: &Next,
) -> Result<Response, Broken> {
    let Some(oidc) = access.oidc() else { return Ok(absent()) };
    let Some(begun) = begin(access, oidc, session, next).await? else { return Ok(unavailable(oidc)) };
    let Ok(to) = HeaderValue::try_from(begun.url.as_str()) else { return Ok(unavailable(oidc)) };
    let mut response = (StatusCode::SEE_OTHER, [(LOCATION, to)]).into_response();
    set(response.headers_mut(), Cookie::Handover, meeting.https, &begun.browser);
    Ok(response)
}

/// Take a browser back.
pub(super) async fn callback(
    State(access): State<Access>,
    Extension(meeting): Extension<Meeting>,
    Query(brought): Query<Brought>,
    headers: HeaderMap,
) -> Result<Response, Broken> {
    let Some(oidc) = access.oidc() else { return Ok(absent()) };
    let returned = Returned {
        state: brought.state.as_deref().and_then(Token::parse),
        browser: read(&headers, Cookie::Handover, meeting.https),
        code: brought.code.as_deref().filter(|code| (1..=CODE_CHARACTERS_MAX).contains(&code.len())),
        is_refused: brought.error.is_some(),
        issuer: brought.iss.as_deref(),
        session: meeting.caller.as_ref().and_then(|caller| caller.session.as_ref()),
        address: meeting.address,
    };
    let mut response = match finish(&access, oidc, returned).await? {
        Finished::Done(token, next) => {
            let mut response = see(&next);
            set(response.headers_mut(), Cookie::Session, meeting.https, &token);
            clear(response.headers_mut(), Cookie::Visit, meeting.https);
            response
        }
        Finished::Refused(why) => refused(why),
        Finished::Later(seconds) => {
            let page = problem(StatusCode::TOO_MANY_REQUESTS, "Not now", &later_text(seconds));
            later(page, seconds)
        }
        Finished::Unavailable => unavailable(oidc),
    };
    clear(response.headers_mut(), Cookie::Handover, meeting.https);
    Ok(response)
}

fn absent() -> Response {
    let message = "No identity provider is set up on this server. Sign in with your password.";
    problem(StatusCode::NOT_FOUND, "There is nothing here", message)
}

fn unavailable(oidc: &Oidc) -> Response {
    let message = format!("{} does not answer, or not as it should. Try again in a moment.", oidc.name());
    let mut page =
        problem(StatusCode::SERVICE_UNAVAILABLE, "The identity provider cannot be reached", &message);
    page.headers_mut().insert(RETRY_AFTER, HeaderValue::from(RETRY_SECONDS));
    page
}

fn refused(why: Why) -> Response {
    let (title, message) = match why {
        Why::OutOfDate => (
            "This sign-in is out of date",
            "It was used already, took longer than ten minutes, or was begun in another browser. Begin again.",
        ),
        Why::Provider => {
            ("The identity provider did not let you in", "Nothing was done. You may begin again.")
        }
        Why::NotBelieved => (
            "The identity provider's answer was not accepted",
            "Nothing was done. Begin again; whoever runs this server finds the reason in the audit log.",
        ),
        Why::Nobody => (
            "You may not come in",
            "The identity provider knows you, and this server has no place for you. Whoever runs it can change that.",
        ),
    };
    problem(StatusCode::FORBIDDEN, title, message)
}

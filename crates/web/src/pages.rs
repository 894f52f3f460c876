//! The pages: signing in and out, one's own account, and how the organizations fare.
//!
//! Plain HTML from templates that are checked when the program is built; no script, and nothing from another host. A form is
//! answered by leading the browser on, so that loading a page again sends nothing twice.

mod account;
mod authenticator;
pub(crate) mod connect;
mod conversation;
mod oidc;
mod password;
mod session;
mod setup;
mod sign_in;
mod sign_out;
mod start;
mod step_up;
mod style;

use askama::Template;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use http::header::{CONTENT_SECURITY_POLICY, RETRY_AFTER};
use http::{HeaderValue, StatusCode};
use model::{Millis, Permission, UserName};
use serde::Deserialize;
use store::StoreError;
use store::access::sessions::Session;

use crate::access::next::Next;
use crate::access::{Access, Caller, Doors, Meeting, Needs, Opened, Surface, Who};
use crate::api::problem::{Failed, store_status};

const POLICY: &str = "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; base-uri 'none'; \
                      frame-ancestors 'none'";

/// All pages.
pub(crate) fn open(access: &Access) -> Opened {
    let (known, again) = (Needs::SignedIn, Needs::SteppedUp);
    let copy = Needs::InOrg(Permission::ExportsWrite);
    let pages = Doors::new(access, Surface::Page)
        .at(("get", "/"), known, get(start::show))
        .at(("get", "/setup"), Needs::Public, get(setup::show))
        .at(("post", "/setup"), Needs::Public, post(setup::send))
        .at(("get", "/sign-in"), Needs::Public, get(sign_in::show))
        .at(("post", "/sign-in"), Needs::Public, post(sign_in::send))
        .at(("get", "/sign-in/oidc"), Needs::Public, get(oidc::start))
        .at(("get", "/sign-in/oidc/callback"), Needs::Public, get(oidc::callback))
        .at(("get", "/step-up/oidc"), known, get(oidc::again))
        .at(("post", "/sign-out"), known, post(sign_out::send))
        .at(("get", "/step-up"), known, get(step_up::show))
        .at(("post", "/step-up"), known, post(step_up::send))
        .at(("get", "/conversation"), copy, get(conversation::show))
        .at(("post", "/conversation/export"), copy, post(conversation::send))
        .at(("get", "/account"), known, get(account::show))
        .at(("post", "/account/password"), known, post(password::send))
        .at(("post", "/account/authenticator/prepare"), again, post(authenticator::prepare))
        .at(("post", "/account/authenticator/confirm"), known, post(authenticator::confirm))
        .at(("post", "/account/authenticator/remove"), again, post(authenticator::remove))
        .at(("post", "/account/sessions/end"), known, post(session::end));
    // A style is nobody's page: it needs no visit and no cookie.
    let style =
        Doors::new(access, Surface::Machine).at(("get", "/style.css"), Needs::Public, get(style::show));
    pages.open(access.clone()).with(style.open(access.clone()))
}

/// What every page has around it.
struct Frame {
    /// Who is signed in.
    name: Option<String>,
    csrf: String,
    notice: Option<&'static str>,
    error: Option<String>,
}

impl Frame {
    fn of(meeting: &Meeting) -> Self {
        let name = meeting.caller.as_ref().and_then(|caller| match &caller.who {
            Who::User(_, name) => Some(name.expose().to_owned()),
            Who::Settings | Who::Key(_) => None,
        });
        Self { name, csrf: meeting.csrf.clone(), notice: None, error: None }
    }

    fn notice(self, done: Option<Done>) -> Self {
        Self { notice: done.map(Done::text), ..self }
    }

    fn error(self, error: impl Into<String>) -> Self {
        Self { error: Some(error.into()), ..self }
    }
}

/// What was done before this page was loaded.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Done {
    SignedOut,
    PasswordSet,
    PasswordChanged,
    AuthenticatorOn,
    AuthenticatorOff,
    SessionEnded,
}

impl Done {
    const fn text(self) -> &'static str {
        match self {
            Self::SignedOut => "You are signed out.",
            Self::PasswordSet => "Your password is set. Sign in with it.",
            Self::PasswordChanged => "Your password is changed, and your other sessions have ended.",
            Self::AuthenticatorOn => "From now on you are asked for a code when you sign in.",
            Self::AuthenticatorOff => "You are not asked for a code any more.",
            Self::SessionEnded => "The session has ended.",
        }
    }
}

/// Somebody who is signed in with a browser.
struct Signed {
    caller: Caller,
    name: UserName,
    session: Session,
    meeting: Meeting,
}

impl<S: Send + Sync> FromRequestParts<S> for Signed {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response> {
        let meeting = parts.extensions.get::<Meeting>().cloned();
        let known = meeting.and_then(|meeting| {
            let caller = meeting.caller.clone()?;
            let session = caller.session.clone()?;
            let Who::User(_, name) = &caller.who else { return None };
            Some(Self { name: name.clone(), session, caller, meeting })
        });
        known.ok_or_else(|| {
            problem(StatusCode::FORBIDDEN, "This is a page for people", "A key of the API opens no page.")
        })
    }
}

/// A page that could not be made.
struct Broken(Failed);

impl Broken {
    /// Something that should not happen.
    fn inside(error: &dyn std::error::Error) -> Self {
        Self(Failed::inside(error))
    }
}

impl From<StoreError> for Broken {
    fn from(error: StoreError) -> Self {
        match store_status(&error) {
            StatusCode::INTERNAL_SERVER_ERROR => Self(Failed::inside(&error)),
            status => Self(Failed::new(status, "the store does not answer in time")),
        }
    }
}

impl IntoResponse for Broken {
    fn into_response(self) -> Response {
        problem(self.0.status(), "This page cannot be shown", &self.0.to_string())
    }
}

/// A template as an answer.
fn show(status: StatusCode, template: &impl Template) -> Response {
    match template.render() {
        Ok(html) => {
            let policy = [(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY))];
            (status, policy, Html(html)).into_response()
        }
        Err(error) => Failed::inside(&error).into_response(),
    }
}

#[derive(Template)]
#[template(path = "problem.html")]
struct ProblemPage<'a> {
    frame: Frame,
    title: &'a str,
    message: &'a str,
}

/// A page that says why there is no other.
pub(crate) fn problem(status: StatusCode, title: &str, message: &str) -> Response {
    let frame = Frame { name: None, csrf: String::new(), notice: None, error: None };
    show(status, &ProblemPage { frame, title, message })
}

/// Lead the browser on to a page of ours.
pub(crate) fn see(next: &Next) -> Response {
    (StatusCode::SEE_OTHER, [next.header()]).into_response()
}

/// Have the browser wait: the page it was on, with 429.
fn later(mut page: Response, seconds: i64) -> Response {
    *page.status_mut() = StatusCode::TOO_MANY_REQUESTS;
    page.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    page
}

fn later_text(seconds: i64) -> String {
    match seconds {
        ..=90 => format!("Too many attempts. Try again in {seconds} seconds."),
        _ => format!("Too many attempts. Try again in {} minutes.", (seconds + 59) / 60),
    }
}

/// An instant as people read it: `2026-11-22 11:30Z`.
fn instant(at: Millis) -> String {
    match jiff::Timestamp::from_millisecond(at.0) {
        Ok(at) => at.strftime("%Y-%m-%d %H:%MZ").to_string(),
        Err(_) => at.to_string(),
    }
}

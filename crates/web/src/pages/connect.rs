//! Connecting an organization through a browser: consent at Drift and the way back, the token of a private app, links for
//! people who are no users here, and the first archive.
//!
//! Whose grant it is, the grant itself says, never the browser. What goes out to Drift and comes back is bound to the browser,
//! counts once, and soon ends; nothing of an answer is shown on a page, written to the log or put into a header.

mod answer;
mod begin;
mod callback;
mod connected;
mod depart;
mod ended;
mod invited;
mod links;
mod token;

use std::sync::Arc;

use axum::response::Response;
use axum::routing::{get, post};
use http::HeaderValue;
use http::header::CONTENT_SECURITY_POLICY;
use model::{Permission, Profile};

use super::POLICY;
use crate::access::{Access, Doors, Needs, Opened, Surface};
use crate::install::Install;
use crate::scopes::{self, Need};

/// What the pages work with.
#[derive(Clone)]
struct Connecting {
    access: Access,
    install: Arc<Install>,
}

/// All pages about connecting.
pub(crate) fn open(access: &Access, install: &Arc<Install>) -> Opened {
    let (write, again) =
        (Needs::Somewhere(Permission::ConnectionsWrite), Needs::SomewhereAgain(Permission::ConnectionsWrite));
    let (see, ask) = (Needs::InOrg(Permission::ConnectionsWrite), Needs::InOrg(Permission::OperationsWrite));
    Doors::new(access, Surface::Page)
        .at(("get", "/connect/drift"), write, get(begin::show))
        .at(("post", "/connect/drift"), write, post(begin::send))
        .at(("get", "/connect/drift/callback"), Needs::Public, get(callback::show))
        .at(("get", "/connect/drift/connected"), see, get(connected::show))
        .at(("post", "/connect/drift/archive"), ask, post(connected::ask))
        .at(("get", "/connect/drift/token"), again, get(token::show))
        .at(("post", "/connect/drift/token"), again, post(token::send))
        .at(("get", "/connect/drift/links"), write, get(links::show))
        .at(("post", "/connect/drift/links"), write, post(links::send))
        .at(("post", "/connect/drift/links/revoke"), write, post(links::revoke))
        .at(("get", "/connect/drift/invited"), Needs::Public, get(invited::show))
        .at(("post", "/connect/drift/invited"), Needs::Public, post(invited::send))
        .at(("get", "/connect/drift/invited/done"), Needs::Public, get(invited::done))
        .open(Connecting { access: access.clone(), install: Arc::clone(install) })
}

/// A profile as a choice.
struct Choice {
    word: &'static str,
    name: &'static str,
    meaning: &'static str,
    chosen: bool,
}

fn choices(chosen: Profile) -> Vec<Choice> {
    let choice = |profile: Profile| Choice {
        word: profile.as_str(),
        name: scopes::name(profile),
        meaning: scopes::meaning(profile),
        chosen: profile == chosen,
    };
    Profile::ALL.map(choice).into()
}

/// A scope as pages tell of it.
struct Line {
    scope: &'static str,
    opens: &'static str,
    reason: &'static str,
    without: &'static str,
    /// Words of the profiles that ask for it, as classes of the style.
    asked_by: String,
}

impl Line {
    fn of(need: &Need) -> Self {
        let words: Vec<String> =
            need.profiles.iter().map(|profile| format!("in-{}", profile.as_str())).collect();
        Self {
            scope: need.scope.as_str(),
            opens: need.scope.opens(),
            reason: need.reason,
            without: need.without,
            asked_by: words.join(" "),
        }
    }
}

/// The words of profiles in forms and addresses; another word is the first profile.
fn profile(word: &str) -> Profile {
    word.parse().unwrap_or_default()
}

/// A page whose form leads on to Drift: a browser holds the whole way of a form against the page's policy.
fn leading_out(install: &Install, mut page: Response) -> Response {
    let drift = install.drift.authorize.origin().ascii_serialization();
    let policy = POLICY.replace("form-action 'self'", &format!("form-action 'self' {drift}"));
    let policy = HeaderValue::try_from(policy).expect("an origin is plain ASCII");
    page.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
    page
}

//! `GET` and `POST /connect/drift/invited`, `GET …/done`: whoever holds a link connects here, and sees nothing else.
//!
//! The link leaves the address at once and is kept by the browser, so that neither the history nor a later page's request tells it.

use askama::Template;
use axum::Extension;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;
use store::access::Token;
use store::connections;
use store::install::consents::{self, Consent, Starter};
use store::install::links::{self, ShareLink, Standing};

use super::depart::{Departure, NO_APP, TOO_MANY, depart};
use super::ended::{Ended, Way, ended};
use super::{Connecting, Line, leading_out};
use crate::access::next::Next;
use crate::access::{Cookie, Meeting, read, set};
use crate::pages::{Broken, Frame, instant, see, show as render};
use crate::scopes;

#[derive(Template)]
#[template(path = "connect_invited.html")]
struct Page {
    frame: Frame,
    profile_name: &'static str,
    meaning: &'static str,
    needs: Vec<Line>,
    organization: Option<i64>,
    ends: String,
}

#[derive(Deserialize)]
pub(super) struct Asked {
    link: Option<String>,
}

/// Take the link out of the address, then show what is asked for.
pub(super) async fn show(
    State(connecting): State<Connecting>,
    Extension(meeting): Extension<Meeting>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Result<Response, Broken> {
    if let Some(link) = asked.link.as_deref().and_then(|link| Token::parse(link.trim())) {
        let mut response = see(&Next::parse("/connect/drift/invited"));
        set(response.headers_mut(), Cookie::Invited, meeting.https, &link);
        return Ok(response);
    }
    match good(&connecting, &meeting, &headers).await? {
        Some(link) => Ok(page(&connecting, &meeting, &link, (StatusCode::OK, None))),
        None => Ok(ended(&meeting, Ended::LinkOver, Way::Link)),
    }
}

/// The link that this browser keeps, if it is good.
async fn good(
    connecting: &Connecting,
    meeting: &Meeting,
    headers: &HeaderMap,
) -> Result<Option<ShareLink>, Broken> {
    let Some(token) = read(headers, Cookie::Invited, meeting.https) else { return Ok(None) };
    let (access, now) = (&connecting.access, connecting.access.clock.now());
    let found = links::find(&access.db, &access.vault, &token, now).await?;
    Ok(found.filter(|link| link.standing(now) == Standing::Good))
}

fn page(
    connecting: &Connecting,
    meeting: &Meeting,
    link: &ShareLink,
    (status, error): (StatusCode, Option<&str>),
) -> Response {
    let page = Page {
        frame: Frame { error: error.map(str::to_owned), ..Frame::of(meeting) },
        profile_name: scopes::name(link.profile),
        meaning: scopes::meaning(link.profile),
        needs: scopes::of(link.profile).map(Line::of).collect(),
        organization: link.org.map(|org| org.0),
        ends: instant(link.ends_at),
    };
    leading_out(&connecting.install, render(status, &page))
}

/// Go to Drift.
pub(super) async fn send(
    State(connecting): State<Connecting>,
    Extension(meeting): Extension<Meeting>,
    headers: HeaderMap,
) -> Result<Response, Broken> {
    let Some(link) = good(&connecting, &meeting, &headers).await? else {
        return Ok(ended(&meeting, Ended::LinkOver, Way::Link));
    };
    let consent = Consent { starter: Starter::Link(link.link_id.clone()), profile: link.profile };
    let (status, error) = match depart(&connecting, &meeting, &consent).await? {
        Departure::Sent(response) => return Ok(response),
        Departure::TooMany => (StatusCode::TOO_MANY_REQUESTS, TOO_MANY),
        Departure::NoApp => (StatusCode::CONFLICT, NO_APP),
    };
    Ok(page(&connecting, &meeting, &link, (status, Some(error))))
}

#[derive(Template)]
#[template(path = "connect_thanks.html")]
struct Thanks {
    frame: Frame,
    organization: i64,
    missing: Vec<Line>,
}

/// What came of it, for the browser that went.
pub(super) async fn done(
    State(connecting): State<Connecting>,
    Extension(meeting): Extension<Meeting>,
    headers: HeaderMap,
) -> Result<Response, Broken> {
    let (db, now) = (&connecting.access.db, connecting.access.clock.now());
    let browser = read(&headers, Cookie::Consent, meeting.https);
    let found = match browser {
        Some(browser) => consents::of_browser(db, &browser, now).await?,
        None => None,
    };
    let Some((org, profile)) = found else { return Ok(ended(&meeting, Ended::LinkOver, Way::Link)) };
    let scopes = connections::get(db, org).await?.map_or_else(Vec::new, |connection| connection.scopes);
    let missing = scopes::missing(profile, &scopes).into_iter().map(Line::of).collect();
    let page = Thanks { frame: Frame::of(&meeting), organization: org.0, missing };
    Ok(render(StatusCode::OK, &page))
}

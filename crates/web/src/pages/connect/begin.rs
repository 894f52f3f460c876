//! `GET` and `POST /connect/drift`: what is asked for and why, and the way to Drift.

use askama::Template;
use axum::extract::{Form, Query, State};
use axum::response::Response;
use http::StatusCode;
use model::{Permission, Profile};
use serde::Deserialize;
use store::install::consents::{Consent, Starter};

use super::depart::{Departure, NO_APP, TOO_MANY, depart};
use super::{Choice, Connecting, Line, choices, leading_out, profile};
use crate::access::visible;
use crate::pages::{Broken, Frame, Signed, show as render};
use crate::scopes::NEEDS;

/// Connected organizations named, at most.
const NAMED_MAX: usize = 20;

#[derive(Template)]
#[template(path = "connect.html")]
struct Page {
    frame: Frame,
    choices: Vec<Choice>,
    needs: Vec<Line>,
    /// Whether there is an app to ask for.
    app: bool,
    redirect_uri: String,
    /// Organizations that are connected already.
    connected: Vec<i64>,
}

#[derive(Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    profile: String,
}

/// The page.
pub(super) async fn show(
    State(connecting): State<Connecting>,
    signed: Signed,
    Query(asked): Query<Asked>,
) -> Result<Response, Broken> {
    page(&connecting, &signed, profile(&asked.profile), (StatusCode::OK, None)).await
}

async fn page(
    connecting: &Connecting,
    signed: &Signed,
    chosen: Profile,
    (status, error): (StatusCode, Option<&str>),
) -> Result<Response, Broken> {
    let mut orgs = visible(&connecting.access.db, &signed.caller).await?;
    orgs.retain(|org| signed.caller.may(*org, Permission::ConnectionsWrite));
    let page = Page {
        frame: Frame { error: error.map(str::to_owned), ..Frame::of(&signed.meeting) },
        choices: choices(chosen),
        needs: NEEDS.iter().map(Line::of).collect(),
        app: connecting.install.client_id.is_some(),
        redirect_uri: connecting.install.redirect_uri(),
        connected: orgs.into_iter().take(NAMED_MAX).map(|org| org.0).collect(),
    };
    Ok(leading_out(&connecting.install, render(status, &page)))
}

/// Go to Drift.
pub(super) async fn send(
    State(connecting): State<Connecting>,
    signed: Signed,
    Form(sent): Form<Asked>,
) -> Result<Response, Broken> {
    let chosen = profile(&sent.profile);
    let consent = Consent { starter: Starter::User(signed.session.user.clone()), profile: chosen };
    match depart(&connecting, &signed.meeting, &consent).await? {
        Departure::Sent(response) => Ok(response),
        Departure::TooMany => {
            page(&connecting, &signed, chosen, (StatusCode::TOO_MANY_REQUESTS, Some(TOO_MANY))).await
        }
        Departure::NoApp => page(&connecting, &signed, chosen, (StatusCode::CONFLICT, Some(NO_APP))).await,
    }
}

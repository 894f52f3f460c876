//! `GET` and `POST /connect/drift/token`: connect by the token of a private app.

use askama::Template;
use axum::extract::{Form, State};
use axum::response::Response;
use http::StatusCode;
use model::{Permission, Profile, Secret};
use serde::Deserialize;
use store::audit::{self, Action, NewEntry, Object, ObjectKind};

use super::callback::CONNECT_MS;
use super::{Choice, Connecting, choices, profile};
use crate::access::next::Next;
use crate::install::{Grant, NotConnected, Proof};
use crate::pages::{Broken, Frame, Signed, see, show as render};

/// A longer token is none of Drift's.
const TOKEN_CHARACTERS_MAX: usize = 2_048;

#[derive(Template)]
#[template(path = "connect_token.html")]
struct Page {
    frame: Frame,
    choices: Vec<Choice>,
}

#[derive(Deserialize)]
pub(super) struct Sent {
    token: Secret,
    #[serde(default)]
    profile: String,
}

/// The form.
pub(super) async fn show(signed: Signed) -> Response {
    form(&signed, Profile::default(), (StatusCode::OK, None))
}

fn form(signed: &Signed, chosen: Profile, (status, error): (StatusCode, Option<&str>)) -> Response {
    let frame = Frame { error: error.map(str::to_owned), ..Frame::of(&signed.meeting) };
    render(status, &Page { frame, choices: choices(chosen) })
}

/// Ask Drift whose it is, and store it.
pub(super) async fn send(
    State(connecting): State<Connecting>,
    signed: Signed,
    Form(sent): Form<Sent>,
) -> Result<Response, Broken> {
    let chosen = profile(&sent.profile);
    let Some(token) = plain(&sent.token) else {
        let error = "That is no token: one is a single word of letters, digits and signs.";
        return Ok(form(&signed, chosen, (StatusCode::BAD_REQUEST, Some(error))));
    };
    let (access, who) = (&connecting.access, signed.meeting.actor());
    let admits = signed.caller.orgs_of(Permission::ConnectionsWrite);
    let grant = Grant { proof: Proof::Token(token), admits, who: who.clone() };
    // A task of its own: a browser that goes away meanwhile undoes nothing.
    let (made, clock) = ((connecting.install.connect)(grant), access.clock.clone());
    let made = tokio::spawn(async move { drift::deadline(clock.as_ref(), CONNECT_MS, made).await }).await;
    let why = match made {
        Ok(Ok(Ok(connection))) => {
            let page = "/connect/drift/connected";
            let page = format!("{page}?org={}&profile={chosen}&new=yes", connection.org_id);
            return Ok(see(&Next::parse(&page)));
        }
        Ok(Ok(Err(why))) => why,
        Ok(Err(_)) => NotConnected::Unreachable,
        Err(_) => NotConnected::Inside,
    };
    let mut tx = access.db.begin().await?;
    let object = Object::new(ObjectKind::Connection, "unknown");
    let now = access.clock.now();
    audit::append(&mut tx, &NewEntry::refused(now, &who, Action::ConnectionConnect, object, why.word()))?;
    tx.commit().await?;
    let (status, error) = told(why);
    Ok(form(&signed, chosen, (status, Some(error))))
}

/// One word without blanks or control characters, as a header can carry it.
fn plain(token: &Secret) -> Option<Secret> {
    let text = token.expose().trim();
    let fits = !text.is_empty() && text.len() <= TOKEN_CHARACTERS_MAX;
    (fits && text.bytes().all(|byte| byte.is_ascii_graphic())).then(|| Secret::new(text))
}

const fn told(why: NotConnected) -> (StatusCode, &'static str) {
    match why {
        NotConnected::Refused => (
            StatusCode::BAD_REQUEST,
            "Drift does not take this token. Copy it once more from the app's page, and check that the app is installed.",
        ),
        NotConnected::NotAdmitted => (
            StatusCode::FORBIDDEN,
            "This token is of an organization that you may not connect. It was not stored.",
        ),
        NotConnected::Unreachable => (
            StatusCode::BAD_GATEWAY,
            "Drift does not answer. Nothing was stored; try again in a few minutes.",
        ),
        NotConnected::Inside => {
            (StatusCode::INTERNAL_SERVER_ERROR, "The token could not be stored; the server's log says why.")
        }
    }
}

//! `GET /account`: what one is here, and from where one is signed in.

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use http::StatusCode;
use model::Pii;
use serde::Deserialize;
use store::access::{memberships, sessions, totp};

use super::{Broken, Done, Frame, Signed, instant, show as render};
use crate::access::{Access, totp as codes};

#[derive(Template)]
#[template(path = "account.html")]
struct Page {
    frame: Frame,
    roles: Vec<String>,
    authenticator: Authenticator,
    sessions: Vec<Line>,
}

enum Authenticator {
    Off,
    /// Shown to its user alone, until a first code was right.
    Pending {
        secret: String,
        address: String,
    },
    On(String),
}

struct Line {
    session: String,
    begun: String,
    seen: String,
    address: String,
    here: bool,
}

#[derive(Deserialize)]
pub(super) struct Asked {
    done: Option<Done>,
}

/// The page.
pub(super) async fn show(
    State(access): State<Access>,
    signed: Signed,
    Query(asked): Query<Asked>,
) -> Result<Response, Broken> {
    let frame = Frame::of(&signed.meeting).notice(asked.done);
    Ok(render(StatusCode::OK, &page(&access, &signed, frame).await?))
}

/// The page again, with what went wrong.
pub(super) async fn again(
    access: &Access,
    signed: &Signed,
    (status, error): (StatusCode, String),
) -> Result<Response, Broken> {
    let frame = Frame::of(&signed.meeting).error(error);
    Ok(render(status, &page(access, signed, frame).await?))
}

async fn page(access: &Access, signed: &Signed, frame: Frame) -> Result<Page, Broken> {
    let user = &signed.session.user;
    let roles = memberships::of_user(&access.db, user).await?.into_iter().map(|membership| {
        let place =
            membership.org.map_or("every organization".to_owned(), |org| format!("organization {org}"));
        format!("{} of {place}", membership.role)
    });
    let sessions =
        sessions::list(&access.db, Some(user), access.clock.now()).await?.into_iter().map(|one| Line {
            here: one.session_id == signed.session.session_id,
            session: one.session_id.0,
            begun: instant(one.created_at),
            seen: instant(one.seen_at),
            address: one.address.map_or_else(|| "unknown".to_owned(), Pii::into_exposed),
        });
    let authenticator = match totp::get(&access.db, user, &access.vault).await? {
        None => Authenticator::Off,
        Some(totp::Totp { since: Some(since), .. }) => Authenticator::On(instant(since)),
        Some(pending) => Authenticator::Pending {
            address: codes::address(&pending.secret, signed.name.expose()).expose().to_owned(),
            secret: pending.secret.expose().to_owned(),
        },
    };
    Ok(Page { frame, roles: roles.collect(), authenticator, sessions: sessions.collect() })
}

//! `POST /account/authenticator/prepare`, `…/confirm`, `…/remove`: codes besides the password, or not.

use axum::extract::{Form, State};
use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;
use store::StoreError;
use store::access::attempts::{self, Attempt, Subject};
use store::access::totp;
use store::audit::{self, Action, NewEntry, Object, ObjectKind};

use super::account::again;
use super::{Broken, Signed, see};
use crate::access::next::Next;
use crate::access::{Access, totp as codes};

#[derive(Deserialize)]
pub(super) struct Sent {
    code: String,
}

/// Draw a secret and show it; it counts once a code of it was right.
pub(super) async fn prepare(State(access): State<Access>, signed: Signed) -> Result<Response, Broken> {
    let secret = codes::generate(access.entropy.as_ref());
    let mut tx = access.db.begin().await?;
    match totp::prepare(&mut tx, &signed.session.user, &secret, &access.vault, access.clock.now()).await {
        // In use already: the page says so.
        Err(StoreError::NotFound { .. }) => {}
        prepared => {
            prepared?;
            tx.commit().await?;
        }
    }
    Ok(see(&Next::parse("/account")))
}

/// Take the first code. Attempts count as those to sign in do.
pub(super) async fn confirm(
    State(access): State<Access>,
    signed: Signed,
    Form(sent): Form<Sent>,
) -> Result<Response, Broken> {
    let (user, now) = (&signed.session.user, access.clock.now());
    let held = totp::get(&access.db, user, &access.vault).await?;
    let Some(held) = held.filter(|held| held.since.is_none()) else {
        return Ok(see(&Next::parse("/account")));
    };
    let account = Subject::Account(&signed.name);
    let mut tx = access.db.begin().await?;
    let counted = attempts::begin(&mut tx, account, now).await? == Attempt::Counted;
    tx.commit().await?;
    let step = if counted { codes::step(&held.secret, &sent.code, now) } else { None };
    let mut tx = access.db.begin().await?;
    if let Some(step) = step
        && totp::use_step(&mut tx, user, step, now).await?
    {
        attempts::succeeded(&mut tx, account).await?;
        let (who, object) = (signed.meeting.actor(), Object::new(ObjectKind::User, user.0.as_str()));
        let entry = NewEntry::done(now, &who, Action::UserCredential, object).because("authenticator_on");
        audit::append(&mut tx, &entry)?;
        tx.commit().await?;
        return Ok(see(&Next::parse("/account?done=authenticator-on")));
    }
    tx.rollback().await?;
    let error = "The code is wrong. Is the clock of your authenticator right?".to_owned();
    again(&access, &signed, (StatusCode::BAD_REQUEST, error)).await
}

/// Forget the authenticator.
pub(super) async fn remove(State(access): State<Access>, signed: Signed) -> Result<Response, Broken> {
    let mut tx = access.db.begin().await?;
    totp::remove(&mut tx, &signed.session.user).await?;
    let (who, object) =
        (signed.meeting.actor(), Object::new(ObjectKind::User, signed.session.user.0.as_str()));
    let entry =
        NewEntry::done(access.clock.now(), &who, Action::UserCredential, object).because("authenticator_off");
    audit::append(&mut tx, &entry)?;
    tx.commit().await?;
    Ok(see(&Next::parse("/account?done=authenticator-off")))
}

//! `POST /account/password`: change the password; the present one must be shown.

use axum::extract::{Form, State};
use axum::response::Response;
use http::StatusCode;
use model::Secret;
use serde::Deserialize;
use store::access::{password, sessions, users};
use store::audit::{self, Action, NewEntry, Object, ObjectKind};

use super::account::again;
use super::{Broken, Signed, later, later_text, see};
use crate::access::next::Next;
use crate::access::{Access, Answer, Cookie, Given, confirm, hash, set};

#[derive(Deserialize)]
pub(super) struct Sent {
    password: Secret,
    #[serde(default)]
    code: String,
    new: Secret,
    again: Secret,
}

/// Change it, and end the user's other sessions.
pub(super) async fn send(
    State(access): State<Access>,
    signed: Signed,
    Form(sent): Form<Sent>,
) -> Result<Response, Broken> {
    if sent.new.expose() != sent.again.expose() {
        return again(&access, &signed, (StatusCode::BAD_REQUEST, "The two new passwords differ.".into()))
            .await;
    }
    if let Err(error) = password::check(&sent.new, &signed.name) {
        return again(&access, &signed, (StatusCode::BAD_REQUEST, format!("{error}."))).await;
    }
    let address = signed.meeting.address;
    let given = Given { name: signed.name.expose(), password: sent.password, code: &sent.code, address };
    let token = match confirm(&access, &signed.session, &signed.name, given).await? {
        Answer::Done(token) => token,
        Answer::Refused => {
            let error = "The present password or the code is wrong.".to_owned();
            return again(&access, &signed, (StatusCode::FORBIDDEN, error)).await;
        }
        Answer::Later(seconds) => {
            let error = (StatusCode::TOO_MANY_REQUESTS, later_text(seconds));
            return Ok(later(again(&access, &signed, error).await?, seconds));
        }
    };
    let hashed = hash(&access, sent.new).await?;
    let mut tx = access.db.begin().await?;
    users::set_password(&mut tx, &signed.session.user, &hashed).await?;
    sessions::end_of_user(&mut tx, &signed.session.user, Some(&signed.session.session_id)).await?;
    let (who, object) =
        (signed.meeting.actor(), Object::new(ObjectKind::User, signed.session.user.0.as_str()));
    let entry = NewEntry::done(access.clock.now(), &who, Action::UserCredential, object).because("password");
    audit::append(&mut tx, &entry)?;
    tx.commit().await?;
    let mut response = see(&Next::parse("/account?done=password-changed"));
    set(response.headers_mut(), Cookie::Session, signed.meeting.https, &token);
    Ok(response)
}

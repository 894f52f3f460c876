//! `POST /sign-out`: end the session of this browser.

use axum::extract::State;
use axum::response::Response;
use store::access::sessions;
use store::audit::{self, Action, NewEntry, Object, ObjectKind};

use super::{Broken, Signed, see};
use crate::access::next::Next;
use crate::access::{Access, Cookie, clear};

/// End it.
pub(super) async fn send(State(access): State<Access>, signed: Signed) -> Result<Response, Broken> {
    let mut tx = access.db.begin().await?;
    sessions::end(&mut tx, &signed.session.session_id).await?;
    let (who, object) =
        (signed.meeting.actor(), Object::new(ObjectKind::Session, signed.session.session_id.0.as_str()));
    let entry = NewEntry::done(access.clock.now(), &who, Action::SessionSignOut, object);
    audit::append(&mut tx, &entry)?;
    tx.commit().await?;
    let mut response = see(&Next::parse("/sign-in?done=signed-out"));
    clear(response.headers_mut(), Cookie::Session, signed.meeting.https);
    Ok(response)
}

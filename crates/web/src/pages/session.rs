//! `POST /account/sessions/end`: end another session of one's own.

use axum::extract::{Form, State};
use axum::response::Response;
use http::StatusCode;
use model::SessionId;
use serde::Deserialize;
use store::access::sessions;
use store::audit::{self, Action, NewEntry, Object, ObjectKind};

use super::{Broken, Signed, problem, see};
use crate::access::Access;
use crate::access::next::Next;

#[derive(Deserialize)]
pub(super) struct Sent {
    session: SessionId,
}

/// End it; a session of somebody else is none.
pub(super) async fn end(
    State(access): State<Access>,
    signed: Signed,
    Form(sent): Form<Sent>,
) -> Result<Response, Broken> {
    let own = sessions::list(&access.db, Some(&signed.session.user), access.clock.now()).await?;
    if !own.iter().any(|one| one.session_id == sent.session) {
        return Ok(problem(StatusCode::NOT_FOUND, "There is no such session", "It may have ended already."));
    }
    let mut tx = access.db.begin().await?;
    sessions::end(&mut tx, &sent.session).await?;
    let (who, object) = (signed.meeting.actor(), Object::new(ObjectKind::Session, sent.session.0.as_str()));
    let entry = NewEntry::done(access.clock.now(), &who, Action::SessionRevoke, object);
    audit::append(&mut tx, &entry)?;
    tx.commit().await?;
    Ok(see(&Next::parse("/account?done=session-ended")))
}

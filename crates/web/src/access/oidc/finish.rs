//! A browser that comes back from the provider: signed in, confirmed, or refused.
//!
//! An attempt is counted before anything is looked at, and a handover is used up by whoever brings its state. Everything a
//! sign-in changes is one transaction: a refusal leaves nothing but its entry in the audit log.

use std::net::IpAddr;

use model::{AccessUserId, Pii, Secret, SessionId};
use store::StoreError;
use store::access::attempts::{self, Subject};
use store::access::handovers::{self, Handover};
use store::access::sessions::{self, NewSession, Session};
use store::access::{Token, identities, users};
use store::audit::{self, Action, NewEntry, Object, ObjectKind};

use super::Oidc;
use super::begin::held;
use super::provider::{Bound, Identity, ProviderError, SKEW_MS};
use super::user::known;
use crate::access::Access;
use crate::access::next::Next;
use crate::access::sign_in::{actor, count, refuse};

/// What a browser came back with.
pub(crate) struct Returned<'a> {
    pub(crate) state: Option<Token>,
    /// What it kept meanwhile.
    pub(crate) browser: Option<Token>,
    pub(crate) code: Option<&'a str>,
    /// Whether the provider says that it did not let somebody in.
    pub(crate) is_refused: bool,
    /// Who the provider says it is (RFC 9207).
    pub(crate) issuer: Option<&'a str>,
    /// The session of this browser, where it has one.
    pub(crate) session: Option<&'a Session>,
    pub(crate) address: Option<IpAddr>,
}

/// What comes of it.
#[derive(Debug)]
pub(crate) enum Finished {
    /// The browser's new text, and where it goes.
    Done(Token, Next),
    Refused(Why),
    /// Too many attempts; a next one may come after so many seconds.
    Later(i64),
    /// The provider does not answer.
    Unavailable,
}

/// Why somebody is refused, as far as a page tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    /// Nothing of this browser's was under way.
    OutOfDate,
    /// The provider said no.
    Provider,
    /// What the provider answered is not believed.
    NotBelieved,
    /// Nobody here, or somebody else.
    Nobody,
}

/// Take a browser back.
pub(crate) async fn finish(
    access: &Access,
    oidc: &Oidc,
    returned: Returned<'_>,
) -> Result<Finished, StoreError> {
    if let Some(seconds) = count(access, None, returned.address).await? {
        return Ok(Finished::Later(seconds));
    }
    let (Some(state), Some(browser)) = (&returned.state, &returned.browser) else {
        return refused(access, &returned, None, ("state", Why::OutOfDate)).await;
    };
    let mut tx = access.db.begin().await?;
    let handover = handovers::take(&mut tx, (state, browser), access.clock.now()).await?;
    tx.commit().await?;
    let Some(handover) = handover else {
        return refused(access, &returned, None, ("state", Why::OutOfDate)).await;
    };
    let confirming = handover.session.as_ref();
    let reason = match returned.code {
        _ if returned.issuer.is_some_and(|issuer| issuer != oidc.options.issuer) => {
            Err(("issuer", Why::NotBelieved))
        }
        _ if returned.is_refused => Err(("provider_refused", Why::Provider)),
        None => Err(("no_code", Why::NotBelieved)),
        Some(code) => Ok(code),
    };
    let code = match reason {
        Ok(code) => code,
        Err(reason) => return refused(access, &returned, confirming, reason).await,
    };
    let (nonce, verifier): (Secret, Secret) = held(browser);
    let bound = Bound { nonce: nonce.expose(), verifier: &verifier };
    let identity = match oidc.identity(code, bound).await {
        Ok(identity) => identity,
        Err(ProviderError::Unavailable(_)) => return Ok(Finished::Unavailable),
        Err(ProviderError::Refused(reason)) => {
            return refused(access, &returned, confirming, (reason, Why::NotBelieved)).await;
        }
    };
    match &handover.session {
        Some(session) => confirm(access, oidc, &returned, (&handover, session), &identity).await,
        None => sign_in(access, oidc, &returned, &handover, &identity).await,
    }
}

/// A new session with a new text; the one that this browser had ends.
async fn sign_in(
    access: &Access,
    oidc: &Oidc,
    returned: &Returned<'_>,
    handover: &Handover,
    identity: &Identity,
) -> Result<Finished, StoreError> {
    let now = access.clock.now();
    let mut tx = access.db.begin().await?;
    let nobody = actor(None, returned.address);
    let user = match known(access, &mut tx, &oidc.options, identity, &nobody).await {
        Ok(Ok(user)) => user,
        // Somebody else was faster with the same name or identity: the next attempt finds it.
        Err(StoreError::Conflict { .. }) => {
            tx.rollback().await?;
            return refused(access, returned, None, ("name_taken", Why::Nobody)).await;
        }
        Ok(Err(reason)) => {
            tx.rollback().await?;
            return refused(access, returned, None, (reason, Why::Nobody)).await;
        }
        Err(error) => return Err(error),
    };
    let token = Token::generate("", access.entropy.as_ref());
    let session_id = SessionId::new(access.clock.as_ref(), access.entropy.as_ref());
    let who = actor(Some(&user), returned.address);
    let object = Object::new(ObjectKind::Session, session_id.0.clone());
    let entry = NewEntry::done(now, &who, Action::SessionSignIn, object);
    audit::append(&mut tx, &entry.because("oidc"))?;
    if let Some(before) = returned.session {
        sessions::end(&mut tx, &before.session_id).await?;
    }
    succeeded(&mut tx, returned.address).await?;
    let address = returned.address.map(|address| Pii::new(address.to_string()));
    let new = NewSession { session_id, user: &user, token: &token, address };
    if is_fresh(identity, handover) {
        sessions::begin(&mut tx, &new, access.entropy.as_ref(), now).await?;
    } else {
        sessions::begin_on_word(&mut tx, &new, access.entropy.as_ref(), now).await?;
    }
    users::signed_in(&mut tx, &user, now).await?;
    tx.commit().await?;
    Ok(Finished::Done(token, Next::parse(&handover.next)))
}

/// The same person of the same session has just shown the provider something: the session gets a new text.
async fn confirm(
    access: &Access,
    oidc: &Oidc,
    returned: &Returned<'_>,
    (handover, session): (&Handover, &SessionId),
    identity: &Identity,
) -> Result<Finished, StoreError> {
    let subject = identity.subject.expose();
    let user = identities::find(&access.db, &oidc.options.issuer, subject).await?;
    let held =
        returned.session.filter(|held| held.session_id == *session && Some(&held.user) == user.as_ref());
    let Some(held) = held else {
        return refused(access, returned, Some(session), ("other_user", Why::Nobody)).await;
    };
    if !is_fresh(identity, handover) {
        return refused(access, returned, Some(session), ("not_shown_again", Why::NotBelieved)).await;
    }
    let now = access.clock.now();
    let token = Token::generate("", access.entropy.as_ref());
    let mut tx = access.db.begin().await?;
    let who = actor(Some(&held.user), returned.address);
    let object = Object::new(ObjectKind::Session, held.session_id.0.as_str());
    let entry = NewEntry::done(now, &who, Action::SessionStepUp, object);
    audit::append(&mut tx, &entry.because("oidc"))?;
    succeeded(&mut tx, returned.address).await?;
    sessions::step_up(&mut tx, session, &token, access.entropy.as_ref(), now).await?;
    tx.commit().await?;
    Ok(Finished::Done(token, Next::parse(&handover.next)))
}

/// Whether the person has shown the provider something since the browser was sent there.
fn is_fresh(identity: &Identity, handover: &Handover) -> bool {
    identity.authenticated_at.is_some_and(|at| at >= handover.begun_at.plus(-SKEW_MS))
}

async fn succeeded(tx: &mut store::Tx, address: Option<IpAddr>) -> Result<(), StoreError> {
    match address {
        Some(address) => attempts::succeeded(tx, Subject::Address(address)).await,
        None => Ok(()),
    }
}

async fn refused(
    access: &Access,
    returned: &Returned<'_>,
    confirming: Option<&SessionId>,
    (reason, why): (&'static str, Why),
) -> Result<Finished, StoreError> {
    let action = if confirming.is_some() { Action::SessionStepUp } else { Action::SessionSignIn };
    let user: Option<&AccessUserId> = returned.session.map(|session| &session.user);
    refuse(access, &actor(user, returned.address), action, user, reason).await?;
    Ok(Finished::Refused(why))
}

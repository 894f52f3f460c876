//! Signing in, and showing the password again: the same care for both.
//!
//! An attempt is counted before anything is looked at. A name that nobody has costs the same hashing as one that somebody
//! has, and name, password and code are refused in one sentence: nothing tells which of them was wrong.

use std::net::IpAddr;

use drift::deadline;
use model::{AccessUserId, Pii, Secret, SessionId, UserName};
use store::StoreError;
use store::access::attempts::{self, Attempt, Subject};
use store::access::password::PasswordHash;
use store::access::sessions::{self, NewSession, Session};
use store::access::{Token, totp as authenticators, users};
use store::audit::{self, Action, ActorKind, NewEntry, Object, ObjectKind, Who};

use super::{Access, totp};

/// Time to wait for a turn to hash, in milliseconds.
const TURN_MS_MAX: u64 = 10_000;

/// What somebody showed.
pub(crate) struct Given<'a> {
    pub(crate) name: &'a str,
    pub(crate) password: Secret,
    /// Of an authenticator; empty where there is none.
    pub(crate) code: &'a str,
    pub(crate) address: Option<IpAddr>,
}

/// What comes of it.
#[derive(Debug)]
pub(crate) enum Answer {
    /// The browser's new text.
    Done(Token),
    /// Something of it was wrong.
    Refused,
    /// Too many attempts; a next one may come after so many seconds.
    Later(i64),
}

/// Sign somebody in: a new session with a new text, whatever the browser held before.
pub(crate) async fn sign_in(access: &Access, given: Given<'_>) -> Result<Answer, StoreError> {
    let name = UserName::parse(given.name).ok();
    if let Some(seconds) = count(access, name.as_ref(), given.address).await? {
        return Ok(Answer::Later(seconds));
    }
    let user = match &name {
        Some(name) => users::by_name(&access.db, name).await?,
        None => None,
    };
    let user = user.map(|user| user.user_id);
    let right = is_right(access, user.as_ref(), given.password, given.code).await?;
    let who = actor(user.as_ref().filter(|_| right.is_some()), given.address);
    let (Some(user), Some(name), Some(step)) = (&user, &name, right) else {
        return refuse(access, &who, Action::SessionSignIn, user.as_ref(), "credentials").await;
    };
    let now = access.clock.now();
    let token = Token::generate("", access.entropy.as_ref());
    let session_id = SessionId::new(access.clock.as_ref(), access.entropy.as_ref());
    let mut tx = access.db.begin().await?;
    if let Step::Used(step) = step
        && !authenticators::use_step(&mut tx, user, step, now).await?
    {
        tx.rollback().await?;
        return refuse(access, &who, Action::SessionSignIn, Some(user), "code_used").await;
    }
    attempts::succeeded(&mut tx, Subject::Account(name)).await?;
    let object = Object::new(ObjectKind::Session, session_id.0.clone());
    audit::append(&mut tx, &NewEntry::done(now, &who, Action::SessionSignIn, object))?;
    if let Some(address) = given.address {
        attempts::succeeded(&mut tx, Subject::Address(address)).await?;
    }
    let address = given.address.map(|address| Pii::new(address.to_string()));
    let new = NewSession { session_id, user, token: &token, address };
    sessions::begin(&mut tx, &new, access.entropy.as_ref(), now).await?;
    users::signed_in(&mut tx, user, now).await?;
    tx.commit().await?;
    Ok(Answer::Done(token))
}

/// Have somebody who is signed in show the password again: the session gets a new text.
pub(crate) async fn confirm(
    access: &Access,
    session: &Session,
    name: &UserName,
    given: Given<'_>,
) -> Result<Answer, StoreError> {
    if let Some(seconds) = count(access, Some(name), given.address).await? {
        return Ok(Answer::Later(seconds));
    }
    let who = actor(Some(&session.user), given.address);
    let Some(step) = is_right(access, Some(&session.user), given.password, given.code).await? else {
        return refuse(access, &who, Action::SessionStepUp, Some(&session.user), "credentials").await;
    };
    let now = access.clock.now();
    let token = Token::generate("", access.entropy.as_ref());
    let mut tx = access.db.begin().await?;
    if let Step::Used(step) = step
        && !authenticators::use_step(&mut tx, &session.user, step, now).await?
    {
        tx.rollback().await?;
        return refuse(access, &who, Action::SessionStepUp, Some(&session.user), "code_used").await;
    }
    let object = Object::new(ObjectKind::Session, session.session_id.0.as_str());
    audit::append(&mut tx, &NewEntry::done(now, &who, Action::SessionStepUp, object))?;
    attempts::succeeded(&mut tx, Subject::Account(name)).await?;
    if let Some(address) = given.address {
        attempts::succeeded(&mut tx, Subject::Address(address)).await?;
    }
    sessions::step_up(&mut tx, &session.session_id, &token, access.entropy.as_ref(), now).await?;
    tx.commit().await?;
    Ok(Answer::Done(token))
}

/// Who the audit says it was. Whoever only claims to be somebody is nobody.
pub(super) fn actor(user: Option<&AccessUserId>, address: Option<IpAddr>) -> Who {
    let who = match user {
        Some(user) => Who::new(ActorKind::User, user.0.as_str()),
        None => Who::new(ActorKind::Nobody, ""),
    };
    match address {
        Some(address) => who.from(address.to_string()),
        None => who,
    }
}

/// Refuse, and write it down. There are only as many of these as attempts that are counted.
pub(super) async fn refuse(
    access: &Access,
    who: &Who,
    action: Action,
    user: Option<&AccessUserId>,
    reason: &'static str,
) -> Result<Answer, StoreError> {
    let object = Object::new(ObjectKind::User, user.map_or("unknown", |user| user.0.as_str()));
    let mut tx = access.db.begin().await?;
    audit::append(&mut tx, &NewEntry::refused(access.clock.now(), who, action, object, reason))?;
    tx.commit().await?;
    Ok(Answer::Refused)
}

/// Count an attempt; the seconds to wait, where none is free. Reading comes first: to refuse must stay cheap.
pub(super) async fn count(
    access: &Access,
    name: Option<&UserName>,
    address: Option<IpAddr>,
) -> Result<Option<i64>, StoreError> {
    let now = access.clock.now();
    let subjects: Vec<Subject<'_>> =
        address.map(Subject::Address).into_iter().chain(name.map(Subject::Account)).collect();
    let seconds = |until: model::Millis| until.since(now).max(0) / 1_000 + 1;
    for subject in &subjects {
        if let Some(until) = attempts::locked(&access.db, *subject, now).await? {
            return Ok(Some(seconds(until)));
        }
    }
    let mut tx = access.db.begin().await?;
    for subject in &subjects {
        if let Attempt::LockedUntil(until) = attempts::begin(&mut tx, *subject, now).await? {
            tx.commit().await?;
            return Ok(Some(seconds(until)));
        }
    }
    tx.commit().await?;
    Ok(None)
}

/// What a right code uses up.
enum Step {
    /// No code was asked for.
    None,
    /// The code of this time step.
    Used(i64),
}

/// Whether password and code are right.
async fn is_right(
    access: &Access,
    user: Option<&AccessUserId>,
    password: Secret,
    code: &str,
) -> Result<Option<Step>, StoreError> {
    let stored = match user {
        Some(user) => users::password(&access.db, user).await?,
        None => None,
    };
    let is_of = verify(access, stored.unwrap_or_else(PasswordHash::of_nobody), password).await?;
    let Some(user) = user else { return Ok(None) };
    let held = authenticators::get(&access.db, user, &access.vault).await?;
    let asked = held.filter(|held| held.since.is_some());
    let step = match asked {
        None => Some(Step::None),
        Some(held) => totp::step(&held.secret, code, access.clock.now()).map(Step::Used),
    };
    Ok(step.filter(|_| is_of))
}

async fn verify(access: &Access, hash: PasswordHash, password: Secret) -> Result<bool, StoreError> {
    in_turn(access, move || hash.is_of(&password)).await
}

/// Hash a new password.
pub(crate) async fn hash(access: &Access, password: Secret) -> Result<PasswordHash, StoreError> {
    let entropy = access.entropy.clone();
    in_turn(access, move || PasswordHash::of(&password, entropy.as_ref())).await
}

/// Hash on a thread of its own, a few at a time; whoever does not get a turn in time is refused.
async fn in_turn<T: Send + 'static>(
    access: &Access,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, StoreError> {
    let turn = access.hashing.clone().acquire_owned();
    let Ok(turn) = deadline(access.clock.as_ref(), TURN_MS_MAX, turn).await else {
        return Err(StoreError::Busy);
    };
    let done = tokio::task::spawn_blocking(move || {
        let done = work();
        drop(turn);
        done
    });
    Ok(done.await.expect("hashing does not panic, and nobody aborts it"))
}

//! `GET /connect/drift/callback`: where Drift sends the browser back to.
//!
//! The answer is worth what its consent is worth: asked for here, by this browser, a short while ago, and not answered yet. Then
//! whoever asked must still be allowed to. Only after all of that is the code traded in, by a task of its own: a browser that
//! goes away meanwhile undoes nothing.

use axum::Extension;
use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Response;
use model::{OrgId, Permission, Profile, Secret, ShareLinkId};
use store::StoreError;
use store::access::Token;
use store::audit::{self, Action, ActorKind, NewEntry, Object, ObjectKind, Who};
use store::install::consents::{self, Answer, Consent, Starter};
use store::install::links;

use super::Connecting;
use super::answer::{self, Said};
use super::ended::{Ended, Way, ended};
use crate::access::next::Next;
use crate::access::{self, Cookie, Meeting, clear, read};
use crate::install::{Grant, NotConnected, Proof};
use crate::pages::{Broken, see};
use crate::share;

/// Trading a code in, asking whose it is and storing it take no longer than this, in milliseconds.
pub(super) const CONNECT_MS: u64 = 60_000;

/// An answer has come.
pub(super) async fn show(
    State(connecting): State<Connecting>,
    Extension(meeting): Extension<Meeting>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Broken> {
    let invited = read(&headers, Cookie::Invited, meeting.https).is_some();
    let way = if invited { Way::Link } else { Way::User };
    let Some(brought) = answer::read(&query.unwrap_or_default()) else {
        return Ok(ended(&meeting, Ended::Malformed, way));
    };
    let browser = read(&headers, Cookie::Consent, meeting.https);
    let consent = match worth(&connecting, &meeting, &brought.state, browser.as_ref()).await? {
        Ok(consent) => consent,
        Err(why) => return Ok(ended(&meeting, why, way)),
    };
    let way = match &consent.starter {
        Starter::User(_) => Way::User,
        Starter::Link(_) => Way::Link,
    };
    let code = match brought.said {
        Said::Code(code) => code,
        Said::Denied => return refuse(&connecting, &meeting, (Ended::Denied, "access_denied"), way).await,
        Said::Failed => return refuse(&connecting, &meeting, (Ended::Failed, "provider_error"), way).await,
    };
    let came = match admit(&connecting, &meeting, &consent).await? {
        Ok(grant) => connect(&connecting, grant, (brought.state, code), consent.starter.clone()).await?,
        Err(why) => return Ok(ended(&meeting, why, way)),
    };
    match came {
        Ok(org) => Ok(welcome(&meeting, (org, consent.profile), way)),
        Err(why) => Ok(ended(&meeting, why.into(), way)),
    }
}

/// What the answer is worth; the consent is used up.
async fn worth(
    connecting: &Connecting,
    meeting: &Meeting,
    state: &Token,
    browser: Option<&Token>,
) -> Result<Result<Consent, Ended>, StoreError> {
    let (access, now) = (&connecting.access, connecting.access.clock.now());
    let mut tx = access.db.begin().await?;
    let (why, word) = match consents::answer(&mut tx, state, browser, now).await? {
        Answer::Right(consent) => {
            tx.commit().await?;
            return Ok(Ok(consent));
        }
        // Made-up texts cost nobody anything, and nothing is written down for them.
        Answer::Unknown => return Ok(Err(Ended::Forged)),
        Answer::Again => return Ok(Err(Ended::Replayed)),
        Answer::Late(_) => (Ended::Late, "consent_too_late"),
        Answer::OtherBrowser(_) => (Ended::OtherBrowser, "other_browser"),
    };
    audit::append(&mut tx, &refusal(&meeting.actor(), now, word))?;
    tx.commit().await?;
    Ok(Err(why))
}

fn refusal<'a>(who: &'a Who, now: model::Millis, word: &'static str) -> NewEntry<'a> {
    let object = Object::new(ObjectKind::Connection, "unknown");
    NewEntry::refused(now, who, Action::ConnectionConnect, object, word)
}

/// Write down that Drift, or whoever was asked there, said no.
async fn refuse(
    connecting: &Connecting,
    meeting: &Meeting,
    (why, word): (Ended, &'static str),
    way: Way,
) -> Result<Response, Broken> {
    let access = &connecting.access;
    let mut tx = access.db.begin().await?;
    audit::append(&mut tx, &refusal(&meeting.actor(), access.clock.now(), word))?;
    tx.commit().await?;
    Ok(ended(meeting, why, way))
}

/// Whose grant is admitted, and who the audit says it was. A link's use is counted here, before the code is traded in.
async fn admit(
    connecting: &Connecting,
    meeting: &Meeting,
    consent: &Consent,
) -> Result<Result<(Option<Vec<OrgId>>, Who), Ended>, StoreError> {
    let link = match &consent.starter {
        Starter::Link(link) => link,
        Starter::User(user) => {
            let caller = meeting
                .caller
                .as_ref()
                .filter(|caller| matches!(&caller.who, access::Who::User(present, _) if present == user));
            let Some(caller) = caller else { return Ok(Err(Ended::SignedOut)) };
            return Ok(match caller.orgs_of(Permission::ConnectionsWrite) {
                Some(orgs) if orgs.is_empty() => Err(Ended::NotAllowed),
                orgs => Ok((orgs, meeting.actor())),
            });
        }
    };
    let (access, now) = (&connecting.access, connecting.access.clock.now());
    let Some(found) = links::get(&access.db, link).await? else { return Ok(Err(Ended::LinkOver)) };
    let who = of_link(link, meeting);
    let mut tx = access.db.begin().await?;
    if !links::take(&mut tx, link, now).await? {
        return Ok(Err(Ended::LinkOver));
    }
    audit::append(&mut tx, &share::entry(&found, (&who, now), Action::ShareLinkUse))?;
    tx.commit().await?;
    Ok(Ok((found.org.map(|org| vec![org]), who)))
}

/// Somebody who is known by a link alone.
fn of_link(link: &ShareLinkId, meeting: &Meeting) -> Who {
    let who = Who::new(ActorKind::ShareLink, link.0.as_str());
    match meeting.address {
        Some(address) => who.from(address.to_string()),
        None => who,
    }
}

/// Trade the code in, and note what came of it.
async fn connect(
    connecting: &Connecting,
    (admits, who): (Option<Vec<OrgId>>, Who),
    (state, code): (Token, Secret),
    starter: Starter,
) -> Result<Result<OrgId, NotConnected>, StoreError> {
    let connecting = connecting.clone();
    let task = async move {
        let access = &connecting.access;
        let grant = Grant { proof: Proof::Code(code), admits, who: who.clone() };
        let made = (connecting.install.connect)(grant);
        let made = drift::deadline(access.clock.as_ref(), CONNECT_MS, made).await;
        let made = made.unwrap_or(Err(NotConnected::Unreachable));
        let mut tx = access.db.begin().await?;
        match &made {
            Ok(connection) => consents::became(&mut tx, &state, connection.org_id).await?,
            Err(why) => {
                let entry = refusal(&who, access.clock.now(), why.word());
                audit::append(&mut tx, &entry)?;
                if let Starter::Link(link) = &starter {
                    links::give_back(&mut tx, link).await?;
                }
            }
        }
        tx.commit().await?;
        Ok(made.map(|connection| connection.org_id))
    };
    tokio::spawn(task).await.unwrap_or(Ok(Err(NotConnected::Inside)))
}

fn welcome(meeting: &Meeting, (org, profile): (OrgId, Profile), way: Way) -> Response {
    match way {
        Way::User => {
            let page = format!("/connect/drift/connected?org={org}&profile={profile}&new=yes");
            let mut response = see(&Next::parse(&page));
            clear(response.headers_mut(), Cookie::Consent, meeting.https);
            response
        }
        Way::Link => see(&Next::parse("/connect/drift/invited/done")),
    }
}

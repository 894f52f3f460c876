//! `GET` and `POST /connect/drift/links`, `POST …/revoke`: links for a customer's administrator, who needs no user here.

use askama::Template;
use axum::extract::{Form, Query, State};
use axum::response::Response;
use http::StatusCode;
use model::{OrgId, Profile, ShareLinkId};
use serde::Deserialize;
use store::install::links::{self, ShareLink, Standing};

use super::{Choice, Connecting, choices, profile};
use crate::access::next::Next;
use crate::install::link_url;
use crate::pages::{Broken, Frame, Signed, instant, problem, see, show as render};
use crate::scopes;
use crate::share::{self, DAYS, DAYS_MAX, Wanted};

/// A new link's text is shown for so long, in milliseconds: to be copied, and not to be found later.
const SHOWN_MS: i64 = 600_000;
/// Links listed, at most.
const LISTED_MAX: usize = 100;

#[derive(Template)]
#[template(path = "connect_links.html")]
struct Page {
    frame: Frame,
    choices: Vec<Choice>,
    days: i64,
    days_max: i64,
    uses_max: i64,
    /// Whether a link must name its organization.
    must_name: bool,
    made: Option<Made>,
    lines: Vec<Line>,
}

struct Made {
    url: String,
    until: String,
}

struct Line {
    id: String,
    organization: String,
    profile: &'static str,
    ends: String,
    uses: String,
    standing: &'static str,
    good: bool,
}

impl Line {
    fn of(link: &ShareLink, now: model::Millis) -> Self {
        let standing = link.standing(now);
        Self {
            id: link.link_id.0.clone(),
            organization: link.org.map_or_else(|| "any".to_owned(), |org| org.to_string()),
            profile: scopes::name(link.profile),
            ends: instant(link.ends_at),
            uses: format!("{} of {}", link.uses, link.uses_max),
            standing: standing.as_str(),
            good: standing == Standing::Good,
        }
    }
}

#[derive(Deserialize)]
pub(super) struct Asked {
    made: Option<ShareLinkId>,
}

/// The form, and the links there are.
pub(super) async fn show(
    State(connecting): State<Connecting>,
    signed: Signed,
    Query(asked): Query<Asked>,
) -> Result<Response, Broken> {
    let made = match asked.made {
        Some(id) => made(&connecting, &signed, &id).await?,
        None => None,
    };
    page(&connecting, &signed, made, (StatusCode::OK, None)).await
}

/// The text of a link that was made a moment ago.
async fn made(connecting: &Connecting, signed: &Signed, id: &ShareLinkId) -> Result<Option<Made>, Broken> {
    let (access, now) = (&connecting.access, connecting.access.clock.now());
    let found = links::get(&access.db, id).await?;
    let is_new =
        |link: &ShareLink| now.since(link.created_at) < SHOWN_MS && link.standing(now) == Standing::Good;
    let Some(link) = found.filter(|link| share::is_visible(&signed.caller, link) && is_new(link)) else {
        return Ok(None);
    };
    let key = links::signing_key(&access.db, &access.vault, now).await?;
    let url = link_url(&connecting.install.base, &link.text(&key));
    Ok(Some(Made { url, until: instant(link.ends_at) }))
}

async fn page(
    connecting: &Connecting,
    signed: &Signed,
    made: Option<Made>,
    (status, error): (StatusCode, Option<String>),
) -> Result<Response, Broken> {
    let access = &connecting.access;
    let (all, now) = (share::visible(access, &signed.caller).await?, access.clock.now());
    let page = Page {
        frame: Frame { error, ..Frame::of(&signed.meeting) },
        choices: choices(Profile::default()),
        days: DAYS,
        days_max: DAYS_MAX,
        uses_max: links::USES_MAX,
        must_name: !signed.caller.may_everywhere(share::PERMISSION),
        made,
        lines: all.iter().take(LISTED_MAX).map(|link| Line::of(link, now)).collect(),
    };
    Ok(render(status, &page))
}

#[derive(Deserialize)]
pub(super) struct Sent {
    #[serde(default)]
    profile: String,
    #[serde(default)]
    organization: String,
    #[serde(default)]
    days: String,
    #[serde(default)]
    uses: String,
}

/// Make a link.
pub(super) async fn send(
    State(connecting): State<Connecting>,
    signed: Signed,
    Form(sent): Form<Sent>,
) -> Result<Response, Broken> {
    let again = async |status, error: String| page(&connecting, &signed, None, (status, Some(error))).await;
    let org = match sent.organization.trim() {
        "" => None,
        text => match text.parse::<OrgId>() {
            Ok(org) => Some(org),
            Err(_) => {
                return again(StatusCode::BAD_REQUEST, "An organization is a whole number.".into()).await;
            }
        },
    };
    if let Some(org) = org.filter(|org| !signed.caller.may(*org, share::PERMISSION)) {
        return again(StatusCode::NOT_FOUND, format!("organization {org} is not connected")).await;
    }
    let number = |text: &str, default: i64| match text.trim() {
        "" => default,
        text => text.parse().unwrap_or_default(),
    };
    let (days, uses) = (number(&sent.days, DAYS), number(&sent.uses, 1));
    let wanted = Wanted { org, profile: profile(&sent.profile), days, uses };
    if let Err(unfit) = share::check(&signed.caller, &wanted) {
        return again(StatusCode::BAD_REQUEST, format!("{unfit}.")).await;
    }
    let (link, _) = share::create(&connecting.access, &signed.meeting.actor(), &wanted).await?;
    Ok(see(&Next::parse(&format!("/connect/drift/links?made={}", link.link_id))))
}

#[derive(Deserialize)]
pub(super) struct Revoked {
    link: ShareLinkId,
}

/// Revoke one; somebody else's is none.
pub(super) async fn revoke(
    State(connecting): State<Connecting>,
    signed: Signed,
    Form(sent): Form<Revoked>,
) -> Result<Response, Broken> {
    let who = signed.meeting.actor();
    match share::revoke(&connecting.access, &signed.caller, &who, &sent.link).await? {
        Some(_) => Ok(see(&Next::parse("/connect/drift/links"))),
        None => {
            Ok(problem(StatusCode::NOT_FOUND, "There is no such link", "It may have been revoked already."))
        }
    }
}

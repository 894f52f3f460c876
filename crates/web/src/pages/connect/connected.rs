//! `GET /connect/drift/connected` and `POST /connect/drift/archive`: what a connection may, what it lacks, and the first archive.

use askama::Template;
use axum::Extension;
use axum::extract::{Query, State};
use axum::response::Response;
use http::StatusCode;
use model::{OrgId, Permission};
use serde::Deserialize;
use store::archives::{self, Standing};
use store::audit::{self, Action, NewEntry, Object};
use store::connections::{self, ConnectionState};
use store::queue::JobState;
use store::status;

use super::{Connecting, Line, profile};
use crate::access::OfOrg;
use crate::access::next::Next;
use crate::pages::{Broken, Frame, Signed, instant, problem, see, show as render};
use crate::scopes;

#[derive(Template)]
#[template(path = "connected.html")]
struct Page {
    frame: Frame,
    org: OrgId,
    profile: &'static str,
    profile_name: &'static str,
    state: &'static str,
    is_new: bool,
    granted: Vec<Line>,
    missing: Vec<Line>,
    /// What was granted and nobody asked for.
    surplus: Vec<String>,
    archive: Archive,
    /// Whether it waits or is being made.
    under_way: bool,
    /// Whether there has been none.
    is_first: bool,
    conversations: i64,
    messages: i64,
    /// Whether nobody is there to make one.
    idle: bool,
    /// Whether whoever looks may ask for one.
    may_ask: bool,
}

/// How the archive stands, for a person.
enum Archive {
    None,
    Waiting,
    Running(String),
    /// Begun, and nobody here makes it: by a command, or cut off.
    Begun(String),
    GivenUp(String),
    Done {
        complete: bool,
        at: String,
    },
}

impl Archive {
    fn of(standing: &Standing) -> Self {
        let standing_job = standing.job.as_ref().map(|job| (job.state, job));
        match (standing_job, &standing.run) {
            (Some((JobState::Running, job)), _) => {
                Self::Running(job.claimed_at.map_or_else(String::new, instant))
            }
            (Some((JobState::Waiting, _)), _) => Self::Waiting,
            (Some((JobState::Dead, job)), _) => {
                Self::GivenUp(job.error.clone().unwrap_or_else(|| "the reason was not noted".into()))
            }
            (None, None) => Self::None,
            (None, Some(run)) => match (run.finished_at, run.outcome.as_deref()) {
                (Some(at), outcome) => Self::Done { complete: outcome == Some("complete"), at: instant(at) },
                (None, _) => Self::Begun(instant(run.started_at)),
            },
        }
    }
}

#[derive(Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    profile: String,
    /// Whether it was connected just now.
    #[serde(default)]
    new: String,
}

/// The page.
pub(super) async fn show(
    State(connecting): State<Connecting>,
    signed: Signed,
    Extension(OfOrg(org)): Extension<OfOrg>,
    Query(asked): Query<Asked>,
) -> Result<Response, Broken> {
    let (db, now) = (&connecting.access.db, connecting.access.clock.now());
    let Some(connection) = connections::get(db, org).await? else {
        return Ok(problem(
            StatusCode::NOT_FOUND,
            "There is no such connection",
            "It was taken away meanwhile.",
        ));
    };
    let chosen = profile(&asked.profile);
    let missing = scopes::missing(chosen, &connection.scopes);
    let granted = scopes::of(chosen).filter(|need| !missing.contains(need));
    let standing = archives::standing(db, org).await?;
    let archive = Archive::of(&standing);
    let page = Page {
        frame: Frame::of(&signed.meeting),
        org,
        profile: chosen.as_str(),
        profile_name: scopes::name(chosen),
        state: connection.state.as_str(),
        is_new: asked.new == "yes" && connection.state == ConnectionState::Active,
        granted: granted.map(Line::of).collect(),
        missing: missing.iter().map(|need| Line::of(need)).collect(),
        surplus: scopes::surplus(chosen, &connection.scopes).into_iter().map(str::to_owned).collect(),
        under_way: matches!(archive, Archive::Waiting | Archive::Running(_)),
        is_first: matches!(archive, Archive::None),
        archive,
        conversations: standing.conversations,
        messages: standing.messages,
        idle: status::of_org(db, org, now).await?.workers == 0,
        may_ask: signed.caller.may(org, Permission::OperationsWrite),
    };
    Ok(render(StatusCode::OK, &page))
}

/// Ask for an archive; a worker makes it.
pub(super) async fn ask(
    State(connecting): State<Connecting>,
    signed: Signed,
    Extension(OfOrg(org)): Extension<OfOrg>,
    Query(asked): Query<Asked>,
) -> Result<Response, Broken> {
    let access = &connecting.access;
    let (who, now) = (signed.meeting.actor(), access.clock.now());
    let mut tx = access.db.begin().await?;
    archives::ask(&mut tx, org, access.clock.as_ref(), access.entropy.as_ref()).await?;
    audit::append(&mut tx, &NewEntry::done(now, &who, Action::ArchiveAsk, Object::org(org)).org(org))?;
    tx.commit().await?;
    let chosen = profile(&asked.profile);
    Ok(see(&Next::parse(&format!("/connect/drift/connected?org={org}&profile={chosen}"))))
}

//! `POST /api/v1/consumers/{name}/pause`, `…/resume`, `…/rewind`: let a reader of the feed stand still, go on, or read
//! anew.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use model::{Millis, OrgId, Permission};
use serde::{Deserialize, Serialize};
use store::audit::{self, Action, NewEntry, Object, ObjectKind, Who};
use store::changes::{self, Start};
use store::wake::Channel;
use store::{StoreError, Tx, consumers};

use super::Api;
use super::ask::{Body, Path};
use super::by::By;
use super::caller::Org;
use super::describe::{Described, Kind, Parameter, Property, in_path, property};
use super::problem::{Failed, Problem, store_status};
use crate::access::Needs;

/// Where to read on from: exactly one of them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Place {
    seq: Option<i64>,
    since: Option<Millis>,
}

/// How the consumer stands now.
#[derive(Serialize)]
struct Answer {
    organization: OrgId,
    name: String,
    state: &'static str,
    cursor: i64,
}

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("there is no such consumer")]
    NotFound,
    #[error("the request must name one of seq and since")]
    Place,
    #[error("cannot set the consumer")]
    Store(#[from] StoreError),
}

impl Problem for Error {
    fn status(&self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Place => StatusCode::BAD_REQUEST,
            Self::Store(error) => store_status(error),
        }
    }
}

/// Let it stand still.
async fn pause(
    State(api): State<Api>,
    Org(org): Org,
    By(who): By,
    Path(name): Path<String>,
) -> Result<Json<Answer>, Failed> {
    let mut tx = api.db.begin().await.map_err(Error::Store)?;
    consumers::pause(&mut tx, org, &name).await.map_err(Error::Store)?;
    told(&api, &mut tx, (org, &name), &who, Action::ConsumerPause).map_err(Error::Store)?;
    tx.commit().await.map_err(Error::Store)?;
    answer(&api, org, name).await
}

/// Let it go on.
async fn resume(
    State(api): State<Api>,
    Org(org): Org,
    By(who): By,
    Path(name): Path<String>,
) -> Result<Json<Answer>, Failed> {
    let mut tx = api.db.begin().await.map_err(Error::Store)?;
    consumers::resume(&mut tx, org, &name).await.map_err(Error::Store)?;
    told(&api, &mut tx, (org, &name), &who, Action::ConsumerResume).map_err(Error::Store)?;
    tx.ring(Channel::Changes);
    tx.commit().await.map_err(Error::Store)?;
    answer(&api, org, name).await
}

/// Let it read on from another place; effects keep their keys, so what is read anew is done anew under the same ids.
async fn rewind(
    State(api): State<Api>,
    Org(org): Org,
    By(who): By,
    Path(name): Path<String>,
    Body(place): Body<Place>,
) -> Result<Json<Answer>, Failed> {
    let start = match place {
        Place { seq: Some(seq), since: None } => Start::At(seq),
        Place { seq: None, since: Some(since) } => Start::Since(since),
        _ => return Err(Error::Place.into()),
    };
    let cursor = changes::position(&api.db, org, start).await.map_err(Error::Store)?;
    let mut tx = api.db.begin().await.map_err(Error::Store)?;
    consumers::rewind(&mut tx, org, &name, cursor).await.map_err(Error::Store)?;
    told(&api, &mut tx, (org, &name), &who, Action::ConsumerRewind).map_err(Error::Store)?;
    tx.ring(Channel::Changes);
    tx.commit().await.map_err(Error::Store)?;
    answer(&api, org, name).await
}

/// What the audit log is told.
fn told(
    api: &Api,
    tx: &mut Tx,
    (org, name): (OrgId, &str),
    who: &Who,
    action: Action,
) -> Result<(), StoreError> {
    let object = Object::new(ObjectKind::Consumer, name);
    audit::append(tx, &NewEntry::done(api.clock.now(), who, action, object).org(org))
}

async fn answer(api: &Api, org: OrgId, name: String) -> Result<Json<Answer>, Failed> {
    let consumer = consumers::get(&api.db, org, &name).await.map_err(Error::Store)?;
    let consumer = consumer.ok_or(Error::NotFound)?;
    Ok(Json(Answer { organization: org, name, state: consumer.state.as_str(), cursor: consumer.cursor }))
}

const NAME: &[Parameter] = &[in_path("name", Kind::Text, "The consumer's name.")];
const ANSWER: &[Property] = &[
    property("organization", Kind::Whole, "The organization."),
    property("name", Kind::Text, "The consumer's name."),
    property("state", Kind::Text, "Whether it reads."),
    property("cursor", Kind::Whole, "The number of the last change it has read."),
];

pub(super) const PAUSE: Described = Described {
    method: "post",
    path: "/api/v1/consumers/{name}/pause",
    needs: Needs::InOrg(Permission::OperationsWrite),
    summary: "Let a consumer stand still; what it owes waits, too.",
    parameters: NAME,
    body: &[],
    answer: ANSWER,
    route: || post(pause),
};

pub(super) const RESUME: Described = Described {
    method: "post",
    path: "/api/v1/consumers/{name}/resume",
    needs: Needs::InOrg(Permission::OperationsWrite),
    summary: "Let a consumer go on from where it stood.",
    parameters: NAME,
    body: &[],
    answer: ANSWER,
    route: || post(resume),
};

pub(super) const REWIND: Described = Described {
    method: "post",
    path: "/api/v1/consumers/{name}/rewind",
    needs: Needs::InOrg(Permission::OperationsWrite),
    summary: "Let a consumer read on from another place, back or ahead.",
    parameters: NAME,
    body: &[
        property("seq", Kind::WholeOrNull, "From the change of this number on."),
        property("since", Kind::WholeOrNull, "From the first change of this instant on (milliseconds)."),
    ],
    answer: ANSWER,
    route: || post(rewind),
};

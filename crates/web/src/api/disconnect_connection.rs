//! `POST /api/v1/connections/{id}/disconnect`, `…/erase`: give a connection up, and keep or erase what was stored.
//!
//! From the answer on nothing uses the connection but its own revocation, which a worker asks for. The command line does the
//! same where no worker runs.

use axum::Json;
use axum::extract::State;
use axum::routing::post;
use model::{ConnectionId, JobId, OrgId, Permission};
use serde::Serialize;
use store::audit::Who;
use store::connections;
use store::disconnects::{self, Because, Data, Order};

use super::Api;
use super::ask::Path;
use super::by::By;
use super::caller::Org;
use super::describe::{Described, Kind, Property, property};
use super::problem::Failed;
use super::show_connection::{Error, ID, found};
use crate::access::Needs;

/// How it stands now.
#[derive(Serialize)]
struct Answer {
    organization: OrgId,
    connection_id: ConnectionId,
    state: &'static str,
    data: Option<&'static str>,
}

/// Keep the data.
async fn keep(
    State(api): State<Api>,
    Org(org): Org,
    By(who): By,
    Path(id): Path<ConnectionId>,
) -> Result<Json<Answer>, Failed> {
    give_up(&api, (org, &id), Data::Keep, &who).await
}

/// Erase the data.
async fn erase(
    State(api): State<Api>,
    Org(org): Org,
    By(who): By,
    Path(id): Path<ConnectionId>,
) -> Result<Json<Answer>, Failed> {
    give_up(&api, (org, &id), Data::Erase, &who).await
}

async fn give_up(
    api: &Api,
    (org, id): (OrgId, &ConnectionId),
    data: Data,
    who: &Who,
) -> Result<Json<Answer>, Failed> {
    let connection = connections::of_id(&api.db, id).await.map_err(Error::Store)?;
    let connection = connection.filter(|found| found.org_id == org).ok_or(Error::NotFound)?;
    let now = api.clock.now();
    let order = Order {
        data,
        until_at: now.plus(disconnects::RETRIES_MS),
        because: Because::Asked,
        who,
        job_id: JobId::new(api.clock.as_ref(), api.entropy.as_ref()),
        due_at: now,
    };
    let mut tx = api.db.begin().await.map_err(Error::Store)?;
    disconnects::begin(&mut tx, &connection, order, now).await.map_err(Error::Store)?;
    tx.commit().await.map_err(Error::Store)?;
    let left = found(&api.db, org, id).await?;
    let data = left.disconnect.map(|progress| progress.data);
    Ok(Json(Answer { organization: org, connection_id: left.connection_id, state: left.state, data }))
}

const ANSWER: &[Property] = &[
    property("organization", Kind::Whole, "The organization."),
    property("connection_id", Kind::Text, "The connection's id."),
    property("state", Kind::Text, "`disconnecting`; `disconnected` once its secrets are destroyed."),
    property("data", Kind::TextOrNull, "`kept`, `to_erase`, `erased`, or `shared` with another connection."),
];

pub(super) const KEEP: Described = Described {
    method: "post",
    path: "/api/v1/connections/{id}/disconnect",
    needs: Needs::InOrg(Permission::ConnectionsWrite),
    summary: "Give a connection up: revoke it at Drift, destroy its secrets, stop its jobs; keep the data. Idempotent.",
    parameters: ID,
    body: &[],
    answer: ANSWER,
    route: || post(keep),
};

pub(super) const ERASE: Described = Described {
    method: "post",
    path: "/api/v1/connections/{id}/erase",
    needs: Needs::InOrg(Permission::ErasuresWrite),
    summary: "Give a connection up in the same way, and erase what was stored of its organization. Idempotent.",
    parameters: ID,
    body: &[],
    answer: ANSWER,
    route: || post(erase),
};

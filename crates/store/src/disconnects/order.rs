//! Asking for a disconnect: the one transaction after which nothing uses the connection but its own revocation.

use model::{ConnectionId, JobId, Millis, OrgId};
use serde_json::json;

use super::words::Data;
use crate::audit::{self, Action, NewEntry, Object, ObjectKind, Who};
use crate::connections::Connection;
use crate::db::Tx;
use crate::error::StoreError;
use crate::install::links;
use crate::queue::{self, NewJob, priority};
use crate::{notices, pauses, schedules};

/// The kind of the job that carries a disconnect through.
pub const REVOKE_KIND: &str = "revoke_connection";
/// The kind of notices about grants that were given up and may live on at the provider; the subject is the connection.
pub const NOTICE: &str = "disconnect";

/// For how long the provider is asked to revoke unless somebody says otherwise, in milliseconds.
pub const RETRIES_MS: i64 = 24 * 60 * 60 * 1_000;

/// Why a connection is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Because {
    /// Somebody asked.
    Asked,
    /// Nobody used it for as long as was set.
    Unused,
}

/// How a connection is to be given up.
#[derive(Debug, Clone)]
pub struct Order<'a> {
    /// What becomes of the data.
    pub data: Data,
    /// Until when the provider is asked to revoke.
    pub until_at: Millis,
    /// Why.
    pub because: Because,
    /// By whom.
    pub who: &'a Who,
    /// The id of the job that carries it through.
    pub job_id: JobId,
    /// When that job may run.
    pub due_at: Millis,
}

pub(super) const GIVE_UP: &str = "
    UPDATE connections SET state = 'disconnecting' WHERE connection_id = $1 AND org_id = $2 AND state <> 'disconnected'";
pub(super) const ASK: &str = "
    INSERT INTO disconnects (connection_id, org_id, asked_at, until_at, data, attempts) VALUES ($1, $2, $3, $4, $5, 0)
    ON CONFLICT (connection_id) DO UPDATE
    SET data = CASE WHEN excluded.data = 'erase' THEN excluded.data ELSE disconnects.data END,
        until_at = CASE WHEN excluded.until_at < disconnects.until_at THEN excluded.until_at
            ELSE disconnects.until_at END";

/// Begin a disconnect: the connection is marked, its organization's schedules, waiting jobs and links to connect with end, the
/// pause and the notices that it caused are taken back, the audit log is told, and a job is put on the queue that carries the
/// rest through. From the commit on nothing uses the connection's tokens but their revocation.
///
/// Answers whether there was a connection to give up. Asking again is no harm: whoever asked for erasure once has asked, and
/// the sooner end of the tries holds.
///
/// # Errors
/// The database's error.
pub async fn begin(
    tx: &mut Tx,
    connection: &Connection,
    order: Order<'_>,
    now: Millis,
) -> Result<bool, StoreError> {
    let (id, org) = (&connection.connection_id, connection.org_id);
    if !ask(tx, (id, org), &order, now).await? {
        return Ok(false);
    }
    queue::cancel_asking(tx, org).await?;
    schedules::remove_asking(tx, org).await?;
    if pauses::resume_of_connection(tx, org).await? {
        let entry = NewEntry::done(now, order.who, Action::PauseEnd, Object::org(org)).org(org);
        audit::append(tx, &entry.because("disconnected"))?;
    }
    notices::dismiss(tx, org, notices::OF_CONNECTION, None).await?;
    notices::dismiss(tx, org, notices::OF_UNUSED, Some(&id.0)).await?;
    let object = Object::new(ObjectKind::Connection, id.0.as_str());
    let entry = NewEntry::done(now, order.who, Action::ConnectionDisconnect, object).org(org);
    audit::append(tx, &entry.because(reason(&order)))?;
    end_links(tx, Some(org), order.who, now).await?;
    queue::enqueue(tx, &[carrier(id, order.job_id, order.due_at)], now).await?;
    Ok(true)
}

/// End the links by which an organization (`None`: any) could be connected once more: whoever holds one could.
///
/// # Errors
/// The database's error.
pub async fn end_links(tx: &mut Tx, org: Option<OrgId>, who: &Who, now: Millis) -> Result<(), StoreError> {
    for link in links::revoke_of(tx, org, now).await? {
        let object = Object::new(ObjectKind::ShareLink, link.0.as_str());
        let entry = NewEntry::done(now, who, Action::ShareLinkRevoke, object).because("disconnected");
        audit::append(tx, &NewEntry { org, ..entry })?;
    }
    Ok(())
}

async fn ask(
    tx: &mut Tx,
    (connection, org): (&ConnectionId, OrgId),
    order: &Order<'_>,
    now: Millis,
) -> Result<bool, StoreError> {
    let given_up = on_tx!(tx, conn => sqlx::query(GIVE_UP)
        .bind(&connection.0)
        .bind(org.0)
        .execute(conn)
        .await
        .map(|done| done.rows_affected()))?;
    if given_up == 0 {
        return Ok(false);
    }
    on_tx!(tx, conn => sqlx::query(ASK)
        .bind(&connection.0)
        .bind(org.0)
        .bind(now.0)
        .bind(order.until_at.0)
        .bind(order.data.as_str())
        .execute(conn)
        .await
        .map(drop))?;
    Ok(true)
}

/// The job that carries a disconnect through. It belongs to no organization, so that no pause holds it.
#[must_use]
pub fn carrier(connection: &ConnectionId, job_id: JobId, due_at: Millis) -> NewJob {
    NewJob {
        job_id,
        kind: REVOKE_KIND.to_owned(),
        org: OrgId(0),
        key: connection.0.clone(),
        priority: priority::ASKED,
        due_at,
        payload: json!({"connection": connection}).to_string(),
        signals: 1,
        trace: None,
    }
}

const fn reason(order: &Order<'_>) -> &'static str {
    match (order.because, order.data) {
        (Because::Unused, _) => "unused",
        (Because::Asked, Data::Keep) => "keep_data",
        (Because::Asked, Data::Erase) => "erase_data",
    }
}

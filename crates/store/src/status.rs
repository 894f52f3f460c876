//! How an organization fares now: what waits, what stands still, what was missed, who lags.
//!
//! One answer for the command line and the admin API, so that both say the same. Everything is counted when it is asked;
//! about ten statements, of which the count of jobs is the dearest (50 ms for 200,000).

use model::{ConnectionId, EventId, Millis, OrgId};
use serde::Serialize;

use crate::db::Db;
use crate::error::StoreError;
use crate::queue::{self, Count};
use crate::{consumers, effects, endpoints, inbox, notices, pauses, sweeps, workers};

/// What the missed-webhook rate is taken over, in milliseconds: a week.
pub const MISSED_WINDOW_MS: i64 = 7 * 24 * 60 * 60 * 1_000;
/// What received events are counted over, in milliseconds: a day.
const RECEIVED_WINDOW_MS: i64 = 24 * 60 * 60 * 1_000;
/// Notices told, at most.
const NOTICES_MAX: u32 = 100;
/// Organizations told that send events and are not connected, at most.
const UNCONNECTED_MAX: u32 = 100;

/// How one organization fares.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Status {
    /// Its events that wait for the router.
    pub inbox: Inbox,
    /// Its jobs by kind and state; what there is none of is left out.
    pub jobs: Vec<Jobs>,
    /// What a person should know.
    pub notices: Vec<Notice>,
    /// What is paused on purpose, those included that hold for every organization.
    pub pauses: Vec<Pause>,
    /// What sweeps found in the last seven days.
    pub sweeps: Sweeps,
    /// The readers of its changes.
    pub consumers: Vec<Consumer>,
    /// Where its outgoing webhooks go.
    pub endpoints: Vec<Endpoint>,
    /// Workers whose lease lives, of this and every other organization.
    pub workers: i64,
}

/// Events that wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Inbox {
    /// Events received in the last 24 hours.
    pub received: i64,
    /// When the last of those was received.
    pub last_at: Option<Millis>,
    /// Events that wait for the router.
    pub unrouted: i64,
    /// When the oldest of those was received.
    pub oldest_unrouted_at: Option<Millis>,
}

/// Jobs of one kind and state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Jobs {
    /// The kind.
    pub kind: String,
    /// `waiting`, `running` or `dead`.
    pub state: String,
    /// How many.
    pub jobs: i64,
    /// How many of them have failed before.
    pub retrying: i64,
    /// The earliest due time among them.
    pub due_at: Millis,
}

/// What a person should know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Notice {
    /// What about.
    pub kind: String,
    /// About what exactly.
    pub subject: String,
    /// What.
    pub message: String,
    /// Since when.
    pub first_at: Millis,
    /// When it was last seen to hold.
    pub last_at: Millis,
}

/// Something that is paused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Pause {
    /// The organization; `None` for every one.
    pub organization: Option<OrgId>,
    /// The kind of job; `None` for every one.
    pub kind: Option<String>,
    /// Why.
    pub reason: String,
    /// Since when.
    pub since: Millis,
    /// Until when; `None` until somebody resumes it.
    pub until: Option<Millis>,
}

/// What sweeps found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Sweeps {
    /// How many ended.
    pub finished: i64,
    /// When the last ended.
    pub last_at: Option<Millis>,
    /// Conversations they found changed.
    pub changed: i64,
    /// Those of them that no webhook had told of.
    pub missed: i64,
    /// `missed` of `changed`; `None` when nothing had changed.
    pub missed_share: Option<f64>,
}

/// A reader of the feed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Consumer {
    /// Its name.
    pub name: String,
    /// What reads.
    pub kind: &'static str,
    /// Whether it reads.
    pub state: &'static str,
    /// The number of the last change it read.
    pub cursor: i64,
    /// Changes it has not read.
    pub lag_changes: i64,
    /// For how long the first of them has waited, in milliseconds.
    pub lag_ms: i64,
    /// Effects it owes.
    pub owed: i64,
    /// Effects it gave up.
    pub failed: i64,
}

/// Where outgoing webhooks go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Endpoint {
    /// Its id, and its consumer's name.
    pub endpoint_id: String,
    /// `enabled` or `disabled`.
    pub state: &'static str,
    /// Since when it fails.
    pub failing_since: Option<Millis>,
    /// Why.
    pub error: Option<String>,
}

/// An organization that sends events and is not connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Unconnected {
    /// Which.
    pub organization: OrgId,
    /// How many events.
    pub events: i64,
    /// When the last was received.
    pub last_at: Millis,
}

/// How an organization fares at `now`.
///
/// # Errors
/// The database's error.
pub async fn of_org(db: &Db, org: OrgId, now: Millis) -> Result<Status, StoreError> {
    let jobs = queue::counts(db).await?.into_iter().filter(|count| count.org == org).map(Jobs::from);
    let workers = workers::list(db).await?;
    Ok(Status {
        inbox: inbox_of(db, org, now).await?,
        jobs: jobs.collect(),
        notices: notices::list(db, Some(org), NOTICES_MAX).await?.into_iter().map(Notice::from).collect(),
        pauses: pauses_of(db, Some(org), now).await?,
        sweeps: sweeps_of(db, org, now).await?,
        consumers: consumers_of(db, org, now).await?,
        endpoints: endpoints::list(db, org).await?.into_iter().map(Endpoint::from).collect(),
        workers: workers.iter().filter(|worker| worker.lease_until > now).fold(0, |count, _| count + 1),
    })
}

/// What a person should know of one connection: what is said of it, and of the organization's grant as such.
///
/// # Errors
/// The database's error.
pub async fn notices_of_connection(
    db: &Db,
    org: OrgId,
    connection: &ConnectionId,
) -> Result<Vec<Notice>, StoreError> {
    let all = notices::list(db, Some(org), NOTICES_MAX).await?.into_iter();
    let ours = all.filter(|one| one.kind == notices::OF_CONNECTION || one.subject == connection.0);
    Ok(ours.map(Notice::from).collect())
}

/// The organizations that send events and are not connected, at most a hundred.
///
/// # Errors
/// The database's error.
pub async fn unconnected(db: &Db) -> Result<Vec<Unconnected>, StoreError> {
    let told = inbox::unconnected(db, UNCONNECTED_MAX).await?;
    let of = |one: inbox::Unconnected| Unconnected {
        organization: one.org_id,
        events: one.events,
        last_at: one.last_at,
    };
    Ok(told.into_iter().map(of).collect())
}

/// The pauses that hold at `now`: those of an organization and those for all, or every one.
///
/// # Errors
/// The database's error.
pub async fn pauses_of(db: &Db, org: Option<OrgId>, now: Millis) -> Result<Vec<Pause>, StoreError> {
    let all = pauses::list(db, now).await?.into_iter();
    let ours = all.filter(|pause| org.is_none() || pause.scope.org.is_none() || pause.scope.org == org);
    Ok(ours.map(Pause::from).collect())
}

/// The consumers of an organization.
///
/// # Errors
/// The database's error.
pub async fn consumers_of(db: &Db, org: OrgId, now: Millis) -> Result<Vec<Consumer>, StoreError> {
    let mut told = Vec::new();
    for consumer in consumers::list(db, org).await? {
        let lag = consumers::lag(db, &consumer).await?;
        let effects = effects::counts(db, org, &consumer.name).await?;
        told.push(Consumer {
            kind: consumer.kind.as_str(),
            state: consumer.state.as_str(),
            cursor: consumer.cursor,
            lag_changes: lag.changes,
            lag_ms: lag.ms(now),
            owed: effects.owed,
            failed: effects.failed,
            name: consumer.name,
        });
    }
    Ok(told)
}

/// Ids begin with the time of arrival: a day is a span of the primary key, however large the inbox.
const RECEIVED: &str = "
    SELECT COUNT(*) AS received, MAX(received_at) AS last_at FROM events WHERE event_id >= $2 AND org_id = $1";
const UNROUTED: &str = "
    SELECT COUNT(*) AS unrouted, MIN(received_at) AS oldest_at FROM events WHERE routed_at IS NULL AND org_id = $1";

async fn inbox_of(db: &Db, org: OrgId, now: Millis) -> Result<Inbox, StoreError> {
    let day = EventId::first_of(now.plus(-RECEIVED_WINDOW_MS)).0;
    let (received, last): (i64, Option<i64>) =
        on_db!(db, pool => sqlx::query_as(RECEIVED).bind(org.0).bind(day).fetch_one(pool).await)?;
    let (unrouted, oldest): (i64, Option<i64>) =
        on_db!(db, pool => sqlx::query_as(UNROUTED).bind(org.0).fetch_one(pool).await)?;
    Ok(Inbox { received, last_at: last.map(Millis), unrouted, oldest_unrouted_at: oldest.map(Millis) })
}

async fn sweeps_of(db: &Db, org: OrgId, now: Millis) -> Result<Sweeps, StoreError> {
    let summary = sweeps::summary(db, org, now.plus(-MISSED_WINDOW_MS)).await?;
    Ok(Sweeps {
        finished: summary.sweeps,
        last_at: summary.last_finished_at,
        changed: summary.found.changed,
        missed: summary.found.missed,
        missed_share: summary.missed_share(),
    })
}

impl From<Count> for Jobs {
    fn from(count: Count) -> Self {
        let Count { kind, state, jobs, due_at, retrying, .. } = count;
        Self { kind, state, jobs, retrying, due_at }
    }
}

impl From<notices::Notice> for Notice {
    fn from(notice: notices::Notice) -> Self {
        let notices::Notice { kind, subject, message, first_at, last_at, .. } = notice;
        Self { kind, subject, message, first_at, last_at }
    }
}

impl From<pauses::Pause> for Pause {
    fn from(pause: pauses::Pause) -> Self {
        let pauses::Pause { scope, reason, since, until } = pause;
        Self { organization: scope.org, kind: scope.kind, reason, since, until }
    }
}

impl From<endpoints::Endpoint> for Endpoint {
    fn from(endpoint: endpoints::Endpoint) -> Self {
        Self {
            endpoint_id: endpoint.endpoint_id.0,
            state: endpoint.state.as_str(),
            failing_since: endpoint.failing_since,
            error: endpoint.error,
        }
    }
}

pub(crate) const STATEMENTS: &[(&str, &str)] =
    &[("status::RECEIVED", RECEIVED), ("status::UNROUTED", UNROUTED)];

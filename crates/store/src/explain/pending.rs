//! What is to come, and why it has not come yet.
//!
//! The reasons are read from the same rows that workers and consumers obey: pauses, leases, due times, cursors, the state
//! of endpoints, budgets. Several may hold at once, and all are told.

use std::fmt;

use model::{EventId, Millis, OrgId};
use serde::Serialize;
use serde_json::Value;

use crate::db::Db;
use crate::error::StoreError;
use crate::explain::Subject;

/// Waiting things of each sort that are told one by one.
const PENDING_MAX: i64 = 100;

/// Something that is to come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Pending {
    /// What it is.
    #[serde(flatten)]
    pub what: Waiting,
    /// Why it has not come yet; empty when it is about to.
    pub why: Vec<Why>,
}

/// What is to come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "pending", rename_all = "snake_case")]
pub enum Waiting {
    /// An event that is not routed.
    Event {
        /// Which.
        event_id: String,
        /// Its canonical type.
        kind: String,
        /// When it was received.
        received_at: i64,
    },
    /// A job that waits, runs, or will not be tried again by itself.
    Job {
        /// Which.
        job_id: String,
        /// What it does.
        kind: String,
        /// To what.
        key: String,
        /// `waiting`, `running` or `dead`.
        state: String,
        /// Not before.
        due_at: i64,
        /// How many signals it stands for.
        signals: i64,
        /// How often it was tried.
        attempts: i64,
        /// Why the last attempt failed.
        error: Option<String>,
    },
    /// Something that is owed outside.
    Effect {
        /// By whom.
        consumer: String,
        /// Its stable key.
        key: String,
        /// The change it follows from.
        seq: i64,
        /// How often it was tried.
        attempts: i64,
        /// Why the last attempt failed.
        error: Option<String>,
    },
}

/// Why something has not come yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "why", rename_all = "snake_case")]
pub enum Why {
    /// No worker's lease lives: nobody routes or runs anything.
    NoWorker,
    /// The organization is not connected.
    NotConnected,
    /// Its time has not come.
    NotDue {
        /// When it comes.
        due_at: i64,
    },
    /// It failed, and is tried again then.
    Retrying {
        /// When.
        due_at: i64,
    },
    /// It runs now.
    Running {
        /// Where.
        worker_id: String,
        /// Since when.
        since: Option<i64>,
    },
    /// Another job of the same key runs now; one at a time.
    OneAtATime,
    /// Its attempts are used up, or trying again is no use.
    Dead,
    /// It is paused on purpose.
    Paused {
        /// Why.
        reason: String,
        /// Until when; `None` until somebody resumes it.
        until: Option<i64>,
    },
    /// Drift asked for a pause of the organization's calls.
    Budget {
        /// Until when.
        until: i64,
    },
    /// It was given up after its last attempt, and can be owed again.
    GivenUp,
    /// The consumer is paused.
    ConsumerPaused,
    /// The endpoint is disabled.
    EndpointDisabled {
        /// Since when.
        since: Option<i64>,
    },
    /// The endpoint fails, and is tried again then.
    EndpointFailing {
        /// Since when it fails.
        since: Option<i64>,
        /// When it is tried again.
        retry_at: Option<i64>,
    },
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoWorker => "no worker is running",
            Self::NotConnected => "the organization is not connected",
            Self::NotDue { .. } => "its time has not come",
            Self::Retrying { .. } => "it failed and is tried again",
            Self::Running { .. } => "it runs now",
            Self::OneAtATime => "another job of the same key runs now",
            Self::Dead => "it is a dead letter: replay or discard it",
            Self::Paused { reason, .. } => return write!(f, "paused: {reason}"),
            Self::Budget { .. } => "Drift asked for a pause",
            Self::GivenUp => "it was given up: rewind the consumer to owe it again",
            Self::ConsumerPaused => "the consumer is paused",
            Self::EndpointDisabled { .. } => "the endpoint is disabled",
            Self::EndpointFailing { .. } => "the endpoint fails",
        })
    }
}

impl Why {
    /// When that reason ends by itself, where it is known.
    #[must_use]
    pub fn until(&self) -> Option<Millis> {
        match self {
            Self::NotDue { due_at } | Self::Retrying { due_at } => Some(Millis(*due_at)),
            Self::Paused { until, .. } => until.map(Millis),
            Self::Budget { until } => Some(Millis(*until)),
            Self::EndpointFailing { retry_at, .. } => retry_at.map(Millis),
            _ => None,
        }
    }
}

row! {
    struct WaitingEventRow {
        event_id: String,
        kind: String,
        received_at: i64,
    }
}

const EVENTS: &str = "
    SELECT event_id, kind, received_at FROM events
    WHERE routed_at IS NULL AND org_id = $1 AND conversation_id = $2 ORDER BY event_id LIMIT $3";
const EVENT: &str = "
    SELECT event_id, kind, received_at FROM events
    WHERE routed_at IS NULL AND org_id = $1 AND event_id = $2 LIMIT $3";

row! {
    struct JobRow {
        job_id: String,
        kind: String,
        key: String,
        state: String,
        due_at: i64,
        signals: i64,
        attempts: i64,
        worker_id: Option<String>,
        claimed_at: Option<i64>,
        error: Option<String>,
    }
}

/// A key has at most one job that waits and one that runs; dead ones are few.
const JOBS: &str = "
    SELECT job_id, kind, key, state, due_at, signals, attempts, worker_id, claimed_at, error FROM jobs
    WHERE state = 'running' AND org_id = $1 AND kind = $2 AND key = $3
    UNION ALL
    SELECT job_id, kind, key, state, due_at, signals, attempts, worker_id, claimed_at, error FROM jobs
    WHERE state = 'waiting' AND org_id = $1 AND kind = $2 AND key = $3
    UNION ALL
    SELECT job_id, kind, key, state, due_at, signals, attempts, worker_id, claimed_at, error FROM jobs
    WHERE state = 'dead' AND org_id = $1 AND kind = $2 AND key = $3
    LIMIT $4";

row! {
    struct OwedRow {
        consumer: String,
        key: String,
        seq: i64,
        state: String,
        attempts: i64,
        error: Option<String>,
        consumer_state: Option<String>,
        endpoint_state: Option<String>,
        failing_since: Option<i64>,
        retry_at: Option<i64>,
        disabled_at: Option<i64>,
    }
}

const OWED: &str = "
    SELECT effects.consumer AS consumer, effects.key AS key, effects.seq AS seq, effects.state AS state,
           effects.attempts AS attempts, effects.error AS error, consumers.state AS consumer_state, endpoints.state AS endpoint_state,
           endpoints.failing_since AS failing_since, endpoints.retry_at AS retry_at,
           endpoints.disabled_at AS disabled_at
    FROM effects
    LEFT JOIN consumers ON consumers.org_id = effects.org_id AND consumers.name = effects.consumer
    LEFT JOIN endpoints ON endpoints.org_id = effects.org_id AND endpoints.endpoint_id = effects.consumer
    WHERE effects.org_id = $1 AND effects.conversation_id = $2 AND effects.state <> 'done'
    ORDER BY effects.seq, effects.consumer LIMIT $3";

const WORKERS: &str = "SELECT COUNT(*) FROM workers WHERE lease_until > $1";
const CONNECTED: &str = "SELECT COUNT(*) FROM connections WHERE org_id = $1 AND state = 'active'";
const PAUSES: &str = "
    SELECT reason, until FROM pauses
    WHERE (org_id = 0 OR org_id = $1) AND (kind = '' OR kind = $2) AND (until IS NULL OR until > $3)
    ORDER BY org_id, kind";
/// Ledgers are in the SDK's words; of them only the end of a pause is read, and what is not as expected tells nothing.
const LEDGERS: &str = "SELECT ledger FROM budgets WHERE org_id = $1 ORDER BY lane";

/// Everything that waits for a subject.
pub(super) async fn read(db: &Db, subject: &Subject, now: Millis) -> Result<Vec<Pending>, StoreError> {
    let general = general(db, subject.org, now).await?;
    let mut pending = Vec::new();
    if let Some(conversation) = subject.conversation {
        let rows: Vec<WaitingEventRow> = on_db!(db, pool => sqlx::query_as(EVENTS)
            .bind(subject.org.0)
            .bind(conversation.0)
            .bind(PENDING_MAX)
            .fetch_all(pool)
            .await)?;
        pending.extend(rows.into_iter().map(|row| row.into_pending(&general)));
    }
    if let Some((kind, key)) = &subject.job {
        pending.extend(jobs(db, subject.org, (kind, key), &general, now).await?);
    }
    if let Some(conversation) = subject.conversation {
        let rows: Vec<OwedRow> = on_db!(db, pool => sqlx::query_as(OWED)
            .bind(subject.org.0)
            .bind(conversation.0)
            .bind(PENDING_MAX)
            .fetch_all(pool)
            .await)?;
        pending.extend(rows.into_iter().map(|row| row.into_pending(&general)));
    }
    Ok(pending)
}

/// An event that is about no conversation, if it waits.
pub(super) async fn event(
    db: &Db,
    org: OrgId,
    id: &EventId,
    now: Millis,
) -> Result<Option<Pending>, StoreError> {
    let row: Option<WaitingEventRow> = on_db!(db, pool => sqlx::query_as(EVENT)
        .bind(org.0)
        .bind(&id.0)
        .bind(1_i64)
        .fetch_optional(pool)
        .await)?;
    let general = general(db, org, now).await?;
    Ok(row.map(|row| row.into_pending(&general)))
}

/// What holds everything of an organization up.
struct General {
    no_worker: bool,
    not_connected: bool,
    budget_until: Option<i64>,
}

async fn general(db: &Db, org: OrgId, now: Millis) -> Result<General, StoreError> {
    let workers: i64 = on_db!(db, pool => sqlx::query_scalar(WORKERS).bind(now.0).fetch_one(pool).await)?;
    let connected: i64 = on_db!(db, pool => sqlx::query_scalar(CONNECTED).bind(org.0).fetch_one(pool).await)?;
    let ledgers: Vec<String> =
        on_db!(db, pool => sqlx::query_scalar(LEDGERS).bind(org.0).fetch_all(pool).await)?;
    let ends = ledgers.iter().filter_map(|ledger| paused_until(ledger));
    let budget_until = ends.filter(|until| *until > now.0).max();
    Ok(General { no_worker: workers == 0, not_connected: connected == 0, budget_until })
}

/// When the pause that Drift asked for ends, by a budget's ledger.
fn paused_until(ledger: &str) -> Option<i64> {
    let ledger: Value = serde_json::from_str(ledger).ok()?;
    let budget = ledger.get("budget")?;
    #[expect(clippy::cast_possible_truncation, reason = "milliseconds of a pause; the conversion saturates")]
    let paused_ms = budget.get("paused_until_ms")?.as_f64()? as i64;
    Some(budget.get("origin")?.as_i64()?.saturating_add(paused_ms))
}

async fn jobs(
    db: &Db,
    org: OrgId,
    (kind, key): (&str, &str),
    general: &General,
    now: Millis,
) -> Result<Vec<Pending>, StoreError> {
    let rows: Vec<JobRow> = on_db!(db, pool => sqlx::query_as(JOBS)
        .bind(org.0)
        .bind(kind)
        .bind(key)
        .bind(PENDING_MAX)
        .fetch_all(pool)
        .await)?;
    let pauses: Vec<(String, Option<i64>)> = on_db!(db, pool => sqlx::query_as(PAUSES)
        .bind(org.0)
        .bind(kind)
        .bind(now.0)
        .fetch_all(pool)
        .await)?;
    let running = rows.iter().any(|row| row.state == "running");
    let tell = |row: JobRow| {
        let why = match row.state.as_str() {
            "running" => vec![Why::Running {
                worker_id: row.worker_id.clone().unwrap_or_default(),
                since: row.claimed_at,
            }],
            "dead" => vec![Why::Dead],
            _ => waiting(&row, running, general, &pauses, now),
        };
        Pending { what: row.into_waiting(), why }
    };
    Ok(rows.into_iter().map(tell).collect())
}

/// Why a waiting job does not run: all that holds it, the longest first.
fn waiting(
    row: &JobRow,
    running: bool,
    general: &General,
    pauses: &[(String, Option<i64>)],
    now: Millis,
) -> Vec<Why> {
    let mut why = Vec::new();
    if general.no_worker {
        why.push(Why::NoWorker);
    }
    if general.not_connected {
        why.push(Why::NotConnected);
    }
    why.extend(pauses.iter().map(|(reason, until)| Why::Paused { reason: reason.clone(), until: *until }));
    why.extend(general.budget_until.map(|until| Why::Budget { until }));
    if row.due_at > now.0 {
        let due_at = row.due_at;
        why.push(if row.attempts > 0 { Why::Retrying { due_at } } else { Why::NotDue { due_at } });
    }
    if running {
        why.push(Why::OneAtATime);
    }
    why
}

impl JobRow {
    fn into_waiting(self) -> Waiting {
        Waiting::Job {
            job_id: self.job_id,
            kind: self.kind,
            key: self.key,
            state: self.state,
            due_at: self.due_at,
            signals: self.signals,
            attempts: self.attempts,
            error: self.error,
        }
    }
}

impl WaitingEventRow {
    fn into_pending(self, general: &General) -> Pending {
        let why = if general.no_worker { vec![Why::NoWorker] } else { Vec::new() };
        let Self { event_id, kind, received_at } = self;
        Pending { what: Waiting::Event { event_id, kind, received_at }, why }
    }
}

impl OwedRow {
    fn into_pending(self, general: &General) -> Pending {
        let mut why = Vec::new();
        if self.state == "failed" {
            why.push(Why::GivenUp);
        } else if general.no_worker {
            why.push(Why::NoWorker);
        }
        match self.endpoint_state.as_deref() {
            Some("disabled") => why.push(Why::EndpointDisabled { since: self.disabled_at }),
            _ if self.failing_since.is_some() => {
                why.push(Why::EndpointFailing { since: self.failing_since, retry_at: self.retry_at });
            }
            _ if self.consumer_state.as_deref() == Some("paused") => why.push(Why::ConsumerPaused),
            _ => {}
        }
        let Self { consumer, key, seq, attempts, error, .. } = self;
        Pending { what: Waiting::Effect { consumer, key, seq, attempts, error }, why }
    }
}

pub(super) const STATEMENTS: &[(&str, &str)] = &[
    ("explain::pending::EVENTS", EVENTS),
    ("explain::pending::EVENT", EVENT),
    ("explain::pending::JOBS", JOBS),
    ("explain::pending::OWED", OWED),
    ("explain::pending::WORKERS", WORKERS),
    ("explain::pending::CONNECTED", CONNECTED),
    ("explain::pending::PAUSES", PAUSES),
    ("explain::pending::LEDGERS", LEDGERS),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ledger_tells_when_its_pause_ends() {
        assert_eq!(paused_until(r#"{"budget":{"origin":1000,"paused_until_ms":500.5}}"#), Some(1_500));
        assert_eq!(paused_until("{}"), None);
        assert_eq!(paused_until(""), None);
    }
}

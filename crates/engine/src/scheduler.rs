//! The scheduler: enqueues jobs by cron.
//!
//! An expression is meant in a time zone: with daylight saving a daily job runs once a day, also on the day whose hour is
//! missing or comes twice. After a downtime a schedule that was missed, however often, runs once. The job is
//! enqueued in the transaction that moves the schedule on, so of several nodes one does it.

use std::str::FromStr as _;
use std::sync::Arc;

use croner::Cron;
use jiff::{Timestamp, Zoned, tz::TimeZone};
use model::{JobId, Millis, OrgId};
use store::queue::{self, NewJob};
use store::schedules::{self, Schedule};
use store::{StoreError, Tx};

use crate::job::Kind;
use crate::node::Node;

/// How long the scheduler sleeps at the most, in milliseconds: schedules that another process sets are seen then.
const SLEEP_MS_MAX: u64 = 10_000;

/// A schedule that cannot be set.
#[derive(Debug, thiserror::Error)]
pub enum ScheduleError {
    /// Not a cron expression.
    #[error("\"{0}\" is not a cron expression")]
    Cron(String),
    /// Not a time zone.
    #[error("\"{0}\" is not a time zone")]
    TimeZone(String),
    /// A cron expression that never comes, such as February 30th.
    #[error("\"{0}\" never comes")]
    Never(String),
    /// The store failed.
    #[error("the schedule could not be stored")]
    Store(#[from] StoreError),
}

impl ScheduleError {
    /// What a person can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::Cron(_) => "five fields: minute hour day month weekday, such as \"0 3 * * *\"",
            Self::TimeZone(_) => "an IANA name, such as UTC or Europe/Berlin",
            Self::Never(_) => "check day and month",
            Self::Store(error) => return error.hint(),
        })
    }
}

/// The first instant after `after` at which the expression comes.
///
/// # Errors
/// When the expression or the time zone is none, or nothing ever comes.
pub fn next_after(cron: &str, time_zone: &str, after: Millis) -> Result<Millis, ScheduleError> {
    let never = || ScheduleError::Never(cron.to_owned());
    let parsed = Cron::from_str(cron).map_err(|_| ScheduleError::Cron(cron.to_owned()))?;
    let zone = TimeZone::get(time_zone).map_err(|_| ScheduleError::TimeZone(time_zone.to_owned()))?;
    let after = Timestamp::from_millisecond(after.0).map_err(|_| never())?;
    let next: Zoned = parsed.find_next_occurrence(&after.to_zoned(zone), false).map_err(|_| never())?;
    Ok(Millis(next.timestamp().as_millisecond()))
}

/// Give an organization a job of a kind from time to time; the same words again change nothing. The job gets the payload
/// `{}` and an empty key: it works on its organization. Of a kind that there are several of, `set_keyed` sets one.
///
/// # Errors
/// When the expression or the time zone is none, or the store failed.
pub async fn set(
    tx: &mut Tx,
    (org, kind): (OrgId, &str),
    (cron, time_zone): (&str, &str),
    now: Millis,
) -> Result<(), ScheduleError> {
    set_keyed(tx, (org, kind, ""), (cron, time_zone), now).await
}

/// The same of one of several of a kind: its job gets the key, and the payload `{"key": …}`.
///
/// # Errors
/// Those of [`set`].
pub async fn set_keyed(
    tx: &mut Tx,
    (org, kind, key): (OrgId, &str, &str),
    (cron, time_zone): (&str, &str),
    now: Millis,
) -> Result<(), ScheduleError> {
    let schedule = Schedule {
        org,
        kind: kind.to_owned(),
        key: key.to_owned(),
        cron: cron.to_owned(),
        time_zone: time_zone.to_owned(),
        next_at: next_after(cron, time_zone, now)?,
        last_at: None,
    };
    Ok(schedules::set(tx, &schedule).await?)
}

/// A scheduler of a node; one in each node.
#[derive(Clone)]
pub struct Scheduler {
    node: Arc<Node>,
    registry: &'static [Kind],
}

impl Scheduler {
    /// A scheduler for these kinds.
    #[must_use]
    pub fn new(node: Arc<Node>, registry: &'static [Kind]) -> Self {
        Self { node, registry }
    }

    /// Enqueue what is due and write down the calls that were counted, until the node is asked to stop. Failures of the store
    /// are waited out.
    pub async fn run(&self) {
        let mut stop = self.node.stop.clone();
        while !stop.is_set() {
            if let Err(error) = self.step().await {
                tracing::warn!(error = %error, "The scheduler waits for the store");
            }
            // The calls counted since the last turn; those that cannot be written are kept for the next.
            if let Err(error) = self.node.clients.book().flush(&self.node.db, self.node.clock.now()).await {
                tracing::warn!(error = %error, "Counted calls wait for the store");
            }
            let next = schedules::next(&self.node.db).await.unwrap_or_default();
            let until = next.map_or(SLEEP_MS_MAX, |next| {
                u64::try_from(next.since(self.node.clock.now())).unwrap_or_default()
            });
            tokio::select! {
                () = stop.wait() => {}
                () = self.node.clock.sleep(until.clamp(100, SLEEP_MS_MAX)) => {}
            }
        }
    }

    /// Enqueue what is due now; answers how many schedules there were.
    ///
    /// # Errors
    /// The store's error.
    pub async fn step(&self) -> Result<usize, StoreError> {
        let now = self.node.clock.now();
        let due = schedules::due(&self.node.db, now).await?;
        let mut enqueued = 0;
        for schedule in &due {
            enqueued += usize::from(self.enqueue(schedule, now).await?);
        }
        Ok(enqueued)
    }

    async fn enqueue(&self, schedule: &Schedule, now: Millis) -> Result<bool, StoreError> {
        let Some(kind) = self.registry.iter().find(|kind| kind.name == schedule.kind) else {
            return Ok(false);
        };
        let next_at = match next_after(&schedule.cron, &schedule.time_zone, now) {
            Ok(next_at) => next_at,
            Err(error) => {
                tracing::error!(org.id = %schedule.org, job.kind = kind.name, error = %error, "A stored schedule is void");
                return Ok(false);
            }
        };
        let job = NewJob {
            job_id: JobId::new(self.node.clock.as_ref(), self.node.entropy.as_ref()),
            kind: schedule.kind.clone(),
            org: schedule.org,
            key: schedule.key.clone(),
            priority: kind.priority,
            due_at: now,
            payload: schedules::payload(&schedule.key),
            signals: 1,
            trace: None,
        };
        let mut tx = self.node.db.begin().await?;
        let ours = schedules::advance(&mut tx, schedule, next_at, now).await?;
        if ours {
            queue::enqueue(&mut tx, &[job], now).await?;
        }
        tx.commit().await?;
        Ok(ours)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(cron: &str, zone: &str, after: &str, expected: &str) {
        let after: Timestamp = after.parse().unwrap();
        let next = next_after(cron, zone, Millis(after.as_millisecond())).unwrap();
        assert_eq!(Timestamp::from_millisecond(next.0).unwrap().to_string(), expected, "{cron} {zone}");
    }

    #[test]
    fn a_daily_job_comes_once_a_day_whatever_the_clocks_do() {
        check("0 * * * *", "UTC", "2026-11-01T00:00:00Z", "2026-11-01T01:00:00Z");
        check("30 2 * * *", "Europe/Berlin", "2026-03-28T02:00:00Z", "2026-03-29T01:00:00Z");
        check("30 2 * * *", "Europe/Berlin", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z");
        check("30 2 * * *", "Europe/Berlin", "2026-10-24T23:00:00Z", "2026-10-25T00:30:00Z");
        check("30 2 * * *", "Europe/Berlin", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z");
        check("0 9 * * MON", "America/New_York", "2026-07-03T00:00:00Z", "2026-07-06T13:00:00Z");
    }

    #[test]
    fn what_is_no_schedule_is_refused() {
        let next = |cron, zone| next_after(cron, zone, Millis(0));
        assert!(matches!(next("every day", "UTC"), Err(ScheduleError::Cron(_))));
        assert!(matches!(next("0 3 * * *", "Mars/Olympus"), Err(ScheduleError::TimeZone(_))));
        assert!(matches!(next("0 0 30 2 *", "UTC"), Err(ScheduleError::Never(_))));
    }
}

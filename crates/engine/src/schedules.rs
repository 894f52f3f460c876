//! What every connected organization gets from time to time, unless somebody sets it otherwise.
//!
//! The minute is the organization's own, so that many of them do not all begin at once.

use model::{Millis, OrgId};
use store::Tx;
use store::connections::Connection;
use store::schedules;

use crate::job::Job as _;
use crate::jobs::{Compare, EndUnused, Prune, RefreshMeetings, Sweep, WatchVendor};
use crate::scheduler::{self, ScheduleError};

/// The time zone that the default schedules are meant in.
pub const TIME_ZONE: &str = "UTC";

/// When connections are looked through for those that nobody uses.
const UNUSED_CRON: &str = "17 6 * * *";

/// A kind of job and when it comes, as a cron expression.
pub type Planned = (&'static str, String);

/// The default schedules of an organization.
#[must_use]
pub fn defaults(org: OrgId) -> [Planned; 5] {
    let minute = org.0.rem_euclid(60);
    [
        (Sweep::KIND, format!("{minute} * * * *")),
        (Compare::KIND, format!("{minute} 2 * * *")),
        (RefreshMeetings::KIND, format!("{minute} 3 * * *")),
        (WatchVendor::KIND, format!("{minute} 4 * * *")),
        (Prune::KIND, format!("{minute} 5 * * *")),
    ]
}

/// Set the default schedules of a connection, where it has none of the kind; take them all away from one that was given
/// up. Safe to repeat at every start.
///
/// # Errors
/// When the store fails.
pub async fn schedules_for(tx: &mut Tx, connection: &Connection, now: Millis) -> Result<(), ScheduleError> {
    let org = connection.org_id;
    for (kind, cron) in defaults(org) {
        if connection.state.is_given_up() {
            schedules::remove(tx, org, (kind, "")).await?;
        } else if !schedules::is_set(tx, org, kind).await? {
            scheduler::set(tx, (org, kind), (&cron, TIME_ZONE), now).await?;
        }
    }
    Ok(())
}

/// Set the schedule of what is done for all connections together, unless it is set. It belongs to no organization.
///
/// # Errors
/// When the store fails.
pub async fn schedule_common(tx: &mut Tx, now: Millis) -> Result<(), ScheduleError> {
    let nobody = OrgId(0);
    if !schedules::is_set(tx, nobody, EndUnused::KIND).await? {
        scheduler::set(tx, (nobody, EndUnused::KIND), (UNUSED_CRON, TIME_ZONE), now).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_comes_within_a_day() {
        let now = Millis(1_785_000_000_000);
        for (kind, cron) in defaults(OrgId(4242)) {
            let next = scheduler::next_after(&cron, TIME_ZONE, now).unwrap();
            assert!(next.since(now) <= 24 * 60 * 60 * 1_000, "{kind}");
            assert!(crate::jobs::REGISTRY.iter().any(|known| known.name == kind), "{kind}");
        }
    }
}

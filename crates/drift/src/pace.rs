//! The budget of calls: who may send, and when.
//!
//! Drift allows each organization a number of calls a minute, which it does not publish. So a budget is assumed,
//! spent evenly, and corrected by what answers teach. Slots go to the most urgent waiter, first come first served
//! among equals, so a backfill uses what is left, all of it, and nobody waits behind it.
//!
//! `budget` is a state machine over instants and events, without a clock of its own; `queue` lets callers
//! wait for it. One [`Pace`] serves one organization and is shared by all who call for it. Where several processes
//! call, the state machine lies with an [`Allowance`], and each `hand` holds the slots its process drew.

mod allowance;
mod budget;
mod clerk;
mod hand;
mod learned;
mod ledger;
mod minute;
mod queue;
#[cfg(test)]
mod sharing;
#[cfg(test)]
mod simulation;
mod window;

use std::fmt;
use std::sync::Arc;

use model::{Clock, Entropy, Millis};

pub use allowance::{Allowance, AllowanceError, Kept, Lane};
pub(crate) use budget::RETRY_AFTER_MS_MAX;
pub(crate) use queue::{Slot, Ticket};

use crate::{Config, RateHeaders};
use clerk::{Clerk, Desk};
use queue::Queue;

/// How urgent a call is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Priority {
    /// Something happens right now: a webhook told of it.
    Live,
    /// A person asked for it.
    #[default]
    Asked,
    /// A regular look at what changed lately.
    Sweep,
    /// Reading everything, with whatever is left of the budget.
    Backfill,
}

impl Priority {
    /// All, the most urgent first.
    pub const ALL: [Self; 4] = [Self::Live, Self::Asked, Self::Sweep, Self::Backfill];

    /// A short name, for logs and tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Asked => "asked",
            Self::Sweep => "sweep",
            Self::Backfill => "backfill",
        }
    }
}

/// One organization's budget, shared by everyone who calls for it.
pub struct Pace {
    all: Arc<Queue>,
    reports: Arc<Queue>,
    entropy: Arc<dyn Entropy>,
    _clerks: Vec<Clerk>,
}

/// What the budget looks like now. Where it is shared, counts are those of this process.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PaceSnapshot {
    /// Calls a minute at which slots are given; `None` without a limit.
    pub per_minute: Option<f64>,
    /// Slots given within the last minute.
    pub used_last_minute: u32,
    /// Callers that wait for a slot.
    pub waiting: usize,
    /// Answers with status 429 so far.
    pub refused_429: u64,
    /// Until when nobody may send, after a 429; `None` when somebody may.
    pub paused_until: Option<Millis>,
}

impl Pace {
    /// A budget as configured.
    #[must_use]
    pub fn new(config: &Config, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Arc<Self> {
        Arc::new(Self {
            all: Arc::new(Queue::own(config.per_minute, Arc::clone(&clock))),
            reports: Arc::new(Queue::own(config.reports_per_minute, clock)),
            entropy,
            _clerks: Vec::new(),
        })
    }

    /// A budget that is kept together with other processes. One without a limit is this process's own. Call it within
    /// a tokio runtime: slots are drawn by a task, which ends with the budget.
    #[must_use]
    pub fn shared(
        config: &Config,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        allowance: Arc<dyn Allowance>,
    ) -> Arc<Self> {
        let mut clerks = Vec::new();
        let mut queue = |lane, per_minute: Option<u32>| {
            let Some(per_minute) = per_minute else { return Arc::new(Queue::own(None, Arc::clone(&clock))) };
            let queue = Arc::new(Queue::shared(per_minute, Arc::clone(&clock)));
            let (allowance, entropy) = (Arc::clone(&allowance), Arc::clone(&entropy));
            clerks.push(Desk { queue: Arc::clone(&queue), lane, allowance, entropy }.open());
            queue
        };
        let all = queue(Lane::All, config.per_minute);
        let reports = queue(Lane::Reports, config.reports_per_minute);
        Arc::new(Self { all, reports, entropy, _clerks: clerks })
    }

    /// What the budget for all calls looks like now.
    #[must_use]
    pub fn snapshot(&self) -> PaceSnapshot {
        self.all.snapshot()
    }

    /// What the reports' own budget looks like now; reports draw from both.
    #[must_use]
    pub fn reports_snapshot(&self) -> PaceSnapshot {
        self.reports.snapshot()
    }

    /// A place in the order of callers, kept over a call's attempts so that a refused call does not start over.
    pub(crate) fn ticket(&self) -> Ticket {
        self.all.ticket()
    }

    /// Wait for a slot of the budget for all calls.
    pub(crate) async fn slot(&self, priority: Priority, ticket: Ticket) -> Slot<'_> {
        self.all.slot(priority, ticket).await
    }

    /// Wait for a slot of the reports' own budget.
    pub(crate) async fn report_slot(&self, priority: Priority, ticket: Ticket) -> Slot<'_> {
        self.reports.slot(priority, ticket).await
    }

    /// The service answered with status 429: everyone waits until it may be tried again.
    pub(crate) fn refused(&self, slot: Slot<'_>, rate: &RateHeaders) {
        slot.refused(rate, self.entropy.below(1000));
    }
}

impl fmt::Debug for Pace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pace").field("all", &self.snapshot()).finish_non_exhaustive()
    }
}

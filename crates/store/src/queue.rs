//! The queue: durable jobs, claimed under a lease.
//!
//! A job is *waiting*, *running* or *dead*; one that is completed is gone, and what remains is its line in `job_runs`. Of
//! one key (organization, kind, key) at most one job waits and at most one runs: a signal for a key whose job waits folds
//! into it, and a waiting job is not claimed while another of its key runs. That gives order per conversation and
//! runs everything else side by side.
//!
//! Claims are fair. The waiting jobs lie in lanes (priority, organization, kind), each ordered by due time in one index; a
//! claim steps over the lanes' heads, a seek each, and takes round-robin shares. So a flood in one lane
//! costs another nothing, and a claim costs the same with 200,000 waiting jobs as with 200: about
//! (lanes + jobs taken × 5 index entries) × a few microseconds, and one commit. The commit is what limits it, so jobs
//! are claimed and completed many to a transaction.
//!
//! Leases lie in the worker's row, not in the job's: one small update every two seconds keeps all jobs of a worker, however
//! many and however long. A job is held while its `worker_id` and `lease_number` are the claim's and that worker's
//! row lives ([`crate::workers`]).

mod cancel;
mod counts;
mod dead;
mod enqueue;
mod fold;
mod history;
mod lanes;
mod list;
mod settle;
mod shares;
mod turn;

use model::{JobId, Millis, OrgId, WorkerId};

pub use cancel::WITHOUT_PROVIDER;
pub(crate) use cancel::cancel_asking;
pub use counts::{Count, counts};
pub use dead::{DeadLetter, DeadSelection, dead_letters, replay_dead};
pub use enqueue::{Enqueued, NewJob, enqueue};
pub use history::{Run, prune, runs_of_key};
pub use lanes::next_due;
pub use list::{JobState, LIST_MAX, ListedJob, Which, count, discard_dead, list};
pub use settle::{Failure, bury, complete, hand_back, retry};
pub use turn::{Claim, Claimed, Done, Turn, Turned, claim, turn};

pub(crate) use settle::take_over;
pub(crate) use turn::{POSTGRES, SQLITE};

/// Priorities, the most urgent first; a smaller number goes first.
pub mod priority {
    /// What a webhook said.
    pub const LIVE: i64 = 0;
    /// What a person asked for.
    pub const ASKED: i64 = 1;
    /// What a sweep found.
    pub const SWEEP: i64 = 2;
    /// What fills the past.
    pub const BACKFILL: i64 = 3;
    /// All of them, in order.
    pub const ALL: [i64; 4] = [LIVE, ASKED, SWEEP, BACKFILL];
}

/// A job that a worker holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedJob {
    /// Its id.
    pub job_id: JobId,
    /// Whose data it works on.
    pub org: OrgId,
    /// What is done.
    pub kind: String,
    /// What it is done to; one runs at a time.
    pub key: String,
    /// Its priority.
    pub priority: i64,
    /// Where to look, as JSON in the kind's shape.
    pub payload: String,
    /// When it was to run.
    pub due_at: Millis,
    /// When the first signal came.
    pub enqueued_at: Millis,
    /// When the last signal came.
    pub signalled_at: Millis,
    /// How many signals it stands for.
    pub signals: i64,
    /// Which attempt this is, from 1.
    pub attempt: i64,
    /// Which claim of the job this is: the fence.
    pub lease_number: i64,
    /// Who holds it.
    pub worker: WorkerId,
    /// Since when.
    pub claimed_at: Millis,
    /// The trace of the last signal that had one.
    pub trace: Option<String>,
}

row! {
    /// A row of `jobs`, as far as claims and settlements need it.
    #[derive(Debug, Clone)]
    pub(crate) struct JobRow {
        pub(crate) job_id: String,
        pub(crate) org_id: i64,
        pub(crate) kind: String,
        pub(crate) key: String,
        pub(crate) priority: i64,
        pub(crate) payload: String,
        pub(crate) due_at: i64,
        pub(crate) enqueued_at: i64,
        pub(crate) signalled_at: i64,
        pub(crate) signals: i64,
        pub(crate) attempts: i64,
        pub(crate) lease_number: i64,
        pub(crate) worker_id: Option<String>,
        pub(crate) claimed_at: Option<i64>,
        pub(crate) trace: Option<String>,
    }
}

impl JobRow {
    pub(crate) fn into_claimed(self) -> ClaimedJob {
        ClaimedJob {
            job_id: JobId(self.job_id),
            org: OrgId(self.org_id),
            kind: self.kind,
            key: self.key,
            priority: self.priority,
            payload: self.payload,
            due_at: Millis(self.due_at),
            enqueued_at: Millis(self.enqueued_at),
            signalled_at: Millis(self.signalled_at),
            signals: self.signals,
            attempt: self.attempts,
            lease_number: self.lease_number,
            worker: WorkerId(self.worker_id.unwrap_or_default()),
            claimed_at: Millis(self.claimed_at.unwrap_or_default()),
            trace: self.trace,
        }
    }
}

pub(crate) const STATEMENTS: &[&[(&str, &str)]] = &[
    cancel::STATEMENTS,
    counts::STATEMENTS,
    dead::STATEMENTS,
    fold::STATEMENTS,
    history::STATEMENTS,
    list::STATEMENTS,
    settle::STATEMENTS,
    turn::STATEMENTS,
];
pub(crate) const PAIRS: &[&[(&str, &crate::mirror::state::Pair)]] =
    &[dead::PAIRS, history::PAIRS, lanes::PAIRS, settle::PAIRS];
pub(crate) const BULK: &[(&str, &crate::bulk::Texts)] =
    &[("queue::enqueue::INSERT", &enqueue::INSERT), ("queue::history::INSERT", &history::INSERT)];

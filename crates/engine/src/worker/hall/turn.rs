//! A turn: one transaction that settles what has ended and claims what is next.
//!
//! Whoever floods the queue makes many jobs end, and settling them takes longer than claiming one for somebody else. So a turn to which
//! somebody has called claims only, for the slots that are free, and what has ended is settled by the next one.

use std::collections::HashSet;

use futures_util::FutureExt as _;
use model::JobId;
use store::queue::{self, Claim, Claimed, ClaimedJob};
use store::{StoreError, Tx};

use super::plan::{Load, Plan};
use super::{Hall, LOOK_BACK_MS, SETTLE_MS, TURN_MAX, bell};
use crate::worker::settle::settle;

/// What a turn found.
pub(super) struct Turn {
    /// Whether all that was asked for was had, so that there may be more.
    pub(super) more: bool,
}

impl Hall {
    fn load(&self) -> Load {
        Load { running: self.running.len(), in_hand: self.in_hand(), ended: self.ended }
    }

    /// How many more may be held.
    pub(super) fn room(&self) -> usize {
        self.load().room(&self.node.limits)
    }

    /// Whether what has ended is to be settled now: when nothing is left to start, or much has ended, or some time ago.
    pub(super) fn is_turn_due(&self) -> bool {
        self.ended > 0 && (self.ready.len() == 0 || self.ended >= TURN_MAX || self.is_late())
    }

    fn is_late(&self) -> bool {
        self.node.clock.now() >= self.ended_at.plus(SETTLE_MS)
    }

    /// Take a turn; somebody may have called.
    pub(super) async fn turn(&mut self, is_called: bool) -> Result<Turn, StoreError> {
        self.settle_failed().await?;
        let mut tx = self.node.db.begin().await?;
        // Or has called since, while this waited for others to write. Whoever calls from now on calls for the next turn.
        let is_called = is_called || (&mut self.rung).now_or_never().is_some();
        self.rung = bell(&self.node);
        let Plan { hurries, limit, per_org_max } =
            Plan::of(&self.node.limits, self.load(), is_called, self.is_late());
        let completed = if hurries { 0 } else { self.owed.len() };
        let now = self.node.clock.now();
        let lost = queue::complete_many(&mut tx, &self.done(completed), now).await?.len();
        let looks_back = now >= self.look_back_at;
        let unknown = if looks_back { self.unknown(&mut tx).await? } else { Vec::new() };
        let mut held = self.running_of.clone();
        self.ready.count(&mut held);
        let (worker, kinds, held) = (&self.worker, &self.kinds, &held);
        let ask = Claim { worker, limit, kinds, per_org_max, held, after: self.after };
        let nothing = Claimed { jobs: Vec::new(), next_due: None };
        let claimed = if limit > 0 { queue::claim(&mut tx, &ask, now).await? } else { nothing };
        tx.commit().await?;
        if looks_back {
            self.look_back_at = now.plus(LOOK_BACK_MS);
        }
        if !hurries {
            self.ended = 0;
        }
        self.forget(completed, lost);
        let more = claimed.jobs.len() == limit;
        self.keep(claimed, unknown);
        Ok(Turn { more })
    }

    /// The first of those that are owed, each with its outcome.
    fn done(&self, count: usize) -> Vec<(&ClaimedJob, &str)> {
        self.owed[..count].iter().map(|(_, job, outcome)| (job.as_ref(), outcome.as_str())).collect()
    }

    /// What was owed has been completed.
    fn forget(&mut self, completed: usize, lost: usize) {
        if lost > 0 {
            tracing::warn!(jobs = lost, "Jobs were taken over before they could be completed");
        }
        for (kind, ..) in self.owed.drain(..completed) {
            self.node.metrics.queue_jobs_completed.of(kind.name).inc();
        }
    }

    fn keep(&mut self, claimed: Claimed, unknown: Vec<ClaimedJob>) {
        self.next_due = claimed.next_due;
        self.after = claimed.jobs.last().map_or(self.after, |job| job.org);
        self.ready.extend(claimed.jobs);
        if !unknown.is_empty() {
            tracing::warn!(
                jobs = unknown.len(),
                "Jobs were claimed by a turn whose end was not heard; they run now"
            );
        }
        self.ready.extend(unknown);
    }

    /// Jobs that the store has as held here and that are not known here. Asked after what has ended was completed.
    async fn unknown(&self, tx: &mut Tx) -> Result<Vec<ClaimedJob>, StoreError> {
        let mut held = queue::held(tx, &self.worker).await?;
        let started =
            self.running.values().map(|(_, job)| job).chain(self.owed.iter().map(|(_, job, _)| job));
        let started: HashSet<&JobId> = started.map(|job| &job.job_id).collect();
        held.retain(|job| !started.contains(&job.job_id) && !self.ready.contains(job));
        Ok(held)
    }

    pub(super) async fn settle_failed(&mut self) -> Result<(), StoreError> {
        while let Some(failed) = self.failed.last() {
            settle(&self.node, failed).await?;
            self.failed.pop();
        }
        Ok(())
    }

    /// Settle what has ended, and claim nothing.
    pub(super) async fn complete(&mut self) -> Result<(), StoreError> {
        if self.owed.is_empty() {
            return Ok(());
        }
        let mut tx = self.node.db.begin().await?;
        let lost =
            queue::complete_many(&mut tx, &self.done(self.owed.len()), self.node.clock.now()).await?.len();
        tx.commit().await?;
        self.forget(self.owed.len(), lost);
        Ok(())
    }
}

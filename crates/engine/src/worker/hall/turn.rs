//! A turn: one transaction that settles what has ended and claims what is next.
//!
//! Whoever floods the queue makes many jobs end, and settling them takes longer than claiming one for somebody else. So a turn to which
//! somebody has called only claims, a few jobs for slots that are free, and what has ended is settled by the next one.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use model::{JobId, Millis, OrgId};
use store::StoreError;
use store::queue::{self, Claim, Claimed, ClaimedJob, Done};
use store::wake::Bell;

use super::plan::{Load, Plan};
use super::{Hall, LATE_MS, LOOK_BACK_MS, SETTLE_MS, TURN_MAX};
use crate::job::Kind;
use crate::node::Node;
use crate::worker::settle::settle;

/// What a turn found.
pub(super) struct Turn {
    /// Whether all that was asked for was had, so that there may be more.
    pub(super) more: bool,
}

/// A turn that is waited for.
struct Asking {
    node: Arc<Node>,
    bell: Bell,
    is_called: bool,
    load: Load,
    /// From when on it settles what has ended, whoever has called.
    late_at: Millis,
    done: Vec<Done>,
    look_back_at: Millis,
    claim: Claim,
}

/// What it then did.
struct Asked {
    bell: Bell,
    plan: Plan,
    completed: usize,
    looked_back_at: Option<Millis>,
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
        let due_at = self.ended_at.plus(SETTLE_MS);
        self.ended > 0 && (self.ready.len() == 0 || self.ended >= TURN_MAX || self.node.clock.now() >= due_at)
    }

    /// Take a turn; somebody may have called.
    pub(super) async fn turn(&mut self, is_called: bool) -> Result<Turn, StoreError> {
        self.settle_failed().await?;
        let asking = self.asking(is_called);
        let (turned, Asked { bell, plan, completed, looked_back_at }) =
            queue::turn(&self.node.db, move || asking.decide()).await?;
        self.bell = bell;
        let unknown = if let Some(at) = looked_back_at {
            self.look_back_at = at.plus(LOOK_BACK_MS);
            self.unknown(turned.held)
        } else {
            Vec::new()
        };
        if !plan.hurries {
            self.ended = 0;
        }
        self.forget(completed, &turned.lost);
        let more = turned.claimed.jobs.len() == plan.limit;
        self.keep(turned.claimed, unknown);
        Ok(Turn { more })
    }

    fn asking(&self, is_called: bool) -> Asking {
        let mut held = self.running_of.clone();
        self.ready.count(&mut held);
        Asking {
            node: Arc::clone(&self.node),
            bell: self.bell.clone(),
            is_called,
            load: self.load(),
            late_at: self.ended_at.plus(LATE_MS),
            done: self.done(),
            look_back_at: self.look_back_at,
            claim: self.claims_nothing(held),
        }
    }

    fn claims_nothing(&self, held: BTreeMap<OrgId, usize>) -> Claim {
        let (worker, kinds) = (self.worker.clone(), Arc::clone(&self.kinds));
        Claim { worker, limit: 0, kinds, per_org_max: 0, held, after: self.after }
    }

    /// What is owed, each with its outcome.
    fn done(&self) -> Vec<Done> {
        let done = |(_, job, outcome): &(Kind, Arc<ClaimedJob>, String)| Done {
            job: Arc::clone(job),
            outcome: outcome.clone(),
        };
        self.owed.iter().map(done).collect()
    }

    /// What was owed has been completed.
    fn forget(&mut self, completed: usize, lost: &[JobId]) {
        if !lost.is_empty() {
            tracing::warn!(
                jobs = lost.len(),
                "Jobs were no longer held when they were completed: taken over, or completed by a turn whose end was not heard"
            );
        }
        for (kind, job, _) in self.owed.drain(..completed) {
            if !lost.contains(&job.job_id) {
                self.node.metrics.queue_jobs_completed.of(kind.name).inc();
            }
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

    /// Those of the jobs that the store has as held here that are not known here.
    fn unknown(&self, mut held: Vec<ClaimedJob>) -> Vec<ClaimedJob> {
        let started =
            self.running.values().map(|(_, job)| job).chain(self.owed.iter().map(|(_, job, _)| job));
        let started: HashSet<&JobId> = started.map(|job| &job.job_id).collect();
        held.retain(|job| !started.contains(&job.job_id) && !self.ready.contains(job));
        held
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
        let (now, done, claim) = (self.node.clock.now(), self.done(), self.claims_nothing(BTreeMap::new()));
        if done.is_empty() {
            return Ok(());
        }
        let plan = move || (queue::Turn { now, done, looks_back: false, claim }, ());
        let (turned, ()) = queue::turn(&self.node.db, plan).await?;
        self.forget(self.owed.len(), &turned.lost);
        Ok(())
    }
}

impl Asking {
    /// What the turn does, now that others who write have been waited for.
    fn decide(mut self) -> (queue::Turn, Asked) {
        let now = self.node.clock.now();
        // Or somebody has called meanwhile. Whoever calls from now on calls for the next turn.
        let is_called = self.bell.has_rung() || self.is_called;
        let plan = Plan::of(&self.node.limits, self.load, is_called, now >= self.late_at);
        let Plan { hurries, limit, per_org_max } = plan;
        let done = if hurries { Vec::new() } else { self.done };
        let looks_back = now >= self.look_back_at;
        let asked =
            Asked { bell: self.bell, plan, completed: done.len(), looked_back_at: looks_back.then_some(now) };
        (queue::Turn { now, done, looks_back, claim: Claim { limit, per_org_max, ..self.claim } }, asked)
    }
}

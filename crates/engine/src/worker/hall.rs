//! The jobs a worker holds: those that run, those that are next, and those that have ended and are not yet settled.

mod plan;
mod turn;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use model::{Millis, OrgId, WorkerId};
use store::StoreError;
use store::queue::{self, ClaimedJob};
use store::wake::{Bell, Channel};
use tokio::task::{Id, JoinError, JoinSet};

use super::execute::{Ending, execute, unanswered};
use super::lease::Lease;
use super::ready::Ready;
use super::settle::Failed;
use super::{IN_HAND_MAX, PAUSE_MS, PAUSE_MS_MAX, in_time};
use crate::job::Kind;
use crate::node::Node;
use turn::Turn;

/// Ended runs settled in one turn; more wait for the next.
const TURN_MAX: usize = IN_HAND_MAX / 2;
/// How long what has ended may lie unsettled while there is more to start, in milliseconds. Short jobs that end one by one share a
/// turn so: each turn costs a commit, for which everybody else who writes waits on SQLite.
const SETTLE_MS: i64 = 4;
/// From when on it does so even if somebody has called, in milliseconds.
const LATE_MS: i64 = 2 * SETTLE_MS;
/// How often it is looked whether the store has more jobs as held here than are known here, in milliseconds. After a turn that
/// failed it is looked at once: its commit may have been made, and only the answer was lost.
const LOOK_BACK_MS: i64 = 10_000;
/// How long a turn is waited for, in milliseconds. A connection over which nothing is heard any more does not tell so for minutes, and
/// on SQLite all that is needed is that another who writes takes long.
const TURN_MS: u64 = 60_000;

/// Why the hall was closed.
pub(super) enum Closed {
    /// The node was asked to stop.
    Stopped,
    /// The lease is gone: nothing that is held may be completed.
    LeaseLost,
}

type Joined = Result<(Id, Ending), JoinError>;

pub(super) struct Hall {
    node: Arc<Node>,
    registry: &'static [Kind],
    kinds: Arc<[&'static str]>,
    worker: WorkerId,
    tasks: JoinSet<Ending>,
    running: HashMap<Id, (Kind, Arc<ClaimedJob>)>,
    running_of: BTreeMap<OrgId, usize>,
    ready: Ready,
    owed: Vec<(Kind, Arc<ClaimedJob>, String)>,
    failed: Vec<Failed>,
    /// It rings when somebody has put jobs on the queue that are due.
    bell: Bell,
    /// The organization that was served last.
    after: OrgId,
    /// Runs that ended since the last turn, and when the first of them did.
    ended: usize,
    ended_at: Millis,
    /// When the first job becomes due of those that were not at the last turn.
    next_due: Option<Millis>,
    /// When it is next looked at what the store has as held here.
    look_back_at: Millis,
}

impl Hall {
    pub(super) fn new(node: Arc<Node>, registry: &'static [Kind], worker: WorkerId) -> Self {
        let now = node.clock.now();
        Self {
            look_back_at: now.plus(LOOK_BACK_MS),
            bell: node.db.bell(Channel::Jobs),
            node,
            registry,
            kinds: registry.iter().map(|kind| kind.name).collect(),
            worker,
            tasks: JoinSet::new(),
            running: HashMap::new(),
            running_of: BTreeMap::new(),
            ready: Ready::default(),
            owed: Vec::new(),
            failed: Vec::new(),
            after: OrgId(i64::MIN),
            ended: 0,
            ended_at: now,
            next_due: None,
        }
    }

    /// Take turns until the node is asked to stop or the lease is lost.
    pub(super) async fn serve(&mut self, lease: &Lease) -> Closed {
        let mut stop = self.node.stop.clone();
        let (mut look, mut is_called, mut pause_ms, mut noted) = (true, false, PAUSE_MS, 0);
        loop {
            if stop.is_set() {
                return Closed::Stopped;
            }
            if lease.is_lost() {
                return Closed::LeaseLost;
            }
            let ended = self.collect() + std::mem::take(&mut noted);
            self.start();
            if ended > 0 && self.ended < TURN_MAX {
                // Jobs that do next to nothing: let those that were started end before the next turn.
                tokio::task::yield_now().await;
                continue;
            }
            if look || is_called || self.is_turn_due() {
                let turn = tokio::select! {
                    turn = self.turn_in_time(std::mem::take(&mut is_called)) => turn,
                    () = lease.lost() => return Closed::LeaseLost,
                };
                match turn {
                    Ok(Turn { more }) => {
                        self.start();
                        (look, pause_ms) = (more && self.room() > 0, PAUSE_MS);
                        if look {
                            continue;
                        }
                    }
                    Err(StoreError::LeaseLost) => return Closed::LeaseLost,
                    Err(error) => {
                        tracing::warn!(error = %error, "A turn of the queue failed; it is taken again");
                        self.look_back_at = self.node.clock.now();
                        look = true;
                        self.node.clock.sleep(pause_ms).await;
                        pause_ms = (pause_ms * 2).min(PAUSE_MS_MAX);
                        continue;
                    }
                }
            }
            let (has_room, wait_ms) = (self.room() > 0, self.wait_ms());
            tokio::select! {
                () = stop.wait() => {}
                () = lease.lost() => {}
                Some(joined) = self.tasks.join_next_with_id() => {
                    self.note(joined);
                    noted = 1;
                }
                () = self.bell.rung(), if has_room => is_called = true,
                () = self.node.clock.sleep(wait_ms) => look = true,
            }
        }
    }

    /// A turn that was waited for in vain is one whose commit may have been made.
    async fn turn_in_time(&mut self, is_called: bool) -> Result<Turn, StoreError> {
        let node = Arc::clone(&self.node);
        in_time(&node, TURN_MS, self.turn(is_called)).await
    }

    /// One round of a step: claim what is due, run it to its end, settle it. Answers how many runs there were.
    pub(super) async fn round(&mut self) -> Result<usize, StoreError> {
        let before = self.in_hand();
        self.turn(false).await?;
        let claimed = self.in_hand() - before;
        while self.in_hand() > 0 {
            self.start();
            if let Some(joined) = self.tasks.join_next_with_id().await {
                self.note(joined);
            }
        }
        self.settle_failed().await?;
        self.complete().await?;
        Ok(claimed)
    }

    /// Milliseconds until the next turn, if nothing happens before.
    fn wait_ms(&self) -> u64 {
        let now = self.node.clock.now();
        let due = self.next_due.filter(|_| self.room() > 0);
        let settled = (self.ended > 0).then(|| self.ended_at.plus(SETTLE_MS));
        let until = |at: Millis| at.since(now).max(0).unsigned_abs();
        due.into_iter().chain(settled).map(until).fold(self.node.limits.poll_ms, u64::min)
    }

    fn in_hand(&self) -> usize {
        self.ready.len() + self.running.len()
    }

    /// Start what is next while there is room.
    fn start(&mut self) {
        let limits = self.node.limits;
        while self.running.len() < limits.concurrency {
            let Some(job) = self.ready.next(&self.running_of, limits.per_org) else { break };
            let found = self.registry.iter().find(|kind| kind.name == job.kind);
            let kind = *found.expect("only kinds of the registry are claimed");
            let metrics = &self.node.metrics;
            metrics.queue_jobs_claimed.of(kind.name).inc();
            let age_ms = self.node.clock.now().since(job.due_at).max(0);
            metrics.queue_start_age_seconds.of(kind.name).observe(age_ms as f64 / 1_000.0);
            *self.running_of.entry(job.org).or_default() += 1;
            let job = Arc::new(job);
            let task = self.tasks.spawn(execute(Arc::clone(&self.node), kind, Arc::clone(&job)));
            self.running.insert(task.id(), (kind, job));
        }
    }

    /// Take note of every run that has ended; answers how many.
    fn collect(&mut self) -> usize {
        let mut ended = 0;
        while let Some(joined) = self.tasks.try_join_next_with_id() {
            self.note(joined);
            ended += 1;
        }
        ended
    }

    fn note(&mut self, joined: Joined) {
        let (id, ending) = match joined {
            Ok(joined) => joined,
            Err(error) => (error.id(), unanswered(&error)),
        };
        let (kind, job) = self.running.remove(&id).expect("every task's job is known");
        if self.ended == 0 {
            self.ended_at = self.node.clock.now();
        }
        self.ended += 1;
        if let Some(running) = self.running_of.get_mut(&job.org) {
            *running -= 1;
            if *running == 0 {
                self.running_of.remove(&job.org);
            }
        }
        match ending {
            Ending::Committed => self.node.metrics.queue_jobs_completed.of(kind.name).inc(),
            Ending::Owed(outcome) => {
                self.owed.push((kind, job, outcome));
                0
            }
            Ending::Failed(error) => {
                self.failed.push(Failed { kind: kind.name, job, error });
                0
            }
        };
    }

    /// Close in good order: what was not started goes back at once, what runs gets its time and is then handed back.
    pub(super) async fn close(&mut self) {
        let waiting = self.ready.take_all();
        self.hand_back(&waiting).await;
        let clock = Arc::clone(&self.node.clock);
        let _ = drift::deadline(clock.as_ref(), self.node.limits.stop_ms, async {
            while let Some(joined) = self.tasks.join_next_with_id().await {
                self.note(joined);
            }
        })
        .await;
        self.tasks.abort_all();
        while let Some(joined) = self.tasks.join_next_with_id().await {
            self.note(joined);
        }
        for done in [self.complete().await, self.settle_failed().await] {
            if let Err(error) = done {
                tracing::warn!(error = %error, "What ended last was not settled; it will run again");
            }
        }
    }

    async fn hand_back(&self, jobs: &[ClaimedJob]) {
        if jobs.is_empty() {
            return;
        }
        let handed = async {
            let mut tx = self.node.db.begin().await?;
            let handed = queue::hand_back(&mut tx, jobs, self.node.clock.now()).await?;
            tx.commit().await.map(|()| handed)
        };
        match handed.await {
            Ok(handed) => tracing::info!(jobs = handed, "Handed jobs back"),
            Err(error) => {
                tracing::warn!(error = %error, "Jobs could not be handed back; they are taken over")
            }
        }
    }

    /// Drop everything: the jobs are somebody else's.
    pub(super) async fn abandon(&mut self) {
        let jobs = self.in_hand() + self.owed.len() + self.failed.len();
        tracing::warn!(jobs, "Lost the lease: dropped all jobs, registering anew");
        self.tasks.shutdown().await;
        for (kind, _) in self.running.values() {
            self.node.metrics.queue_leases_lost.of(kind.name).inc();
        }
    }
}

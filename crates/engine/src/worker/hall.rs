//! The jobs a worker holds: those that run, those that are next, and those that have ended and are not yet settled.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use model::{JobId, Millis, OrgId, WorkerId};
use store::queue::{self, Claim, ClaimedJob};
use store::wake::Channel;
use store::{StoreError, Tx};
use tokio::task::{Id, JoinError, JoinSet};

use super::execute::{Ending, execute, unanswered};
use super::lease::Lease;
use super::ready::Ready;
use super::settle::{Failed, settle};
use super::{IN_HAND_MAX, PAUSE_MS, PAUSE_MS_MAX};
use crate::job::Kind;
use crate::node::Node;

/// Ended runs settled in one turn; more wait for the next.
const TURN_MAX: usize = IN_HAND_MAX / 2;
/// How often it is looked whether the store has more jobs as held here than are known here, in milliseconds. After a turn that
/// failed it is looked at once: its commit may have been made, and only the answer was lost.
const LOOK_BACK_MS: i64 = 10_000;

/// Why the hall was closed.
pub(super) enum Closed {
    /// The node was asked to stop.
    Stopped,
    /// The lease is gone: nothing that is held may be completed.
    LeaseLost,
}

type Joined = Result<(Id, Ending), JoinError>;
type Rung = Pin<Box<dyn Future<Output = ()> + Send>>;

pub(super) struct Hall {
    node: Arc<Node>,
    registry: &'static [Kind],
    kinds: Vec<&'static str>,
    worker: WorkerId,
    tasks: JoinSet<Ending>,
    running: HashMap<Id, (Kind, Arc<ClaimedJob>)>,
    running_of: BTreeMap<OrgId, usize>,
    ready: Ready,
    owed: Vec<(Kind, Arc<ClaimedJob>, String)>,
    failed: Vec<Failed>,
    /// The organization that was served last.
    after: OrgId,
    /// Runs that ended since the last turn.
    ended: usize,
    /// When it is next looked at what the store has as held here.
    look_back_at: Millis,
}

impl Hall {
    pub(super) fn new(node: Arc<Node>, registry: &'static [Kind], worker: WorkerId) -> Self {
        Self {
            look_back_at: node.clock.now().plus(LOOK_BACK_MS),
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
        }
    }

    /// Take turns until the node is asked to stop or the lease is lost.
    pub(super) async fn serve(&mut self, lease: &Lease) -> Closed {
        let mut stop = self.node.stop.clone();
        let mut rung: Rung = Box::pin(self.node.db.rung(Channel::Jobs));
        let (mut look, mut pause_ms, mut noted) = (true, PAUSE_MS, 0);
        loop {
            if stop.is_set() {
                return Closed::Stopped;
            }
            if lease.is_lost() {
                return Closed::LeaseLost;
            }
            let ended = self.collect() + std::mem::take(&mut noted);
            self.start();
            if ended > 0 && self.ready.len() > 0 && self.owed.len() < TURN_MAX {
                // Short jobs: let those that were started end before the next commit.
                tokio::task::yield_now().await;
                continue;
            }
            let mut wait_ms = self.node.limits.poll_ms;
            if look || self.ended > 0 {
                rung = Box::pin(self.node.db.rung(Channel::Jobs));
                match self.turn().await {
                    Ok(Turn { more }) => {
                        (look, pause_ms) = (more, PAUSE_MS);
                        self.start();
                        if more && self.has_room() {
                            continue;
                        }
                    }
                    Err(StoreError::LeaseLost) => return Closed::LeaseLost,
                    Err(error) => {
                        tracing::warn!(error = %error, "A turn of the queue failed; it is taken again");
                        self.look_back_at = self.node.clock.now();
                        (look, wait_ms) = (true, pause_ms);
                        pause_ms = (pause_ms * 2).min(PAUSE_MS_MAX);
                        self.node.clock.sleep(wait_ms).await;
                        continue;
                    }
                }
            }
            if !look {
                wait_ms = self.until_next(wait_ms).await;
            }
            tokio::select! {
                () = stop.wait() => {}
                () = lease.lost() => {}
                Some(joined) = self.tasks.join_next_with_id() => {
                    self.note(joined);
                    noted = 1;
                }
                () = &mut rung, if self.has_room() => look = true,
                () = self.node.clock.sleep(wait_ms) => look = true,
            }
        }
    }

    /// One round of a step: claim what is due, run it to its end, settle it. Answers how many runs there were.
    pub(super) async fn round(&mut self) -> Result<usize, StoreError> {
        let before = self.in_hand();
        self.turn().await?;
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

    /// Milliseconds until the next job becomes due, at most `wait_ms`.
    async fn until_next(&self, wait_ms: u64) -> u64 {
        let now = self.node.clock.now();
        match queue::next_due(&self.node.db, now).await {
            Ok(Some(next)) => wait_ms.min(next.since(now).unsigned_abs()),
            _ => wait_ms,
        }
    }

    fn in_hand(&self) -> usize {
        self.ready.len() + self.running.len()
    }

    /// How many jobs should be held: as many as run at once, and as many more as ended since the last turn.
    fn target(&self) -> usize {
        (self.node.limits.concurrency + self.ended).min(IN_HAND_MAX)
    }

    fn has_room(&self) -> bool {
        self.in_hand() < self.target()
    }

    /// Settle what has ended, and claim what is next.
    async fn turn(&mut self) -> Result<Turn, StoreError> {
        self.settle_failed().await?;
        let target = self.target();
        let limit = target.saturating_sub(self.in_hand());
        let mut held = self.running_of.clone();
        self.ready.count(&mut held);
        let per_org_max = target * self.node.limits.per_org / self.node.limits.concurrency.max(1);
        let mut tx = self.node.db.begin().await?;
        let now = self.node.clock.now();
        let done: Vec<(&ClaimedJob, &str)> =
            self.owed.iter().map(|(_, job, outcome)| (job.as_ref(), outcome.as_str())).collect();
        let lost = queue::complete_many(&mut tx, &done, now).await?.len();
        let ask = Claim {
            worker: &self.worker,
            limit,
            kinds: &self.kinds,
            per_org_max: per_org_max.max(1),
            held: &held,
            after: self.after,
        };
        let looks_back = now >= self.look_back_at;
        let unknown = if looks_back { self.unknown(&mut tx).await? } else { Vec::new() };
        let claimed = if limit > 0 { queue::claim(&mut tx, &ask, now).await? } else { Vec::new() };
        tx.commit().await?;
        if looks_back {
            self.look_back_at = now.plus(LOOK_BACK_MS);
        }
        if lost > 0 {
            tracing::warn!(jobs = lost, "Jobs were taken over before they could be completed");
        }
        for (kind, ..) in self.owed.drain(..) {
            self.node.metrics.queue_jobs_completed.of(kind.name).inc();
        }
        self.ended = 0;
        let more = claimed.len() == limit;
        self.after = claimed.last().map_or(self.after, |job| job.org);
        self.ready.extend(claimed);
        if !unknown.is_empty() {
            tracing::warn!(
                jobs = unknown.len(),
                "Jobs were claimed by a turn whose end was not heard; they run now"
            );
        }
        self.ready.extend(unknown);
        Ok(Turn { more })
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

    async fn settle_failed(&mut self) -> Result<(), StoreError> {
        while let Some(failed) = self.failed.last() {
            settle(&self.node, failed).await?;
            self.failed.pop();
        }
        Ok(())
    }

    async fn complete(&mut self) -> Result<(), StoreError> {
        if self.owed.is_empty() {
            return Ok(());
        }
        let mut tx = self.node.db.begin().await?;
        let done: Vec<(&ClaimedJob, &str)> =
            self.owed.iter().map(|(_, job, outcome)| (job.as_ref(), outcome.as_str())).collect();
        queue::complete_many(&mut tx, &done, self.node.clock.now()).await?;
        tx.commit().await?;
        for (kind, ..) in self.owed.drain(..) {
            self.node.metrics.queue_jobs_completed.of(kind.name).inc();
        }
        Ok(())
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

/// What a turn found.
struct Turn {
    /// Whether all that was asked for was had, so that there may be more.
    more: bool,
}

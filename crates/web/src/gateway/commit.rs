//! The committer: what waits is written in one transaction, brought to the disk, and then all who wait are told.
//!
//! There is no timer: while commits are on their way, the next batch gathers by itself, and an event that comes alone is
//! written at once. Where many come, they come in bursts, and each commit costs the same however few it has: so when none is on its
//! way, as many are waited for as a part of what came together lately, for no longer than the runtime takes to go round a few times,
//! which reads what has arrived. While one is brought to the disk the next is written, if it has as many events: small ones cost
//! more than they overlap. A commit that fails fails for its whole batch, with nothing written;
//! one that does not reach the disk, or takes too long, fails, too, and may be a duplicate when it comes again.

use std::collections::VecDeque;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use drift::deadline;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt as _, StreamExt as _};
use model::Millis;
use store::inbox::{self, NewEvent};
use store::wake::{self, Channel};
use store::{Db, StoreError};
use tokio::sync::{Mutex as AsyncMutex, Notify, mpsc, oneshot};
use tokio::task::JoinHandle;

use super::{GatewayOptions, Seams};

/// Most bytes of bodies in a commit, but for a single larger one.
const COMMIT_BYTES_MAX: usize = 4 * 1_024 * 1_024;
/// The longest a commit may take, in milliseconds, with its wait for other writers, and the disk after it.
const COMMIT_MS_MAX: u64 = 10_000;
/// Commits on their way: one is written, while one before it is brought to the disk.
const COMMITS_MAX: usize = 2;
/// How many a batch waits for, of the most that were in hand lately, in per cent.
const GATHER_PERCENT: usize = 30;
/// How often the runtime goes round meanwhile at the most.
const GATHER_TURNS: u32 = 16;
/// Every batch forgets one part in so many of what was in hand before it.
const FORGET: usize = 32;

/// Between two times that the other processes are told of events, in milliseconds: to tell costs as much as a commit.
const TELL_PAUSE_MS: u64 = 20;

/// The event was not stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Failed;

struct Waiting {
    event: NewEvent,
    bytes: usize,
    answer: oneshot::Sender<Result<(), Failed>>,
}

/// The way to the task.
#[derive(Debug)]
pub(super) struct Committer {
    queue: Mutex<Option<mpsc::Sender<Waiting>>>,
    bytes: Arc<AtomicUsize>,
    bytes_max: usize,
    task: AsyncMutex<Option<JoinHandle<()>>>,
    seams: Seams,
}

impl Committer {
    pub(super) fn start(db: Db, options: &GatewayOptions, seams: Seams) -> Self {
        let (queue, waiting) = mpsc::channel(options.requests_max.max(1));
        let bytes = Arc::new(AtomicUsize::new(0));
        let writer = Writer {
            db,
            bytes: Arc::clone(&bytes),
            kept: Notify::new(),
            untold: AtomicBool::new(false),
            seams: seams.clone(),
        };
        let events_max = options.commit_events_max.clamp(1, inbox::BATCH_MAX);
        let task = Task { waiting, held: VecDeque::new(), lately: 0, events_max };
        Self {
            queue: Mutex::new(Some(queue)),
            bytes,
            bytes_max: options.waiting_bytes_max,
            task: AsyncMutex::new(Some(tokio::spawn(task.run(writer)))),
            seams,
        }
    }

    pub(super) fn is_alive(&self) -> bool {
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.as_ref().is_some_and(|queue| !queue.is_closed())
    }

    /// Queue an event; `None` when too much waits, or nothing is taken any more.
    pub(super) fn commit(
        &self,
        event: NewEvent,
        bytes: usize,
    ) -> Option<impl Future<Output = Result<(), Failed>> + use<>> {
        if self.bytes.fetch_add(bytes, Ordering::Relaxed) + bytes > self.bytes_max {
            self.bytes.fetch_sub(bytes, Ordering::Relaxed);
            return None;
        }
        let (answer, answered) = oneshot::channel();
        let waiting = Waiting { event, bytes, answer };
        let sent = {
            let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
            queue.as_ref().is_some_and(|queue| queue.try_send(waiting).is_ok())
        };
        if !sent {
            self.bytes.fetch_sub(bytes, Ordering::Relaxed);
            return None;
        }
        self.seams.metrics.gateway_events_waiting.inc();
        // A committer that died answers nothing, which is a failure.
        Some(async move { answered.await.unwrap_or(Err(Failed)) })
    }

    pub(super) async fn close(&self) {
        drop(self.queue.lock().unwrap_or_else(PoisonError::into_inner).take());
        if let Some(task) = self.task.lock().await.take() {
            let _ = task.await;
        }
    }
}

struct Task {
    waiting: mpsc::Receiver<Waiting>,
    /// What was taken from the queue, and did not fit into a commit.
    held: VecDeque<Waiting>,
    /// The most events in hand, held or on their way; the longer ago, the less it counts.
    lately: usize,
    events_max: usize,
}

impl Task {
    /// Until the queue is closed and everything in it is written.
    async fn run(mut self, writer: Writer) {
        let telling = writer.tell_others();
        let writing = self.write_all(&writer);
        tokio::select! {
            () = telling => unreachable!("it never ends"),
            () = writing => {}
        }
        writer.tell_rest().await;
    }

    async fn write_all(&mut self, writer: &Writer) {
        let mut under_way = UnderWay::default();
        while let Some(batch) = self.next_batch(&mut under_way).await {
            under_way.events += batch.len();
            under_way.commits.push(writer.write(batch).boxed());
        }
        while under_way.end_one().await {}
    }

    /// What waits, as far as it fits into one commit; `None` once nothing more will come.
    async fn next_batch(&mut self, under_way: &mut UnderWay<'_>) -> Option<Vec<Waiting>> {
        let mut turns = 0;
        loop {
            while self.held.len() < self.events_max
                && let Ok(more) = self.waiting.try_recv()
            {
                self.held.push_back(more);
            }
            self.lately = self.lately.max(self.held.len() + under_way.events);
            let gathered = self.lately * GATHER_PERCENT / 100;
            let enough = gathered.max(under_way.events).clamp(1, self.events_max);
            let may_gather = under_way.commits.is_empty() && !self.held.is_empty();
            let is_enough = self.held.len() >= enough || (may_gather && turns == GATHER_TURNS);
            if is_enough && under_way.commits.len() < COMMITS_MAX {
                self.lately -= self.lately.div_ceil(FORGET);
                return Some(next_batch(&mut self.held));
            }
            if may_gather {
                turns += 1;
                tokio::task::yield_now().await;
                continue;
            }
            let has_room = self.held.len() < self.events_max;
            tokio::select! {
                true = under_way.end_one() => {}
                more = self.waiting.recv(), if has_room => match more {
                    Some(more) => self.held.push_back(more),
                    None if self.held.is_empty() => return None,
                    // Nothing more comes: what is held need not be enough.
                    None => return Some(next_batch(&mut self.held)),
                },
            }
        }
    }
}

/// Commits on their way.
#[derive(Default)]
struct UnderWay<'a> {
    commits: FuturesUnordered<BoxFuture<'a, usize>>,
    /// In all of them.
    events: usize,
}

impl UnderWay<'_> {
    /// Wait for one to end; `false` when there is none. May be given up, and nothing is lost.
    async fn end_one(&mut self) -> bool {
        let ended = self.commits.next().await;
        self.events -= ended.unwrap_or(0);
        ended.is_some()
    }
}

/// A batch, and who waits for it.
struct Batch {
    bytes: usize,
    began: Millis,
    answers: Vec<oneshot::Sender<Result<(), Failed>>>,
}

struct Writer {
    db: Db,
    bytes: Arc<AtomicUsize>,
    /// Something was kept that other processes have not been told of.
    kept: Notify,
    /// Until they were.
    untold: AtomicBool,
    seams: Seams,
}

impl Writer {
    /// Tell the other processes of what was kept, beside the commits: what is kept in a pause is told at its end.
    async fn tell_others(&self) {
        loop {
            self.kept.notified().await;
            self.tell().await;
            self.seams.clock.sleep(TELL_PAUSE_MS).await;
        }
    }

    /// Tell what was not told yet.
    async fn tell_rest(&self) {
        if self.untold.load(Ordering::Relaxed) || self.kept.notified().now_or_never().is_some() {
            self.tell().await;
        }
    }

    async fn tell(&self) {
        match self.bounded(wake::tell_others(&self.db, Channel::Inbox)).await {
            Ok(()) => self.untold.store(false, Ordering::Relaxed),
            Err(error) => tracing::debug!("Could not tell the other processes of new events: {error}"),
        }
    }

    /// Commit a batch, bring it to the disk, and answer; tells how many events it had.
    async fn write(&self, batch: Vec<Waiting>) -> usize {
        let bytes = batch.iter().map(|one| one.bytes).sum();
        let (events, answers): (Vec<_>, Vec<_>) =
            batch.into_iter().map(|one| (one.event, one.answer)).unzip();
        let (count, batch) = (answers.len(), Batch { bytes, began: self.seams.clock.now(), answers });
        let committed = async {
            let appended = self.bounded(inbox::commit(&self.db, events)).await?;
            self.bounded(self.db.settle()).await?;
            Ok(appended.iter().filter(|one| one.duplicate).count())
        };
        let committed = committed.await;
        self.answer(batch, committed);
        count
    }

    /// Within the time it may take; why not otherwise.
    async fn bounded<T>(&self, work: impl Future<Output = Result<T, StoreError>>) -> Result<T, String> {
        match deadline(self.seams.clock.as_ref(), COMMIT_MS_MAX, work).await {
            Ok(done) => done.map_err(|error| error.to_string()),
            Err(elapsed) => Err(elapsed.to_string()),
        }
    }

    /// Tell all who wait for a batch what became of it.
    fn answer(&self, batch: Batch, outcome: Result<usize, String>) {
        let Seams { clock, metrics, .. } = &self.seams;
        let Batch { bytes, began, answers } = batch;
        match &outcome {
            Ok(duplicates) => {
                metrics.inbox_events_committed.inc_by((answers.len() - duplicates) as u64);
                metrics.inbox_events_deduplicated.inc_by(*duplicates as u64);
                metrics.inbox_commit_events.observe(answers.len() as f64);
                metrics.inbox_commit_seconds.observe(clock.now().since(began).max(0) as f64 / 1_000.0);
                self.untold.store(true, Ordering::Relaxed);
                self.kept.notify_one();
            }
            Err(why) => {
                tracing::warn!(events = answers.len(), "Could not store {} events: {why}", answers.len());
            }
        }
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
        metrics.gateway_events_waiting.dec_by(i64::try_from(answers.len()).unwrap_or(i64::MAX));
        metrics
            .gateway_waiting_bytes
            .set(i64::try_from(self.bytes.load(Ordering::Relaxed)).unwrap_or(i64::MAX));
        for answer in answers {
            // Whoever waited may have gone; the event is stored all the same.
            let _ = answer.send(outcome.as_ref().map(|_| ()).map_err(|_| Failed));
        }
    }
}

/// The first events that fit into one commit; at least one.
fn next_batch(held: &mut VecDeque<Waiting>) -> Vec<Waiting> {
    let mut bytes = 0;
    let fitting = held.iter().take_while(|one| {
        bytes += one.bytes;
        bytes <= COMMIT_BYTES_MAX
    });
    let count = fitting.count().max(1).min(held.len());
    held.drain(..count).collect()
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::Poll;

    use futures_util::poll;
    use model::{EventId, OrgId};
    use store::inbox::Payload;

    use super::*;

    fn waiting() -> Waiting {
        let event = NewEvent {
            event_id: EventId("e".to_owned()),
            org_id: OrgId(1),
            connection_id: None,
            kind: "new_message".to_owned(),
            spelled: "new_message".to_owned(),
            conversation_id: None,
            contact_id: None,
            user_id: None,
            message_id: None,
            playbook_id: None,
            occurred_at: None,
            received_at: Millis(1),
            key: [0; 16],
            window_ms: 1,
            facts: None,
            payload: Payload::None,
            trace: None,
        };
        Waiting { event, bytes: 1, answer: oneshot::channel().0 }
    }

    /// How many events the next batch has, and how often the runtime went round before it, while so many come at each turn.
    async fn next(task: &mut Task, queue: &mpsc::Sender<Waiting>, each_turn: usize) -> (usize, u32) {
        let mut under_way = UnderWay::default();
        let mut next = pin!(task.next_batch(&mut under_way));
        let mut turns = 0;
        loop {
            if let Poll::Ready(batch) = poll!(&mut next) {
                return (batch.map_or(0, |batch| batch.len()), turns);
            }
            turns += 1;
            (0..each_turn).for_each(|_| assert!(queue.try_send(waiting()).is_ok()));
        }
    }

    #[tokio::test]
    async fn a_batch_waits_for_a_part_of_what_came_together_lately_and_not_for_long() {
        let (queue, received) = mpsc::channel(256);
        let mut task = Task { waiting: received, held: VecDeque::new(), lately: 0, events_max: 512 };
        let send = |count: usize| (0..count).for_each(|_| assert!(queue.try_send(waiting()).is_ok()));
        send(1);
        assert_eq!(next(&mut task, &queue, 0).await, (1, 0), "one alone waits for nobody");
        send(40);
        assert_eq!(next(&mut task, &queue, 0).await, (40, 0));
        send(1);
        assert_eq!(next(&mut task, &queue, 2).await, (11, 5), "30 % of 38");
        for _ in 0..40 {
            send(1);
            let (events, turns) = next(&mut task, &queue, 0).await;
            assert!(events == 1 && turns <= GATHER_TURNS);
        }
        send(1);
        assert_eq!(next(&mut task, &queue, 0).await, (1, 0), "what was long ago is forgotten");
        drop(queue);
        assert_eq!(next(&mut task, &mpsc::channel(1).0, 0).await, (0, 0));
    }
}

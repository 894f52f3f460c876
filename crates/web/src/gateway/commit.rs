//! The committer: what waits is written in one transaction, brought to the disk, and then all who wait are told.
//!
//! There is no timer: while commits are on their way, the next batch gathers by itself, and an event that comes alone is
//! written at once. As many events as are on their way are enough for one more commit, up to a bound: smaller ones would cost
//! more than they overlap. The next is written while the log goes to the disk with those before, which are settled together. A commit that fails fails for
//! its whole batch, with nothing written; one that cannot be settled fails, too, and is a duplicate when it comes again.

use std::collections::VecDeque;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use drift::deadline;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt as _, StreamExt as _};
use model::Millis;
use store::inbox::{self, NewEvent};
use store::wake::{self, Channel};
use store::{Db, Engine};
use tokio::sync::{Mutex as AsyncMutex, Notify, mpsc, oneshot};
use tokio::task::JoinHandle;

use super::{GatewayOptions, Seams};

/// Most bytes of bodies in a commit, but for a single larger one.
const COMMIT_BYTES_MAX: usize = 4 * 1_024 * 1_024;
/// The longest a commit may take, in milliseconds, and the disk after it; the commit is undone then.
const COMMIT_MS_MAX: u64 = 10_000;
/// Commits that wait for the disk.
const UNSETTLED_MAX: usize = 4;
/// Commits on their way: SQLite has one writer.
const COMMITS_MAX_SQLITE: usize = 1;
const COMMITS_MAX_POSTGRES: usize = 2;

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
        let commits_max = match db.engine() {
            Engine::Sqlite => COMMITS_MAX_SQLITE,
            Engine::Postgres => COMMITS_MAX_POSTGRES,
        };
        let writer =
            Writer { db, commits_max, bytes: Arc::clone(&bytes), kept: Notify::new(), seams: seams.clone() };
        let events_max = options.commit_events_max.clamp(1, inbox::BATCH_MAX);
        let task = Task { waiting, held: VecDeque::new(), events_max };
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
    }

    async fn write_all(&mut self, writer: &Writer) {
        let (unsettled, settling) = mpsc::channel(UNSETTLED_MAX);
        let writing = async move {
            let mut under_way = UnderWay::default();
            while let Some(batch) = self.next_batch(writer, &mut under_way, &unsettled).await {
                under_way.events += batch.len();
                under_way.commits.push(writer.write(batch).boxed());
            }
            while let Some(ended) = under_way.next().await {
                settle(&unsettled, ended).await;
            }
        };
        tokio::join!(writing, writer.settle_all(settling));
    }

    /// What waits, as far as it fits into one commit; `None` once nothing more will come.
    async fn next_batch(
        &mut self,
        writer: &Writer,
        under_way: &mut UnderWay<'_>,
        unsettled: &mpsc::Sender<Committed>,
    ) -> Option<Vec<Waiting>> {
        loop {
            while self.held.len() < self.events_max
                && let Ok(more) = self.waiting.try_recv()
            {
                self.held.push_back(more);
            }
            let is_enough = self.held.len() >= under_way.events.clamp(1, self.events_max);
            if is_enough && under_way.commits.len() < writer.commits_max {
                return Some(next_batch(&mut self.held));
            }
            let has_room = self.held.len() < self.events_max;
            tokio::select! {
                Some(ended) = under_way.next() => settle(unsettled, ended).await,
                more = self.waiting.recv(), if has_room => match more {
                    Some(more) => self.held.push_back(more),
                    // Closed: what is held is written before the end.
                    None if self.held.is_empty() => return None,
                    None => return Some(next_batch(&mut self.held)),
                },
            }
        }
    }
}

/// Commits on their way.
#[derive(Default)]
struct UnderWay<'a> {
    commits: FuturesUnordered<BoxFuture<'a, (usize, Option<Committed>)>>,
    /// In all of them.
    events: usize,
}

impl UnderWay<'_> {
    /// Wait for one to end, if there is one. May be given up, and nothing is lost.
    async fn next(&mut self) -> Option<Option<Committed>> {
        let (events, committed) = self.commits.next().await?;
        self.events -= events;
        Some(committed)
    }
}

/// Have a commit wait for the disk; one that failed has been answered.
async fn settle(unsettled: &mpsc::Sender<Committed>, ended: Option<Committed>) {
    if let Some(committed) = ended {
        let _ = unsettled.send(committed).await;
    }
}

/// A batch that was committed.
struct Committed {
    bytes: usize,
    began: Millis,
    duplicates: usize,
    answers: Vec<oneshot::Sender<Result<(), Failed>>>,
}

struct Writer {
    db: Db,
    commits_max: usize,
    bytes: Arc<AtomicUsize>,
    /// Something was kept that other processes have not been told of.
    kept: Notify,
    seams: Seams,
}

impl Writer {
    /// Tell the other processes of what was kept, beside the commits: several commits are told at once.
    async fn tell_others(&self) {
        loop {
            self.kept.notified().await;
            if let Err(error) = wake::tell_others(&self.db, Channel::Inbox).await {
                tracing::debug!("Could not tell the other processes of new events: {error}");
            }
        }
    }

    /// Commit a batch; one that fails is answered here. Answers how many events it had.
    async fn write(&self, batch: Vec<Waiting>) -> (usize, Option<Committed>) {
        let (clock, count) = (&self.seams.clock, batch.len());
        let bytes = batch.iter().map(|one| one.bytes).sum();
        let (events, answers): (Vec<_>, Vec<_>) =
            batch.into_iter().map(|one| (one.event, one.answer)).unzip();
        let began = clock.now();
        let committing = inbox::commit(&self.db, events);
        let why = match deadline(clock.as_ref(), COMMIT_MS_MAX, committing).await {
            Ok(Ok(appended)) => {
                let duplicates = appended.iter().filter(|one| one.duplicate).count();
                return (count, Some(Committed { bytes, began, duplicates, answers }));
            }
            Ok(Err(error)) => error.to_string(),
            Err(elapsed) => elapsed.to_string(),
        };
        self.answer(Committed { bytes, began, duplicates: 0, answers }, Err(why));
        (count, None)
    }

    /// Settle what was committed, as much at once as waits, until nothing more will come.
    async fn settle_all(&self, mut committed: mpsc::Receiver<Committed>) {
        let mut batches = Vec::with_capacity(UNSETTLED_MAX);
        while committed.recv_many(&mut batches, UNSETTLED_MAX).await > 0 {
            let settling = self.db.settle();
            let settled = match deadline(self.seams.clock.as_ref(), COMMIT_MS_MAX, settling).await {
                Ok(Ok(())) => Ok(()),
                Ok(Err(error)) => Err(error.to_string()),
                Err(elapsed) => Err(elapsed.to_string()),
            };
            for batch in batches.drain(..) {
                self.answer(batch, settled.clone());
            }
        }
    }

    /// Tell all who wait for a batch what became of it.
    fn answer(&self, batch: Committed, outcome: Result<(), String>) {
        let Seams { clock, metrics, .. } = &self.seams;
        let Committed { bytes, began, duplicates, answers } = batch;
        match &outcome {
            Ok(()) => {
                metrics.inbox_events_committed.inc_by((answers.len() - duplicates) as u64);
                metrics.inbox_events_deduplicated.inc_by(duplicates as u64);
                metrics.inbox_commit_events.observe(answers.len() as f64);
                metrics.inbox_commit_seconds.observe(clock.now().since(began).max(0) as f64 / 1_000.0);
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
            let _ = answer.send(outcome.as_ref().map(drop).map_err(|_| Failed));
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

//! The committer: one task that writes what waits in one transaction, and then tells all who wait.
//!
//! There is no timer: while one commit is on its way to the disk, the next batch gathers by itself, and an event that
//! comes alone is written at once. A commit that fails fails for its whole batch, with nothing written.

use std::collections::VecDeque;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use drift::deadline;
use store::inbox::{self, Appended, NewEvent};
use store::wake::Channel;
use store::{Db, StoreError};
use tokio::sync::{Mutex as AsyncMutex, mpsc, oneshot};
use tokio::task::JoinHandle;

use super::{GatewayOptions, Seams};

/// Most bytes of bodies in a commit, but for a single larger one.
const COMMIT_BYTES_MAX: usize = 4 * 1_024 * 1_024;
/// The longest a commit may take, in milliseconds; it is undone then.
const COMMIT_MS_MAX: u64 = 10_000;

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
        let task = Task {
            db,
            waiting,
            bytes: Arc::clone(&bytes),
            events_max: options.commit_events_max.clamp(1, inbox::BATCH_MAX),
            seams: seams.clone(),
        };
        Self {
            queue: Mutex::new(Some(queue)),
            bytes,
            bytes_max: options.waiting_bytes_max,
            task: AsyncMutex::new(Some(tokio::spawn(task.run()))),
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
    db: Db,
    waiting: mpsc::Receiver<Waiting>,
    bytes: Arc<AtomicUsize>,
    events_max: usize,
    seams: Seams,
}

impl Task {
    async fn run(mut self) {
        let mut taken: Vec<Waiting> = Vec::with_capacity(self.events_max);
        let mut held: VecDeque<Waiting> = VecDeque::new();
        loop {
            let room = self.events_max.saturating_sub(held.len());
            // Whatever was held back is written before more is waited for.
            if held.is_empty() {
                if self.waiting.recv_many(&mut taken, room).await == 0 {
                    return;
                }
            } else {
                while taken.len() < room
                    && let Ok(more) = self.waiting.try_recv()
                {
                    taken.push(more);
                }
            }
            held.extend(taken.drain(..));
            let batch = next_batch(&mut held);
            self.write(batch).await;
        }
    }

    async fn write(&self, batch: Vec<Waiting>) {
        let Seams { clock, metrics, .. } = &self.seams;
        let bytes = batch.iter().map(|one| one.bytes).sum();
        let (events, answers): (Vec<_>, Vec<_>) =
            batch.into_iter().map(|one| (one.event, one.answer)).unzip();
        let began = clock.now();
        let outcome = match deadline(clock.as_ref(), COMMIT_MS_MAX, commit(&self.db, &events)).await {
            Ok(Ok(appended)) => {
                let duplicates = appended.iter().filter(|one| one.duplicate).count();
                metrics.inbox_events_committed.inc_by((appended.len() - duplicates) as u64);
                metrics.inbox_events_deduplicated.inc_by(duplicates as u64);
                metrics.inbox_commit_events.observe(appended.len() as f64);
                metrics.inbox_commit_seconds.observe(clock.now().since(began).max(0) as f64 / 1_000.0);
                Ok(())
            }
            Ok(Err(error)) => {
                tracing::warn!(events = answers.len(), "Could not store {} events: {error}", answers.len());
                Err(Failed)
            }
            Err(elapsed) => {
                tracing::warn!(events = answers.len(), "Could not store {} events: {elapsed}", answers.len());
                Err(Failed)
            }
        };
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
        metrics.gateway_events_waiting.dec_by(i64::try_from(answers.len()).unwrap_or(i64::MAX));
        metrics
            .gateway_waiting_bytes
            .set(i64::try_from(self.bytes.load(Ordering::Relaxed)).unwrap_or(i64::MAX));
        for answer in answers {
            // Whoever waited may have gone; the event is stored all the same.
            let _ = answer.send(outcome);
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

async fn commit(db: &Db, events: &[NewEvent]) -> Result<Vec<Appended>, StoreError> {
    let mut tx = db.begin().await?;
    let appended = inbox::append(&mut tx, events).await?;
    if appended.iter().any(|one| !one.duplicate) {
        tx.ring(Channel::Inbox);
    }
    tx.commit().await?;
    Ok(appended)
}

//! What every run is given: the store, the client, the seams, the bounds, and a way to be stopped.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use drift::{CallRecord, Client, Outcome, Recorder};
use model::{Clock, Entropy, OrgId};
use serde::{Deserialize, Serialize};
use store::Db;
use tokio::sync::watch;

use crate::progress::Progress;

/// Everything a run needs. Cheap to clone.
#[derive(Clone)]
pub struct Context {
    /// The store.
    pub db: Db,
    /// The client of the organization's connection, at the priority of this run.
    pub drift: Client,
    /// The organization.
    pub org: OrgId,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// Where progress is written.
    pub progress: Progress,
    /// The calls made through `drift`; the same counter must be the client's recorder.
    pub calls: Arc<CallCounter>,
    /// Bounds.
    pub limits: Limits,
    /// Asks the run to end at the next commit.
    pub stop: Stop,
}

/// The bounds of a run.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Calls in flight at once.
    pub concurrency: usize,
    /// Conversations fetched but not committed: the page that a kill may cost.
    pub window: usize,
    /// The largest attachment that is fetched, in bytes.
    pub attachment_bytes_max: u64,
    /// How far before the watermark a second run reads again, in milliseconds.
    pub overlap_ms: i64,
    /// Full listings made at most before the certificate is written.
    pub passes_max: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            concurrency: 32,
            window: 50,
            attachment_bytes_max: 32 * 1024 * 1024,
            overlap_ms: 24 * 60 * 60 * 1_000,
            passes_max: 5,
        }
    }
}

/// Counts calls, whoever makes them.
#[derive(Debug, Default)]
pub struct CallCounter {
    calls: AtomicU64,
    refused_429: AtomicU64,
    failed: AtomicU64,
}

/// A reading of a [`CallCounter`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Calls {
    /// Attempts sent, retries included.
    pub calls: u64,
    /// Of them, refused with 429.
    pub refused_429: u64,
    /// Of them, failed on the way or answered with 5xx.
    pub failed: u64,
}

impl CallCounter {
    /// The counts so far.
    #[must_use]
    pub fn read(&self) -> Calls {
        Calls {
            calls: self.calls.load(Ordering::Relaxed),
            refused_429: self.refused_429.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
        }
    }
}

impl Recorder for CallCounter {
    fn record(&self, call: &CallRecord<'_>) {
        self.calls.fetch_add(1, Ordering::Relaxed);
        match call.outcome {
            Outcome::Status(429) => self.refused_429.fetch_add(1, Ordering::Relaxed),
            Outcome::Status(status) if status < 500 => 0,
            Outcome::Status(_) | Outcome::Garbled(_) | Outcome::Failed(_) => {
                self.failed.fetch_add(1, Ordering::Relaxed)
            }
        };
    }
}

/// The hand that stops runs.
#[derive(Debug)]
pub struct StopSwitch(watch::Sender<bool>);

/// A run's view of the switch.
#[derive(Debug, Clone)]
pub struct Stop(watch::Receiver<bool>);

impl StopSwitch {
    /// A switch that is off.
    #[must_use]
    pub fn new() -> Self {
        Self(watch::Sender::new(false))
    }

    /// Ask every watcher to end at its next commit.
    pub fn set(&self) {
        self.0.send_replace(true);
    }

    /// A view of it.
    #[must_use]
    pub fn watch(&self) -> Stop {
        Stop(self.0.subscribe())
    }
}

impl Default for StopSwitch {
    fn default() -> Self {
        Self::new()
    }
}

impl Stop {
    /// Whether the run was asked to end.
    #[must_use]
    pub fn is_set(&self) -> bool {
        *self.0.borrow()
    }

    /// Ready once the run is asked to end; never where nobody can ask any more.
    pub async fn wait(&mut self) {
        if self.0.wait_for(|set| *set).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

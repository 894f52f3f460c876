//! Jobs that do nothing, next to nothing, or nothing ever.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use engine::job::{Job, Kind, Order};
use engine::{Finished, JobContext, JobError, Node};
use model::OrgId;
use serde::{Deserialize, Serialize};
use store::queue::{NewJob, priority};

/// How long a short job takes, in milliseconds.
pub(super) const SHORT_MS: u64 = 5;

pub(super) const REGISTRY: &[Kind] =
    &[Kind::of::<Nothing>(), Kind::of::<Short>(), Kind::of::<Timed>(), Kind::of::<Held>()];

/// Runs that have ended, of any kind.
pub(super) static ENDED: AtomicU64 = AtomicU64::new(0);
/// Whether held jobs hang for ever: in the process that is to be killed.
pub(super) static HANG: AtomicBool = AtomicBool::new(false);
/// Microseconds from put to start of timed jobs.
pub(super) static STARTED_AFTER: Mutex<Vec<u64>> = Mutex::new(Vec::new());

/// Microseconds since the first call in this process.
#[expect(clippy::disallowed_methods, reason = "microseconds are measured, which model::Clock does not tell")]
pub(super) fn micros() -> u64 {
    static BEGAN: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    let since: Duration = BEGAN.get_or_init(Instant::now).elapsed();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

#[derive(Serialize, Deserialize)]
pub(super) struct Nothing(pub(super) u64);

impl Job for Nothing {
    const KIND: &'static str = "bench_nothing";
    const PRIORITY: i64 = priority::LIVE;

    fn key(&self) -> String {
        self.0.to_string()
    }

    async fn run(&self, ctx: &JobContext) -> Result<Finished, JobError> {
        ENDED.fetch_add(1, Ordering::Relaxed);
        Ok(ctx.done("done"))
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct Short(pub(super) u64);

impl Job for Short {
    const KIND: &'static str = "bench_short";
    const PRIORITY: i64 = priority::LIVE;

    fn key(&self) -> String {
        self.0.to_string()
    }

    async fn run(&self, ctx: &JobContext) -> Result<Finished, JobError> {
        ctx.node.clock.sleep(SHORT_MS).await;
        ENDED.fetch_add(1, Ordering::Relaxed);
        Ok(ctx.done("done"))
    }
}

/// A short job that tells when it started; `put_at` is in microseconds of this process.
#[derive(Serialize, Deserialize)]
pub(super) struct Timed {
    pub(super) number: u64,
    pub(super) put_at: u64,
}

impl Job for Timed {
    const KIND: &'static str = "bench_timed";
    const PRIORITY: i64 = priority::LIVE;

    fn key(&self) -> String {
        self.number.to_string()
    }

    async fn run(&self, ctx: &JobContext) -> Result<Finished, JobError> {
        let after = micros().saturating_sub(self.put_at);
        STARTED_AFTER.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(after);
        ctx.node.clock.sleep(SHORT_MS).await;
        ENDED.fetch_add(1, Ordering::Relaxed);
        Ok(ctx.done("done"))
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct Held(pub(super) u64);

impl Job for Held {
    const KIND: &'static str = "bench_held";
    const PRIORITY: i64 = priority::LIVE;

    fn key(&self) -> String {
        self.0.to_string()
    }

    async fn run(&self, ctx: &JobContext) -> Result<Finished, JobError> {
        if HANG.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
        ENDED.fetch_add(1, Ordering::Relaxed);
        Ok(ctx.done("done"))
    }
}

/// The row of a job that is due now.
pub(super) fn due<J: Job>(node: &Node, org: u64, job: &J) -> NewJob {
    let org = OrgId(i64::try_from(org).unwrap_or(i64::MAX));
    job.new_job(node, Order { org, due_at: node.clock.now(), trace: None })
}

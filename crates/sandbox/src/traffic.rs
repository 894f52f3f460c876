//! Life in the background: so many changes a minute while the sandbox serves.
//!
//! Nothing ticks while the switch is at 0. The changes are those the world thinks of ([`crate::World::traffic`]).

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use model::SeededEntropy;
use tokio::sync::Notify;

use crate::sandbox::Inner;

/// Most changes a minute.
pub(crate) const PER_MINUTE_MAX: u32 = 60_000;
/// Changes happen in bundles of this many milliseconds, at most.
const TICK_MS_MIN: u64 = 100;
const MINUTE_MS: u64 = 60_000;

/// How much happens.
#[derive(Debug)]
pub(crate) struct Traffic {
    per_minute: AtomicU32,
    turned: Notify,
}

impl Traffic {
    pub(crate) fn new(per_minute: u32) -> Self {
        Self { per_minute: AtomicU32::new(per_minute.min(PER_MINUTE_MAX)), turned: Notify::new() }
    }

    pub(crate) fn per_minute(&self) -> u32 {
        self.per_minute.load(Ordering::Relaxed)
    }

    pub(crate) fn set(&self, per_minute: u32) {
        self.per_minute.store(per_minute.min(PER_MINUTE_MAX), Ordering::Relaxed);
        self.turned.notify_one();
    }
}

/// Change the world as told until dropped.
pub(crate) async fn run(sandbox: Arc<Inner>) {
    let entropy = SeededEntropy::new(sandbox.options.seed);
    loop {
        let per_minute = u64::from(sandbox.traffic.per_minute());
        if per_minute == 0 {
            sandbox.traffic.turned.notified().await;
            continue;
        }
        let changes = (per_minute * TICK_MS_MIN).div_ceil(MINUTE_MS);
        let wait_ms = changes * MINUTE_MS / per_minute;
        tokio::select! {
            () = sandbox.clock.sleep(wait_ms) => {
                let count = usize::try_from(changes).unwrap_or(0);
                sandbox.world.traffic(count, &entropy, sandbox.clock.now());
            }
            () = sandbox.traffic.turned.notified() => {}
        }
    }
}

//! Draws slots of a shared budget on behalf of a queue's waiters, and brings its news.
//!
//! One task a queue, with one draw under way at a time. Each draw has a deadline; while the ledger cannot be had,
//! nobody sends, and it is asked again after growing pauses.

use std::sync::Arc;

use model::Entropy;
use tokio::task::JoinHandle;

use super::allowance::{Allowance, AllowanceError, Lane};
use super::hand::Need;
use super::ledger::{Draw, Grant, Ledger};
use super::queue::{Queue, whole_ms};
use crate::deadline;

/// Longest wait for one draw, in milliseconds.
const DRAW_MS_MAX: u64 = 5_000;
/// Times that another node may be first before a draw is given up.
const TRIES_MAX: u32 = 16;
/// First pause after a failed draw, in milliseconds; doubled with every further one.
const PAUSE_MS: u64 = 100;
const PAUSE_MS_MAX: u64 = 5_000;

/// The task; it ends when this is dropped.
pub(super) struct Clerk(JoinHandle<()>);

impl Drop for Clerk {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Where a clerk draws, and for whom.
pub(super) struct Desk {
    pub(super) queue: Arc<Queue>,
    pub(super) lane: Lane,
    pub(super) allowance: Arc<dyn Allowance>,
    pub(super) entropy: Arc<dyn Entropy>,
}

impl Desk {
    /// Begin to draw. Needs a runtime.
    pub(super) fn open(self) -> Clerk {
        Clerk(tokio::spawn(self.work()))
    }

    async fn work(self) {
        let clock = Arc::clone(&self.queue.clock);
        let mut failures = 0;
        loop {
            let draw = match self.queue.need() {
                Need::Nothing => {
                    self.queue.bell.notified().await;
                    continue;
                }
                Need::In(in_ms) => {
                    tokio::select! {
                        () = self.queue.bell.notified() => {}
                        () = clock.sleep(whole_ms(in_ms)) => {}
                    }
                    continue;
                }
                Need::Now(draw) => draw,
            };
            let drawn = deadline(&*clock, DRAW_MS_MAX, self.draw(&draw)).await;
            match drawn.unwrap_or(Err(AllowanceError::Slow)) {
                Ok(grant) => {
                    if failures > 0 {
                        tracing::info!(pace.lane = self.lane.as_str(), "The shared budget is there again");
                    }
                    failures = 0;
                    self.queue.take(&draw, grant);
                }
                Err(error) => {
                    if failures == 0 {
                        tracing::warn!(
                            pace.lane = self.lane.as_str(),
                            error = &error as &dyn std::error::Error,
                            "No calls are made until the shared budget can be drawn from"
                        );
                    }
                    let pause_ms = (PAUSE_MS << u32::min(failures, 10)).min(PAUSE_MS_MAX);
                    failures += 1;
                    clock.sleep(pause_ms + self.entropy.below(pause_ms / 2)).await;
                }
            }
        }
    }

    /// Continue the ledger. Somebody else's continuation in between makes ours void, and we read again.
    async fn draw(&self, draw: &Draw) -> Result<Grant, AllowanceError> {
        for _ in 0..TRIES_MAX {
            let kept = self.allowance.read(self.lane).await?;
            let now = self.queue.clock.now();
            // What cannot be read was written by another version of this program, and says nothing to us.
            let mut ledger =
                serde_json::from_str(&kept.text).unwrap_or_else(|_| Ledger::new(draw.assumed, now));
            let grant = ledger.draw(draw, now);
            if !grant.changed {
                return Ok(grant);
            }
            let text = serde_json::to_string(&ledger).map_err(AllowanceError::unreachable)?;
            if self.allowance.replace(self.lane, kept.version, text).await? {
                return Ok(grant);
            }
        }
        Err(AllowanceError::Contended)
    }
}

//! Forget what has served: routed events and their keys, effects that were done, counted calls, recorded use, sweeps. What is pruned is the program's own record of how
//! it worked, never the mirror, its changes or its facts.

use serde::{Deserialize, Serialize};
use store::changes::{self, Start};
use store::queue::priority;
use store::tables::touched;
use store::uses::{alarms, inward, outward};
use store::{call_stats, effects, inbox, signals, sweeps};

use super::asking;
use crate::job::{Finished, Job, JobContext, JobError};

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;
/// How long routed events are kept, in milliseconds.
const EVENTS_MS: i64 = 30 * DAY_MS;
/// How long calls are kept counted, in milliseconds.
const CALLS_MS: i64 = 90 * DAY_MS;
/// How long effects that were done are kept, in milliseconds.
const EFFECTS_MS: i64 = 30 * DAY_MS;
/// How long sweeps are kept, in milliseconds.
const SWEEPS_MS: i64 = 90 * DAY_MS;
/// How long the steps of callers are kept, in milliseconds: nobody looks further back than a day.
const STEPS_MS: i64 = 2 * DAY_MS;
/// Events deleted in one transaction.
const EVENTS_PAGE: u32 = 2_000;
/// Transactions of one run: what is left is the next one's.
const PAGES_MAX: u32 = 5_000;

/// Prune.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Prune {}

impl Job for Prune {
    const KIND: &'static str = "prune";
    const PRIORITY: i64 = priority::BACKFILL;

    fn key(&self) -> String {
        signals::ALL.to_owned()
    }

    async fn run(&self, ctx: &JobContext) -> Result<Finished, JobError> {
        let now = ctx.now();
        for _ in 0..PAGES_MAX {
            if ctx.node.stop.is_set() {
                return Err(JobError::Stopped);
            }
            let mut tx = ctx.begin().await?;
            let pruned = inbox::prune(&mut tx, now.plus(-EVENTS_MS), now, EVENTS_PAGE).await?;
            tx.commit().await?;
            if pruned == 0 {
                break;
            }
        }
        let before = now.plus(-EFFECTS_MS);
        let through = changes::position(&ctx.node.db, ctx.org(), Start::Since(before)).await?;
        let mut tx = ctx.begin().await?;
        effects::prune(&mut tx, ctx.org(), before, through).await?;
        touched::fold(&mut tx, ctx.org()).await?;
        call_stats::prune(&mut tx, now.plus(-CALLS_MS)).await?;
        let uses_before = now.plus(-ctx.node.limits.uses_kept_ms);
        outward::prune(&mut tx, uses_before).await?;
        inward::prune(&mut tx, uses_before, now.plus(-STEPS_MS)).await?;
        alarms::prune(&mut tx, uses_before).await?;
        sweeps::prune(&mut tx, now.plus(-SWEEPS_MS)).await?;
        asking::end(ctx, tx, "done").await
    }
}

//! What a run set out to do: decided once at its start, kept with the run, read again when it is resumed.

use drift::PageToken;
use model::{Millis, RunId};
use serde::{Deserialize, Serialize};
use store::checkpoints::Checkpoint;
use store::{Db, Tx, checkpoints, listings, runs, watermarks};

use super::{Ask, Mode, RUN_KIND, WATERMARK};
use crate::context::{Calls, Context};
use crate::error::{Doing, EngineError};

/// The checkpoint that holds the plan.
const STEP: &str = "plan";

/// A run's plan.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) run_id: RunId,
    pub(crate) resumed: bool,
    pub(crate) fixed: Fixed,
    /// Calls made by earlier processes on this run.
    calls_before: Calls,
}

/// The part that is decided at the start.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Fixed {
    pub(crate) mode: Mode,
    pub(crate) started_at: Millis,
    /// Listing stops at rows older than this; only where `mode` is `Changed`.
    pub(crate) since: Option<Millis>,
    pub(crate) scopes: Vec<String>,
}

impl Plan {
    /// Go on with the unfinished archive of the organization, or start one.
    pub(crate) async fn begin(ctx: &Context, ask: Ask) -> Result<Self, EngineError> {
        let unfinished = runs::latest_unfinished(&ctx.db, ctx.org, RUN_KIND)
            .await
            .doing("look for a run to go on with")?;
        if let Some(run) = unfinished {
            let calls_before = load(&ctx.db, &run.run_id, "calls").await?.unwrap_or_default();
            if let Some(fixed) = load::<Fixed>(&ctx.db, &run.run_id, STEP).await?
                && (ask == Ask::Changed || fixed.mode == Mode::Full)
            {
                return Ok(Self { run_id: run.run_id, resumed: true, fixed, calls_before });
            }
            Self::give_up(ctx, &run.run_id).await?;
        }
        Self::start(ctx, ask).await
    }

    /// Everything was asked for, and the unfinished run reads only what changed: a new one takes its place.
    async fn give_up(ctx: &Context, run: &RunId) -> Result<(), EngineError> {
        const DOING: &str = "end the run before";
        let mut tx = ctx.db.begin().await.doing(DOING)?;
        runs::finish(&mut tx, run, "given up", None, ctx.clock.now()).await.doing(DOING)?;
        listings::clear(&mut tx, run).await.doing(DOING)?;
        tx.commit().await.doing(DOING)
    }

    async fn start(ctx: &Context, ask: Ask) -> Result<Self, EngineError> {
        let watermark = match ask {
            Ask::Full => None,
            Ask::Changed => watermarks::get(&ctx.db, ctx.org, WATERMARK).await.doing("read the watermark")?,
        };
        let scopes = super::directories::scopes(ctx).await?;
        let fixed = Fixed {
            mode: if watermark.is_some() { Mode::Changed } else { Mode::Full },
            started_at: ctx.clock.now(),
            since: watermark.map(|at| at.plus(-ctx.limits.overlap_ms)),
            scopes,
        };
        let run_id = RunId::new(&*ctx.clock, &*ctx.entropy);
        let mut tx = ctx.db.begin().await.doing("start the archive")?;
        runs::start(&mut tx, ctx.org, RUN_KIND, fixed.started_at, &run_id)
            .await
            .doing("start the archive")?;
        save(&mut tx, &run_id, STEP, None, true, &fixed).await?;
        tx.commit().await.doing("start the archive")?;
        Ok(Self { run_id, resumed: false, fixed, calls_before: Calls::default() })
    }

    /// Calls of all processes on this run so far.
    pub(crate) fn calls(&self, ctx: &Context) -> Calls {
        let now = ctx.calls.read();
        Calls {
            calls: self.calls_before.calls + now.calls,
            refused_429: self.calls_before.refused_429 + now.refused_429,
            failed: self.calls_before.failed + now.failed,
        }
    }

    /// Write down, in the transaction of whatever was fetched, how many calls the run has used.
    pub(crate) async fn save_calls(&self, ctx: &Context, tx: &mut Tx) -> Result<(), EngineError> {
        let calls = self.calls(ctx);
        let rate = ctx.drift.pace().snapshot().per_minute;
        ctx.progress.calls(calls.calls, calls.refused_429, rate);
        save(tx, &self.run_id, "calls", None, false, &calls).await
    }
}

/// Save a step's checkpoint with its counts.
pub(crate) async fn save<T: Serialize>(
    tx: &mut Tx,
    run: &RunId,
    step: &str,
    token: Option<&PageToken>,
    done: bool,
    counts: &T,
) -> Result<(), EngineError> {
    let counts =
        serde_json::to_string(counts).map_err(|error| EngineError::Certificate(error.to_string()))?;
    let checkpoint = Checkpoint { token: token.map(ToString::to_string), done, counts };
    checkpoints::save(tx, run, step, &checkpoint).await.doing("save the checkpoint")
}

/// Load the counts of a step's checkpoint.
pub(crate) async fn load<T: for<'de> Deserialize<'de>>(
    db: &Db,
    run: &RunId,
    step: &str,
) -> Result<Option<T>, EngineError> {
    let found = checkpoints::load(db, run, step).await.doing("read the checkpoint")?;
    Ok(found.and_then(|checkpoint| serde_json::from_str(&checkpoint.counts).ok()))
}

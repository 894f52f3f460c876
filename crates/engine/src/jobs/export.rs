//! Make one export that comes from time to time, or go on with the run of it that was cut off.
//!
//! The run stands in `export_runs` as if a command had made it. It knows its own position in the change feed, by what its last
//! run has left: where nothing has changed since, nothing is written. Drift is not asked.

use serde::{Deserialize, Serialize};
use sinks::mask::Mode;
use sinks::{ExportOptions, Exporter, SinkError};
use store::export_runs::Asked;
use store::notices::{self, NewNotice};
use store::queue::priority;
use store::scheduled_exports::{self, ScheduledExport};
use store::{audit, mask_keys};

use crate::error::chain;
use crate::exports::Exports;
use crate::job::{Class, Finished, Job, JobContext, JobError};

/// The kind of notices about exports that fail; the subject is the export's name.
const NOTICE: &str = "export";

/// Make the export of this name.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Export {
    /// Its name.
    pub key: String,
}

impl Job for Export {
    const KIND: &'static str = scheduled_exports::KIND;
    const PRIORITY: i64 = priority::BACKFILL;
    /// A run that is cut off goes on.
    const DEADLINE_MS: u64 = 24 * 60 * 60 * 1_000;

    fn key(&self) -> String {
        self.key.clone()
    }

    async fn run(&self, ctx: &JobContext) -> Result<Finished, JobError> {
        let Some(exports) = &ctx.node.exports else {
            return Err(JobError::retry(Class::Other, "this node makes no exports"));
        };
        let Some(scheduled) = scheduled_exports::get(&ctx.node.db, ctx.org(), &self.key).await? else {
            return Ok(ctx.done("removed"));
        };
        match Box::pin(make(ctx, exports, &scheduled)).await {
            Ok(outcome) => self.end(ctx, outcome).await,
            Err(SinkError::Stopped { asked: Asked::Pause }) if ctx.node.stop.is_set() => {
                Err(JobError::Stopped)
            }
            // Somebody asked for it.
            Err(SinkError::Stopped { asked: Asked::Pause }) => Ok(ctx.done("paused")),
            Err(SinkError::Stopped { asked: Asked::Cancel }) => Ok(ctx.done("cancelled")),
            Err(SinkError::UnderWay { .. } | SinkError::Busy { .. }) => Ok(ctx.done("elsewhere")),
            Err(error) => Err(self.failed(ctx, &error).await?),
        }
    }
}

impl Export {
    /// Done: what was said of earlier failures is taken back.
    async fn end(&self, ctx: &JobContext, outcome: &str) -> Result<Finished, JobError> {
        let mut tx = ctx.begin().await?;
        notices::dismiss(&mut tx, ctx.org(), NOTICE, Some(&self.key)).await?;
        ctx.finish(tx, outcome).await
    }

    /// A person is told, and it is tried again: a disk is made room on, a password set right.
    async fn failed(&self, ctx: &JobContext, error: &SinkError) -> Result<JobError, JobError> {
        let why = chain(error);
        let hint = error.hint().map_or_else(String::new, |hint| format!("; {hint}"));
        let message = format!("the export {} was not made: {why}{hint}", self.key);
        let mut tx = ctx.begin().await?;
        let notice = NewNotice { org: ctx.org(), kind: NOTICE, subject: &self.key, message: &message };
        notices::raise(&mut tx, &notice, ctx.now()).await?;
        tx.commit().await?;
        Ok(JobError::retry(Class::Other, why))
    }
}

/// Export, unless what stands there is current; answers one word for the history.
async fn make(
    ctx: &JobContext,
    exports: &Exports,
    scheduled: &ScheduledExport,
) -> Result<&'static str, SinkError> {
    let node = &ctx.node;
    let (db, org, now) = (&node.db, ctx.org(), ctx.now());
    let options = (exports.options)(scheduled, now)?;
    if sinks::is_current(db, org, &options).await? {
        return Ok("unchanged");
    }
    // Without a key to sign with nobody is kept from carrying their data out.
    let signer = audit::signer(db, &exports.vault, now).await.ok();
    let mask_key = match options.selection.mask {
        Mode::None => None,
        _ => Some(mask_keys::mask_key(db, &exports.vault, org, now).await?),
    };
    let exporter = Exporter {
        db,
        org,
        clock: node.clock.as_ref(),
        entropy: node.entropy.as_ref(),
        signer: signer.as_ref(),
        mask_key: mask_key.as_ref(),
    };
    export(ctx, &exporter, &options).await
}

async fn export(
    ctx: &JobContext,
    exporter: &Exporter<'_>,
    options: &ExportOptions,
) -> Result<&'static str, SinkError> {
    let mut stop = ctx.node.stop.clone();
    let report = sinks::export(exporter, options, async move { stop.wait().await }, |_| {}).await?;
    tracing::info!(org.id = %ctx.org(), export.rows = report.rows, export.bytes = report.bytes_written, "Made a scheduled export");
    Ok(if report.incremental { "incremental" } else { "full" })
}

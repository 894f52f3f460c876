//! An archive: a full backfill of everything the API gives, ending in a certificate.
//!
//! What cannot be replaced comes first: messages, then attachments, then details and contacts, then directories, with
//! the reports beside them on their own budget; last a comparison that lists everything once more. Each stage takes its work from the store (what
//! is missing there) or from a list with a checkpoint in the same transaction as its rows, so that a killed archive
//! goes on where it was. In numbers: at 600 calls a minute, 100,000 conversations wait about 8 hours for the
//! API; the calls are the limit, so none is made twice and none for what has not changed.

pub(crate) mod attachments;
mod by_id;
pub(crate) mod comparing;
pub(crate) mod contacts;
pub(crate) mod details;
pub(crate) mod directories;
mod judge;
pub(crate) mod ledger;
pub(crate) mod listing;
pub(crate) mod messages;
pub(crate) mod plan;
pub(crate) mod reports;

use model::RunId;
use serde::{Deserialize, Serialize};
use store::connections::ConnectionState;
use store::{runs, watermarks};

use crate::certificate::{self, Certificate};
use crate::connection;
use crate::context::Context;
use crate::error::{Doing, EngineError};
use crate::progress::Stage;
use plan::Plan;

pub(crate) use judge::{Failure, Health, judge};

/// The kind of run under which archives are kept.
pub const RUN_KIND: &str = "archive";
/// The watermark that a complete listing leaves: Drift's newest update time at its start.
pub const WATERMARK: &str = "conversations";

/// Which conversations an archive lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// All of them.
    Full,
    /// Those changed since the last complete listing, less an overlap, and those that failed before.
    Changed,
}

/// How an archive is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// What changed, where a complete listing exists; else everything.
    Changed,
    /// Everything is listed again; unchanged conversations are still not fetched again.
    Full,
}

/// What an archive came to.
#[derive(Debug, Clone)]
pub struct ArchiveOutcome {
    /// The run.
    pub run_id: RunId,
    /// Its certificate, complete or not.
    pub certificate: Certificate,
    /// Whether it went on from an earlier process.
    pub resumed: bool,
}

/// Make, or go on with, an archive of the context's organization.
///
/// # Errors
/// When the store fails, the connection is refused, the API cannot be reached, or the run is asked to stop; in
/// each case calling again goes on. What could not be fetched is no error: the certificate names it.
pub async fn run(ctx: &Context, ask: Ask) -> Result<ArchiveOutcome, EngineError> {
    let outcome = stages(ctx, ask).await;
    match &outcome {
        Ok(_) => connection::note(ctx, ConnectionState::Active).await?,
        Err(EngineError::Unauthorized { .. }) => connection::note(ctx, ConnectionState::Revoked).await?,
        Err(_) => {}
    }
    outcome
}

async fn stages(ctx: &Context, ask: Ask) -> Result<ArchiveOutcome, EngineError> {
    let alone = store::exclusive::hold(&ctx.db, ctx.org, RUN_KIND)
        .await
        .doing("see whether another archive is running")?
        .ok_or(EngineError::Busy { org: ctx.org })?;
    let outcome = alone_through(ctx, ask).await;
    // What the run came to counts more than a session that is lost: the hold ends with it.
    if let Err(error) = alone.release().await {
        tracing::debug!(error = %error, "The hold on the archive ends with its session");
    }
    outcome
}

async fn alone_through(ctx: &Context, ask: Ask) -> Result<ArchiveOutcome, EngineError> {
    let plan = Plan::begin(ctx, ask).await?;
    ctx.progress.stage(Stage::Preparing, None, &*ctx.clock);
    let before = directories::ask_what_there_is(ctx, &plan).await?;
    let first = messages::pass(ctx, &plan, before.conversations).await?;
    attachments::fetch_missing(ctx, &plan).await?;
    let ((), windows) = tokio::try_join!(around(ctx, &plan), reports::fetch(ctx, &plan))?;
    let findings = comparing::compare(ctx, &plan, first, windows).await?;
    finish(ctx, &plan, findings).await
}

/// What stands around the conversations.
async fn around(ctx: &Context, plan: &Plan) -> Result<(), EngineError> {
    details::fetch_missing(ctx, plan).await?;
    contacts::fetch_missing(ctx, plan).await?;
    directories::fetch(ctx, plan).await
}

async fn finish(
    ctx: &Context,
    plan: &Plan,
    findings: certificate::Findings,
) -> Result<ArchiveOutcome, EngineError> {
    let watermark = findings.watermark();
    let certificate = certificate::build(ctx, plan, findings).await?;
    let text =
        serde_json::to_string(&certificate).map_err(|error| EngineError::Certificate(error.to_string()))?;
    let outcome = if certificate.complete { "complete" } else { "incomplete" };
    let now = ctx.clock.now();
    let mut tx = ctx.db.begin().await.doing("finish the archive")?;
    if let (true, Some(at)) = (certificate.complete, watermark) {
        watermarks::set(&mut tx, ctx.org, WATERMARK, at).await.doing("save the watermark")?;
    }
    runs::finish(&mut tx, &plan.run_id, outcome, Some(&text), now).await.doing("finish the archive")?;
    store::listings::clear(&mut tx, &plan.run_id).await.doing("finish the archive")?;
    tx.commit().await.doing("finish the archive")?;
    ctx.progress.stage(Stage::Finished, None, &*ctx.clock);
    Ok(ArchiveOutcome { run_id: plan.run_id.clone(), certificate, resumed: plan.resumed })
}

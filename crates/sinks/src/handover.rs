//! Conversations for whoever comes after Drift: in a neutral format that anybody can read, or as the calls by which
//! another system takes them in.
//!
//! Data flows from the mirror through [`compose`](self) into one neutral shape, and from there into the format asked
//! for, one conversation a line. A writer knows neither the store nor where its line goes; it notes for every value what
//! becomes of it. Nothing is sent from here, and no token of the other side is ever known.
//!
//! Conversations are read by batches and written by a thread of their own; memory holds a few batches, or one
//! conversation that is longer. The work is laying out: sanitising the bodies costs most.

mod about;
mod chatwoot;
mod compose;
mod fields;
mod gather;
mod hubspot;
mod intercom;
mod neutral;
mod record;
mod report;
mod requests;
mod rules;
mod speech;
mod target;
#[cfg(test)]
mod tests;
mod writer;
mod zendesk;

use std::path::PathBuf;
use std::sync::Arc;

use model::{Clock, ConversationId, Entropy, Millis, OrgId, RunId};
use serde::Serialize;
use store::audit::Who;
use store::export_runs::ExportMode;
use store::tables::Basis;
use store::{Db, mirror};
use tokio::sync::mpsc;

pub use report::{Fate, FieldLine, FieldReport};
pub use target::Target;

use crate::blocking::blocking;
use crate::directory::Directory;
use crate::export::REASON_BYTES_MAX;
use crate::handover::compose::Shared;
use crate::handover::gather::{Batch, Wanted};
use crate::handover::writer::{Writer, Written};
use crate::manifest::Manifest;
use crate::selection::Selection;
use crate::sink::{PartFile, Plan};
use crate::{Format, SinkError};

/// Batches that wait for the writer.
const BATCHES_WAITING_MAX: usize = 2;
/// What the work is called in errors.
const STEP: &str = "handover";

/// What to hand over, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandoverOptions {
    /// The format.
    pub target: Target,
    /// The directory: made if need be; otherwise empty, or an earlier handover of the same organization in this format.
    pub dir: PathBuf,
    /// Only these conversations; all when there are none.
    pub conversations: Vec<ConversationId>,
    /// Where the exported attachments will be reachable: addresses are made of it and their files' names. Without it they
    /// are Drift's, which end with Drift.
    pub attachments_at: Option<String>,
    /// Why it may go out as it is; kept with the run.
    pub reason: String,
    /// Who asked for it.
    pub who: Who,
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HandoverReport {
    /// Its row in `export_runs`.
    pub run_id: RunId,
    /// Where it lies.
    pub dir: PathBuf,
    /// The format's name.
    pub format: &'static str,
    /// Its files.
    pub files: Vec<PartFile>,
    /// Conversations written.
    pub conversations: u64,
    /// Messages in them, edits not counted.
    pub messages: u64,
    /// What became of each field.
    pub fields: Vec<FieldLine>,
    /// When it began.
    pub started_at: Millis,
    /// When it ended.
    pub finished_at: Millis,
}

/// Write an organization's conversations in a format. The run is recorded in `export_runs` and in the audit log.
///
/// Safe to run again at any time: it replaces what the directory held of an earlier one, and readers find the old files or
/// the new ones, each of them whole.
///
/// # Errors
/// [`SinkError::NoReason`]; [`SinkError::NoConversation`] for one that the mirror does not have, before anything is written; and the others.
/// Nothing half-written is left.
pub async fn handover(
    db: &Db,
    org: OrgId,
    options: &HandoverOptions,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
) -> Result<HandoverReport, SinkError> {
    if options.reason.trim().is_empty() || options.reason.len() > REASON_BYTES_MAX {
        return Err(SinkError::NoReason);
    }
    for id in &options.conversations {
        if mirror::conversation(db, org, *id).await?.is_none() {
            return Err(SinkError::NoConversation { id: *id });
        }
    }
    let plan = Plan {
        org,
        run: RunId::new(clock, entropy),
        schema_version: db.schema_version().await?,
        started_at: clock.now(),
        tables: Vec::new(),
        selection: Selection::default(),
        basis: Basis::default(),
        mode: ExportMode::Full,
        recorded: Vec::new(),
    };
    record::start(db, &plan, options).await?;
    let written = write(db, &plan, options, clock).await;
    let recorded = record::finish(db, &plan, &options.who, &written, clock.now()).await;
    let report = written?;
    recorded?;
    tracing::info!(
        handover.conversations = report.conversations,
        handover.messages = report.messages,
        "Finished a handover of {} conversations",
        report.conversations
    );
    Ok(report)
}

/// Claim the directory, fill it, and commit; on failure clear away what was begun.
async fn write(
    db: &Db,
    plan: &Plan,
    options: &HandoverOptions,
    clock: &dyn Clock,
) -> Result<HandoverReport, SinkError> {
    let begun =
        Manifest { format: options.target.name().to_owned(), ..Manifest::begun(plan, Format::Ndjson, false) };
    let (dir, org, mark) = (options.dir.clone(), plan.org, begun.clone());
    let claim = tokio::task::spawn_blocking(move || claim(&dir, org, &mark));
    let directory = claim.await.unwrap_or(Err(SinkError::WriterStopped { step: STEP }))?;
    let filled = fill(db, plan, options, &directory).await;
    let written = match filled {
        Ok(written) => written,
        Err(error) => {
            // The first failure is the one to tell; what this cannot remove the next run will.
            let clear = directory.clone();
            let _ = blocking(&directory, STEP, move || clear.remove_partials(&[])).await;
            return Err(error);
        }
    };
    let finished_at = clock.now();
    let manifest =
        Manifest { complete: true, finished_at: Some(finished_at), tables: written.files.clone(), ..begun };
    let (commit, wholes) = (directory.clone(), written.wholes);
    blocking(&directory, STEP, move || commit.commit(&wholes, &[], &manifest)).await?;
    Ok(HandoverReport {
        run_id: plan.run.clone(),
        dir: options.dir.clone(),
        format: options.target.name(),
        files: written.files,
        conversations: written.conversations,
        messages: written.messages,
        fields: written.fields.lines(),
        started_at: plan.started_at,
        finished_at,
    })
}

/// Take the directory, unless it holds an export in another format: that one is not ours to replace.
fn claim(dir: &std::path::Path, org: OrgId, begun: &Manifest) -> Result<Arc<Directory>, SinkError> {
    let directory = Directory::claim(dir, org)?;
    match Manifest::read(directory.root())? {
        Some(held) if held.format != begun.format => {
            return Err(SinkError::OtherFormat { path: dir.to_path_buf(), found: held.format });
        }
        _ => directory.begin(begun)?,
    }
    Ok(Arc::new(directory))
}

/// Read and write at once; a channel between them bounds memory.
async fn fill(
    db: &Db,
    plan: &Plan,
    options: &HandoverOptions,
    directory: &Arc<Directory>,
) -> Result<Written, SinkError> {
    let shared = gather::shared(db, plan.org, options.attachments_at.clone()).await?;
    let (sender, receiver) = mpsc::channel(BATCHES_WAITING_MAX);
    let (root, target) = (directory.root().to_path_buf(), options.target);
    let writer = std::pin::pin!(blocking(directory, STEP, move || {
        let shared: Shared = shared;
        Writer::create(&root, target)?.drain(receiver, &shared)
    }));
    let (read, written) = tokio::join!(read(db, plan.org, &options.conversations, sender), writer);
    // A failed read is the cause when both failed: the writer only noticed that its batches ended.
    read?;
    written
}

/// Send batches to the writer; only an explicit end makes its files whole.
async fn read(
    db: &Db,
    org: OrgId,
    only: &[ConversationId],
    batches: mpsc::Sender<Option<Batch>>,
) -> Result<(), SinkError> {
    let mut wanted = match only {
        [] => Wanted::After(None),
        ids => Wanted::these(ids),
    };
    loop {
        let batch = gather::next(db, org, &mut wanted).await?;
        let was_last = batch.is_none();
        // A writer that has gone has failed, and says why itself.
        if batches.send(batch).await.is_err() || was_last {
            return Ok(());
        }
    }
}

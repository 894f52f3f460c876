//! A bulk export of one organization to a destination.
//!
//! One pass over each public table, read by pages and written as parts; for files and objects then the attachments' bytes and
//! a transcript for each conversation; at the end everything is read back ([`proof`](crate::proof)) and the manifest is signed. Memory holds a few
//! pages and a few conversations, however large the mirror is. The work is reading the database (tables) and creating files
//! (transcripts); both are bounded by the disk.
//!
//! Each part is recorded in the store once it is whole at the destination. A run that was stopped, or died, goes on: of its
//! recorded parts those stay that still are what the mirror has, the others are written. So it comes out as one that began now,
//! and as one that was never disturbed if the mirror has not changed.
//!
//! Pages are read one after another, not in one snapshot: what an archive stores meanwhile may be in one table and
//! not yet in another. Export when nothing runs, or again afterwards.

pub(crate) mod attachments;
mod beside;
mod erase;
mod files;
mod options;
mod recorder;
mod run;
mod seal;
mod tables;
mod transcripts;
mod trees;
mod watch;

use std::future::Future;
use std::sync::Arc;

use model::{Clock, Entropy, Millis, OrgId, RunId};
use serde::Serialize;
use store::audit::Signer;
use store::export_runs::{self, Asked};
use store::mask_keys::MaskKey;
use store::tables::touched;
use store::{Db, exclusive};

pub use erase::erase;
pub use options::{Begin, ExportOptions};
pub(crate) use options::{REASON_BYTES_MAX, files_of};

use crate::SinkError;
use crate::copy::{self, Source};
use crate::destination::Target;
use crate::export::beside::Beside;
pub(crate) use crate::export::files::{FILES, FileList, Listed};
use crate::export::run::Begun;
use crate::export::seal::Sealed;
pub(crate) use crate::export::trees::{NewFile, Trees};
use crate::export::watch::Watch;
use crate::incremental::{self, Scope, Why};
use crate::manifest::Manifest;
use crate::mask::Mask;
use crate::selection::Selection;
use crate::sink::{PartFile, Plan};

/// What an export needs besides its options.
#[derive(Clone, Copy)]
pub struct Exporter<'a> {
    /// The store.
    pub db: &'a Db,
    /// Whose data.
    pub org: OrgId,
    /// The time.
    pub clock: &'a dyn Clock,
    /// Randomness, for the run's id.
    pub entropy: &'a dyn Entropy,
    /// What signs the manifest; without it the manifest is not signed.
    pub signer: Option<&'a Signer>,
    /// What pseudonyms are made with, where something is masked.
    pub mask_key: Option<&'a MaskKey>,
}

impl<'a> Exporter<'a> {
    /// Where the rows come from that a selection lets out.
    pub(crate) fn source(&self, selection: &'a Selection) -> Result<Source<'a>, SinkError> {
        let mask = Mask::new(selection.mask, self.mask_key)?;
        Ok(Source { db: self.db, org: self.org, selection: Some(selection), mask })
    }
}

impl std::fmt::Debug for Exporter<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Exporter")
            .field("org", &self.org)
            .field("signer", &self.signer)
            .finish_non_exhaustive()
    }
}

/// How far an export has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ExportProgress {
    /// The table being written, or `attachments`, `transcripts` or `reading_back`.
    pub step: &'static str,
    /// Rows or files written in this step.
    pub done: u64,
}

/// What an export wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExportReport {
    /// Its row in `export_runs`.
    pub run_id: RunId,
    /// Where it lies.
    pub destination: String,
    /// Whether an earlier process had begun it.
    pub resumed: bool,
    /// Parts that an earlier process had finished, and that were not written again.
    pub parts_kept: u64,
    /// Whether only what had changed was written.
    pub incremental: bool,
    /// Why everything was written where only changes were asked for: `first`, `other`, `version` or `options`.
    pub everything: Option<&'static str>,
    /// Parts that were written.
    pub parts_written: u64,
    /// Bytes of them.
    pub bytes_written: u64,
    /// The tables' files.
    pub tables: Vec<PartFile>,
    /// Rows in all tables.
    pub rows: u64,
    /// Bytes in all files.
    pub bytes: u64,
    /// Conversations with a transcript.
    pub transcripts: u64,
    /// Attachment files written.
    pub attachments: u64,
    /// Attachments whose bytes the mirror does not have.
    pub attachments_missing: u64,
    /// Whether what was read back is what the mirror has; it may have gone on meanwhile.
    pub equal: bool,
    /// Whether the manifest is signed.
    pub signed: bool,
    /// When it began.
    pub started_at: Millis,
    /// When this process took it up.
    pub taken_up_at: Millis,
    /// When everything was written.
    pub finished_at: Millis,
    /// When it was committed: visible at its destination.
    pub committed_at: Millis,
    /// When everything was read back.
    pub proved_at: Millis,
}

/// What every step needs.
struct Run<'a> {
    db: &'a Db,
    org: OrgId,
    trees: Arc<dyn Trees>,
    progress: &'a mut (dyn FnMut(ExportProgress) + Send),
}

/// A run that is whole at its destination.
struct Written {
    report: ExportReport,
    sealed: Sealed,
}

/// Export everything the mirror has of an organization. The run is recorded in `export_runs`, with its outcome.
///
/// Safe to run again at any time, also after a crash: it goes on with a run to the same destination that was asked for in the
/// same words and has not ended, or replaces what is there; readers find the old export or the new one, each of its files
/// whole. When `stop` is ready the run pauses.
///
/// # Errors
/// See [`SinkError`]. [`SinkError::Stopped`] when it was paused or cancelled; [`SinkError::UnderWay`] when another process is
/// at it. Nothing half-written is left under a final name, and an earlier export stays as it was unless the
/// failure came while files got their names (the manifest then says `"complete": false`).
pub async fn export(
    exporter: &Exporter<'_>,
    options: &ExportOptions,
    stop: impl Future<Output = ()> + Send,
    mut progress: impl FnMut(ExportProgress) + Send,
) -> Result<ExportReport, SinkError> {
    options.check()?;
    exporter.source(&options.selection)?;
    let destination = options.destination.to_string();
    let hold = exclusive::hold(exporter.db, exporter.org, &export_runs::hold_name(&destination)).await?;
    let hold = hold.ok_or_else(|| SinkError::UnderWay { destination: destination.clone() })?;
    let exported = held(exporter, options, stop, &mut progress).await;
    // Whoever asks next gets the destination at once, also after a failure.
    let released = hold.release().await;
    let report = exported?;
    released?;
    tracing::info!(
        export.rows = report.rows,
        export.bytes = report.bytes,
        "Finished an export of {} rows",
        report.rows
    );
    Ok(report)
}

/// Whether an incremental export would find nothing to write: what its last run left holds everything that the mirror has, no run
/// is unfinished, and it is asked for in the same words.
///
/// # Errors
/// Those of the store.
pub async fn is_current(db: &Db, org: OrgId, options: &ExportOptions) -> Result<bool, SinkError> {
    let destination = options.destination.to_string();
    let last = export_runs::last_succeeded(db, org, &destination).await?;
    let Some(last) = last.filter(|last| options.incremental && last.options == Some(options.words())) else {
        return Ok(false);
    };
    if export_runs::unfinished(db, org, &destination).await?.is_some() {
        return Ok(false);
    }
    let left = last.manifest.as_deref().and_then(|text| serde_json::from_str::<Manifest>(text).ok());
    let basis = touched::basis(db, org).await?;
    let version = db.schema_version().await?;
    Ok(left.is_some_and(|left| left.basis == Some(basis) && left.schema_version == version))
}

/// Begin the run or take it up, and end it or stop it.
async fn held(
    exporter: &Exporter<'_>,
    options: &ExportOptions,
    stop: impl Future<Output = ()> + Send,
    progress: &mut (dyn FnMut(ExportProgress) + Send),
) -> Result<ExportReport, SinkError> {
    let destination = options.destination.to_string();
    let begun = run::begin(exporter, options, &destination).await?;
    let watch = Watch::default();
    let mut told = |now: ExportProgress| {
        watch.note(now);
        progress(now);
    };
    let written = tokio::select! {
        written = Box::pin(write(exporter, &begun, options, &mut told)) => written,
        asked = watch.asked(exporter, &begun.plan.run) => Err(asked),
        () = stop => Err(SinkError::Stopped { asked: Asked::Pause }),
    };
    let standing = begun.scope.standing();
    let recorded = run::end(exporter, (&begun.plan, standing), &written, options).await;
    let Written { report, .. } = written?;
    recorded?;
    Ok(report)
}

/// Claim the destination, fill it, commit, and read it back; on failure clear away what was begun and is not whole.
async fn write(
    exporter: &Exporter<'_>,
    begun: &Begun,
    options: &ExportOptions,
    progress: &mut (dyn FnMut(ExportProgress) + Send),
) -> Result<Written, SinkError> {
    let mut target = options.destination.target();
    let plan = run::check(exporter, begun, options, target.sink()).await?;
    let filled = Box::pin(fill(exporter, (&plan, &begun.scope), options, &mut target, progress)).await;
    if filled.is_err() {
        // The first failure is the one to tell.
        target.give_up().await;
    }
    let (parts, beside) = filled?;
    let finished_at = exporter.clock.now();
    target.sink().commit(finished_at).await?;
    let committed_at = exporter.clock.now();
    let written = parts.iter().filter(|part| !plan.recorded.contains(part));
    let (parts_written, bytes_written) =
        written.fold((0, 0), |(parts, bytes), part| (parts + 1, bytes + part.bytes));
    let standing = begun.scope.standing();
    let sealed =
        seal::seal(exporter, (&plan, standing), options, (&target, parts, finished_at), progress).await?;
    let manifest = &sealed.manifest;
    let report = ExportReport {
        run_id: plan.run.clone(),
        destination: options.destination.to_string(),
        resumed: begun.resumed,
        parts_kept: plan.recorded.len() as u64,
        incremental: standing.is_some(),
        everything: begun.scope.why().map(Why::as_str),
        parts_written,
        bytes_written,
        rows: manifest.tables.iter().map(|table| table.rows).sum(),
        bytes: manifest.tables.iter().chain(&manifest.files).map(|file| file.bytes).sum::<u64>()
            + beside.listed_bytes,
        equal: manifest.proof.as_ref().is_some_and(|proof| proof.equal),
        signed: sealed.signature.is_some(),
        tables: manifest.tables.clone(),
        transcripts: beside.transcripts,
        attachments: beside.attachments,
        attachments_missing: beside.attachments_missing,
        started_at: plan.started_at,
        taken_up_at: begun.taken_up_at,
        finished_at,
        committed_at,
        proved_at: exporter.clock.now(),
    };
    Ok(Written { report, sealed })
}

/// Write every part that is not there yet, and what lies beside the tables.
async fn fill(
    exporter: &Exporter<'_>,
    (plan, scope): (&Plan, &Scope),
    options: &ExportOptions,
    target: &mut Target,
    progress: &mut (dyn FnMut(ExportProgress) + Send),
) -> Result<(Vec<PartFile>, Beside), SinkError> {
    let source = exporter.source(&plan.selection)?;
    let layout = target.sink().layout();
    let formulas = options.destination.formulas();
    let mut parts = Vec::new();
    for table in &plan.tables {
        let cuts = match scope {
            Scope::Everything(_) => copy::cuts(source, layout, table).await?,
            Scope::Since(touched, standing) => incremental::cuts(source, table, touched, standing).await?,
        };
        let mut told = |done| progress(ExportProgress { step: table.name, done });
        let writing = tables::write(exporter, (plan, formulas), &cuts, target.sink(), &mut told);
        parts.extend(Box::pin(writing).await?);
    }
    let beside = beside::write(exporter, plan, options, (target, progress)).await?;
    Ok((parts, beside))
}

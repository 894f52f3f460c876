//! A bulk export of one organization into a directory.
//!
//! One pass over each public table, read by pages and written by a thread of its own; then the attachments' files, then
//! a transcript for each conversation. Memory holds a few pages and a few conversations, however large the mirror is.
//!
//! The work is reading the database (tables) and creating files (transcripts); both are bounded by the disk.
//!
//! Pages are read one after another, not in one snapshot: what an archive stores meanwhile may be in one table and
//! not yet in another. Export when nothing runs, or again afterwards.

pub(crate) mod attachments;
mod files;
mod transcripts;

use std::path::PathBuf;
use std::sync::Arc;

use model::{Clock, Entropy, Millis, OrgId, RunId};
use serde::Serialize;
use store::audit::{self, Action, NewEntry, Object, ObjectKind, Who};
use store::{Db, export_runs};

use crate::SinkError;
use crate::copy::{self, Source};
use crate::directory::Directory;
pub(crate) use crate::export::files::{FILES, FileList, Listed};
use crate::files::{Extras, FileSink, entry};
use crate::format::{Format, Formulas};
use crate::sink::{PartFile, Plan, Sink as _};

/// What to export, and where to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportOptions {
    /// The tables' format.
    pub format: Format,
    /// What CSV does with texts that look like formulas.
    pub formulas: Formulas,
    /// The directory: made if need be; otherwise empty, or an earlier export of the same organization.
    pub dir: PathBuf,
    /// Whether to lay out each conversation as text, HTML and Markdown.
    pub transcripts: bool,
    /// Whether to write the attachments' files.
    pub attachments: bool,
    /// Who asked for it.
    pub who: Who,
}

/// How far an export has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExportProgress {
    /// The table being written, or `attachments` or `transcripts`.
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
    pub dir: PathBuf,
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
    /// When it began.
    pub started_at: Millis,
    /// When it ended.
    pub finished_at: Millis,
}

/// What every step needs.
struct Run<'a> {
    db: &'a Db,
    org: OrgId,
    directory: Arc<Directory>,
    progress: &'a mut (dyn FnMut(ExportProgress) + Send),
}

/// Export everything the mirror has of an organization. The run is recorded in `export_runs`, with its outcome.
///
/// Safe to run again at any time, also after a crash: it replaces what the directory held of an earlier export, and
/// readers find the old export or the new one, each of its files whole.
///
/// # Errors
/// See [`SinkError`]; nothing half-written is left, and an earlier export stays as it was unless the failure came
/// while files got their names (the manifest then says `"complete": false`).
pub async fn export(
    db: &Db,
    org: OrgId,
    options: &ExportOptions,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
    mut progress: impl FnMut(ExportProgress) + Send,
) -> Result<ExportReport, SinkError> {
    let plan = Plan {
        org,
        run: RunId::new(clock, entropy),
        schema_version: db.schema_version().await?,
        started_at: clock.now(),
        tables: store::tables::TABLES.iter().collect(),
    };
    let destination = std::path::absolute(&options.dir).unwrap_or_else(|_| options.dir.clone());
    let destination = destination.to_string_lossy().into_owned();
    let mut tx = db.begin().await?;
    let target = (options.format.name(), destination.as_str());
    export_runs::start(&mut tx, org, &plan.run, target, plan.started_at).await?;
    let object = Object::new(ObjectKind::ExportRun, plan.run.0.as_str());
    let entry = NewEntry::done(plan.started_at, &options.who, Action::ExportStart, object).org(org);
    audit::append(&mut tx, &entry)?;
    tx.commit().await?;

    let written = write(db, &plan, options, clock, &mut progress).await;
    let (outcome, counts) = match &written {
        Ok(report) => ("success".to_owned(), counts(report)),
        Err(error) => (format!("failed: {error}"), "{}".to_owned()),
    };
    let rows = written.as_ref().ok().map(|report| report.rows);
    let recorded = record(db, &plan, (&outcome, &counts, rows), &options.who, clock.now()).await;
    match (written, recorded) {
        (Err(error), _) => Err(error),
        (Ok(_), Err(error)) => Err(error),
        (Ok(report), Ok(())) => {
            tracing::info!(
                export.rows = report.rows,
                export.bytes = report.bytes,
                "Finished an export of {} rows",
                report.rows
            );
            Ok(report)
        }
    }
}

/// How it ended: in a sentence, by table, and how many rows, unless it failed.
async fn record(
    db: &Db,
    plan: &Plan,
    (outcome, counts, rows): (&str, &str, Option<u64>),
    who: &Who,
    now: Millis,
) -> Result<(), SinkError> {
    let mut tx = db.begin().await?;
    export_runs::finish(&mut tx, plan.org, &plan.run, (outcome, counts), now).await?;
    let object = Object::new(ObjectKind::ExportRun, plan.run.0.as_str());
    let entry = match rows {
        Some(rows) => NewEntry::done(now, who, Action::ExportFinish, object).amount(rows.cast_signed()),
        None => NewEntry::failed(now, who, Action::ExportFinish, object, "not_written"),
    };
    audit::append(&mut tx, &entry.org(plan.org))?;
    Ok(tx.commit().await?)
}

/// Claim the directory, fill it, and commit; on failure clear away what was begun.
async fn write(
    db: &Db,
    plan: &Plan,
    options: &ExportOptions,
    clock: &dyn Clock,
    progress: &mut (dyn FnMut(ExportProgress) + Send),
) -> Result<ExportReport, SinkError> {
    let mut sink = FileSink::new(options.dir.clone(), options.format, options.formulas);
    sink.check(plan).await?;
    let filled = fill(db, plan, options, &mut sink, clock, progress).await;
    if filled.is_err() {
        // The first failure is the one to tell.
        sink.give_up().await;
    }
    filled
}

async fn fill(
    db: &Db,
    plan: &Plan,
    options: &ExportOptions,
    sink: &mut FileSink,
    clock: &dyn Clock,
    progress: &mut (dyn FnMut(ExportProgress) + Send),
) -> Result<ExportReport, SinkError> {
    let source = Source { db, org: plan.org };
    for table in &plan.tables {
        let mut told = |done| progress(ExportProgress { step: table.name, done });
        copy::table(source, sink, table, &mut told).await?;
    }
    let directory = sink.directory().expect("the sink was checked").clone();
    let mut run = Run { db, org: plan.org, directory, progress };
    let mut list = FileList::begin(run.directory.root())?;
    let mut trees = Vec::new();
    let mut attachments = attachments::Outcome::default();
    if options.attachments {
        trees.push("attachments");
        (list, attachments) = attachments::write(&mut run, list).await?;
    }
    let (attachments_written, attachments_missing) = (attachments.written, attachments.missing);
    let mut conversations = 0;
    if options.transcripts {
        trees.push("transcripts");
        (list, conversations) = transcripts::write(&mut run, list, attachments).await?;
    }
    let listed_bytes = list.listed_bytes();
    let (whole, listed) = list.finish()?;
    sink.add(Extras { list: Some((entry("files", Format::Ndjson, &whole, listed), whole)), trees });
    let finished_at = clock.now();
    sink.commit(finished_at).await?;
    let manifest = sink.manifest().expect("the sink was checked");
    Ok(ExportReport {
        run_id: plan.run.clone(),
        dir: options.dir.clone(),
        rows: manifest.tables.iter().map(|table| table.rows).sum(),
        bytes: manifest.tables.iter().chain(&manifest.files).map(|file| file.bytes).sum::<u64>()
            + listed_bytes,
        tables: manifest.tables.clone(),
        transcripts: conversations,
        attachments: attachments_written,
        attachments_missing,
        started_at: plan.started_at,
        finished_at,
    })
}

/// Rows by table and files by kind, a JSON object, for `export_runs`.
fn counts(report: &ExportReport) -> String {
    let tables = report.tables.iter().map(|table| (table.table.clone(), table.rows));
    let files = [
        ("transcripts".to_owned(), report.transcripts),
        ("attachment_files".to_owned(), report.attachments),
        ("bytes".to_owned(), report.bytes),
    ];
    let counts: serde_json::Map<_, _> =
        tables.chain(files).map(|(name, count)| (name, count.into())).collect();
    serde_json::Value::Object(counts).to_string()
}

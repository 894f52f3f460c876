//! A run in the store: begun or taken up, and ended, each with its entry in the audit log.

use model::{Millis, RunId};
use store::audit::{self, Action, NewEntry, Object, ObjectKind};
use store::export_runs::{self, Asked, Ended, ExportMode, ExportPart, NewExport};
use store::{Tx, tables};

use crate::SinkError;
use crate::export::{Begin, ExportOptions, ExportReport, Exporter, Written};
use crate::format::{Format, Formulas};
use crate::incremental::{self, Scope};
use crate::manifest::Manifest;
use crate::proof;
use crate::sink::{PartFile, Plan, Sink};

/// How often a destination that is still being written to is tried to be cleared, and how long is waited in between.
const CLEAR_TRIES_MAX: u32 = 50;
const CLEAR_EVERY_MS: u64 = 100;

/// A run that is under way.
#[derive(Debug)]
pub(super) struct Begun {
    /// Its parts on record are not looked at yet.
    pub(super) plan: Plan,
    pub(super) scope: Scope,
    pub(super) resumed: bool,
    pub(super) taken_up_at: Millis,
}

/// Take up the run to this destination that has not ended, or begin one.
pub(super) async fn begin(
    exporter: &Exporter<'_>,
    options: &ExportOptions,
    destination: &str,
) -> Result<Begun, SinkError> {
    let Exporter { db, org, clock, .. } = *exporter;
    let (now, words) = (clock.now(), options.words());
    let unfinished = export_runs::unfinished(db, org, destination).await?;
    let goes_on = unfinished.as_ref().filter(|run| {
        let same_words = run.options.as_deref() == Some(words.as_str());
        options.begin == Begin::GoOn && run.mode == ExportMode::Full && same_words
    });
    let run = goes_on.map_or_else(|| RunId::new(clock, exporter.entropy), |run| run.export_run_id.clone());
    let mut plan = Plan {
        org,
        run,
        schema_version: db.schema_version().await?,
        started_at: goes_on.map_or(now, |run| run.started_at),
        tables: options.selection.tables()?,
        mode: ExportMode::Full,
        selection: options.selection.clone(),
        basis: tables::touched::basis(db, org).await?,
        recorded: Vec::new(),
    };
    let scope = scope(exporter, options, (&plan, goes_on.is_some()), destination).await?;
    if scope.standing().is_some() {
        plan.mode = ExportMode::Incremental;
    }
    let new = NewExport {
        format: options.destination.format(),
        destination,
        mode: plan.mode,
        changes_upto: plan.basis.changes_upto,
        options: Some(&words),
    };
    let mut tx = db.begin().await?;
    match (&unfinished, goes_on) {
        (_, Some(_)) => export_runs::take_up(&mut tx, org, &plan.run).await?,
        (given_up, None) => {
            if let Some(given_up) = given_up {
                export_runs::end(&mut tx, org, &given_up.export_run_id, Ended::Cancelled, now).await?;
            }
            export_runs::start(&mut tx, org, &plan.run, &new, now).await?;
        }
    }
    let object = Object::new(ObjectKind::ExportRun, plan.run.0.as_str());
    let entry = NewEntry::done(now, &options.who, Action::ExportStart, object).org(org);
    audit::append(&mut tx, &if options.shows_people() { entry.because("unmasked") } else { entry })?;
    tx.commit().await?;
    Ok(Begun { plan, scope, resumed: goes_on.is_some(), taken_up_at: now })
}

/// What is written: everything, or what has changed. A run that goes on is a full one.
async fn scope(
    exporter: &Exporter<'_>,
    options: &ExportOptions,
    (plan, goes_on): (&Plan, bool),
    destination: &str,
) -> Result<Scope, SinkError> {
    if !options.incremental || goes_on {
        return Ok(Scope::Everything(None));
    }
    let last = export_runs::last_succeeded(exporter.db, plan.org, destination).await?;
    // A destination that cannot be read is looked at once more before the first write, by a run that is on record.
    let standing = options.destination.standing(plan, last.as_ref()).await.unwrap_or_default();
    let defused = options.destination.formulas() == Formulas::Defuse;
    let next = Manifest {
        format: options.destination.format_of_files().to_owned(),
        ..Manifest::begun(plan, Format::Parquet, defused).compressed(options.destination.compression())
    };
    incremental::scope(exporter.db, last.as_ref(), standing, &next).await
}

/// Have the sink look at its target, with those recorded parts that are still what the mirror has; answers the plan. If one
/// of them is lost, the run begins without any.
pub(super) async fn check(
    exporter: &Exporter<'_>,
    begun: &Begun,
    options: &ExportOptions,
    sink: &mut dyn Sink,
) -> Result<Plan, SinkError> {
    let mut plan = begun.plan.clone();
    let recorded = export_runs::parts(exporter.db, plan.org, &plan.run).await?;
    let source = exporter.source(&begun.plan.selection)?;
    let (mut outdated, mut cuts) = (Vec::new(), proof::Cuts::default());
    for part in recorded {
        let file = part_file(&part);
        let mirror = match cuts.of(source, &options.destination, &file).await? {
            Some(cut) => Some(proof::mirror_digest(source, &cut, options.destination.formulas()).await?),
            None => None,
        };
        if mirror.is_some_and(|mirror| (mirror.rows, &mirror.digest) == (file.rows, &file.digest)) {
            plan.recorded.push(file);
        } else {
            outdated.push(part);
        }
    }
    forget(exporter, &plan, &outdated).await?;
    match sink.check(&plan).await {
        Err(SinkError::PartLost { file }) => {
            tracing::warn!(export.file = file, "A finished part is no longer there: the export begins anew");
            let lost = export_runs::parts(exporter.db, plan.org, &plan.run).await?;
            forget(exporter, &plan, &lost).await?;
            plan.recorded.clear();
            sink.check(&plan).await?;
        }
        checked => checked?,
    }
    Ok(plan)
}

/// How it ended or stopped. One that was cancelled leaves nothing at its destination but what was committed before.
pub(super) async fn end(
    exporter: &Exporter<'_>,
    (plan, standing): (&Plan, Option<&Manifest>),
    written: &Result<Written, SinkError>,
    options: &ExportOptions,
) -> Result<(), SinkError> {
    let (now, who) = (exporter.clock.now(), &options.who);
    let object = Object::new(ObjectKind::ExportRun, plan.run.0.as_str());
    let failed = |reason| NewEntry::failed(now, who, Action::ExportFinish, object.clone(), reason);
    let (counted, reason);
    let (ended, entry) = match written {
        Ok(Written { report, sealed }) => {
            counted = counts(report);
            let ended = Ended::Succeeded {
                counts: &counted,
                bytes: report.bytes.cast_signed(),
                manifest: Some(&sealed.text),
                signature: sealed.signature.as_deref(),
            };
            let entry = NewEntry::done(now, who, Action::ExportFinish, object.clone());
            (ended, entry.amount(report.rows.cast_signed()))
        }
        Err(SinkError::Stopped { asked: Asked::Pause }) => (Ended::Paused, failed("paused")),
        Err(SinkError::Stopped { asked: Asked::Cancel }) => (Ended::Cancelled, failed("cancelled")),
        Err(error) => {
            reason = error.to_string();
            (Ended::Failed(&reason), failed("not_written"))
        }
    };
    let mut tx = exporter.db.begin().await?;
    if let (Ok(written), Some(before)) = (written, standing) {
        keep_standing(&mut tx, plan, written, before).await?;
    }
    export_runs::end(&mut tx, plan.org, &plan.run, ended, now).await?;
    audit::append(&mut tx, &entry.org(plan.org))?;
    tx.commit().await?;
    if matches!(ended, Ended::Cancelled) {
        cleared(exporter, options).await;
    }
    Ok(())
}

/// The parts that an incremental run left standing are its own from now on, and those that came without rows are none.
async fn keep_standing(
    tx: &mut Tx,
    plan: &Plan,
    written: &Written,
    before: &Manifest,
) -> Result<(), SinkError> {
    export_runs::adopt_parts(tx, plan.org, &plan.run, &before.run_id).await?;
    let is_listed = |part: &&PartFile| written.report.tables.iter().any(|kept| kept.is_same_part(part));
    for part in before.tables.iter().filter(|part| !is_listed(part)) {
        let period = part.period.as_deref().unwrap_or("all");
        export_runs::forget_part(tx, plan.org, &plan.run, (&part.table, period)).await?;
    }
    Ok(())
}

/// Clear the destination of a run that was given up; what cannot be cleared now the next run clears.
async fn cleared(exporter: &Exporter<'_>, options: &ExportOptions) {
    // Threads that still write a part let go of the directory when they notice that nobody waits for them.
    for _ in 0..CLEAR_TRIES_MAX {
        match options.destination.clear(exporter.org).await {
            Err(SinkError::Busy { .. }) => exporter.clock.sleep(CLEAR_EVERY_MS).await,
            _ => return,
        }
    }
}

/// Rows by table and files by kind, a JSON object, for `export_runs`.
fn counts(report: &ExportReport) -> String {
    let mut counts = std::collections::BTreeMap::new();
    for part in &report.tables {
        *counts.entry(part.table.as_str()).or_insert(0) += part.rows;
    }
    counts.insert("transcripts", report.transcripts);
    counts.insert("attachment_files", report.attachments);
    counts.insert("bytes", report.bytes);
    serde_json::to_string(&counts).expect("counts are JSON")
}

async fn forget(exporter: &Exporter<'_>, plan: &Plan, parts: &[ExportPart]) -> Result<(), SinkError> {
    if parts.is_empty() {
        return Ok(());
    }
    let mut tx = exporter.db.begin().await?;
    for part in parts {
        export_runs::forget_part(&mut tx, plan.org, &plan.run, (&part.table, &part.period)).await?;
    }
    Ok(tx.commit().await?)
}

/// A part as it is recorded.
pub(crate) fn recorded(part: &PartFile, changes_upto: i64) -> ExportPart {
    ExportPart {
        table: part.table.clone(),
        period: part.period.clone().unwrap_or_else(|| "all".to_owned()),
        file: part.file.clone(),
        rows: part.rows.cast_signed(),
        bytes: part.bytes.cast_signed(),
        sha256: part.sha256.clone(),
        digest: part.digest.clone(),
        changes_upto,
    }
}

/// A part on record, as a manifest names it.
pub(crate) fn part_file(part: &ExportPart) -> PartFile {
    PartFile {
        table: part.table.clone(),
        period: Some(part.period.clone()).filter(|period| period != "all"),
        file: part.file.clone(),
        rows: part.rows.cast_unsigned(),
        bytes: part.bytes.cast_unsigned(),
        sha256: part.sha256.clone(),
        digest: part.digest.clone(),
    }
}

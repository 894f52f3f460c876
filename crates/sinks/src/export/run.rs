//! A run in the store: begun or taken up, and ended, each with its entry in the audit log.

use model::{Millis, RunId};
use store::audit::{self, Action, NewEntry, Object, ObjectKind};
use store::changes;
use store::export_runs::{self, Asked, Ended, ExportMode, ExportPart, NewExport};

use crate::SinkError;
use crate::copy::Source;
use crate::export::{Begin, ExportOptions, ExportReport, Exporter, Written};
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
    let new = NewExport {
        format: options.destination.format(),
        destination,
        mode: ExportMode::Full,
        changes_upto: changes::head(db, org).await?,
        options: Some(&words),
    };
    let mut tx = db.begin().await?;
    match (&unfinished, goes_on) {
        (_, Some(_)) => export_runs::take_up(&mut tx, org, &run).await?,
        (given_up, None) => {
            if let Some(given_up) = given_up {
                export_runs::end(&mut tx, org, &given_up.export_run_id, Ended::Cancelled, now).await?;
            }
            export_runs::start(&mut tx, org, &run, &new, now).await?;
        }
    }
    let object = Object::new(ObjectKind::ExportRun, run.0.as_str());
    audit::append(&mut tx, &NewEntry::done(now, &options.who, Action::ExportStart, object).org(org))?;
    tx.commit().await?;
    let plan = Plan {
        org,
        run,
        schema_version: db.schema_version().await?,
        started_at: goes_on.map_or(now, |run| run.started_at),
        tables: store::tables::TABLES.iter().collect(),
        mode: ExportMode::Full,
        recorded: Vec::new(),
    };
    Ok(Begun { plan, resumed: goes_on.is_some(), taken_up_at: now })
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
    let source = Source { db: exporter.db, org: plan.org };
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
    plan: &Plan,
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
    export_runs::end(&mut tx, plan.org, &plan.run, ended, now).await?;
    audit::append(&mut tx, &entry.org(plan.org))?;
    tx.commit().await?;
    if matches!(ended, Ended::Cancelled) {
        cleared(exporter, options).await;
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

//! The record of a handover: its row in `export_runs`, and its entries in the audit log, as exports have them.

use model::Millis;
use serde_json::json;
use store::audit::{self, Action, NewEntry, Object, ObjectKind, Who};
use store::export_runs::{self, Ended, ExportMode, NewExport};
use store::{Db, changes};

use crate::SinkError;
use crate::handover::{HandoverOptions, HandoverReport};
use crate::sink::Plan;

/// It begins.
pub(super) async fn start(db: &Db, plan: &Plan, options: &HandoverOptions) -> Result<(), SinkError> {
    let destination = std::path::absolute(&options.dir).unwrap_or_else(|_| options.dir.clone());
    let destination = destination.to_string_lossy().into_owned();
    let words = json!({ "reason": options.reason.trim() }).to_string();
    let new = NewExport {
        format: options.target.name(),
        destination: &destination,
        mode: ExportMode::Full,
        changes_upto: changes::head(db, plan.org).await?,
        options: Some(&words),
    };
    let mut tx = db.begin().await?;
    export_runs::start(&mut tx, plan.org, &plan.run, &new, plan.started_at).await?;
    let object = Object::new(ObjectKind::ExportRun, plan.run.0.as_str());
    let entry = NewEntry::done(plan.started_at, &options.who, Action::ExportStart, object).org(plan.org);
    audit::append(&mut tx, &entry.because("unmasked"))?;
    Ok(tx.commit().await?)
}

/// It has ended, one way or the other.
pub(super) async fn finish(
    db: &Db,
    plan: &Plan,
    who: &Who,
    written: &Result<HandoverReport, SinkError>,
    now: Millis,
) -> Result<(), SinkError> {
    let object = Object::new(ObjectKind::ExportRun, plan.run.0.as_str());
    let mut tx = db.begin().await?;
    let entry = match written {
        Ok(report) => {
            let counts = counts(report);
            let bytes = report.files.iter().map(|file| file.bytes).sum::<u64>().cast_signed();
            let ended = Ended::Succeeded { counts: &counts, bytes, manifest: None, signature: None };
            export_runs::end(&mut tx, plan.org, &plan.run, ended, now).await?;
            NewEntry::done(now, who, Action::ExportFinish, object).amount(report.conversations.cast_signed())
        }
        Err(error) => {
            let reason = error.to_string();
            export_runs::end(&mut tx, plan.org, &plan.run, Ended::Failed(&reason), now).await?;
            NewEntry::failed(now, who, Action::ExportFinish, object, "not_written")
        }
    };
    audit::append(&mut tx, &entry.org(plan.org))?;
    Ok(tx.commit().await?)
}

fn counts(report: &HandoverReport) -> String {
    let bytes: u64 = report.files.iter().map(|file| file.bytes).sum();
    json!({ "conversations": report.conversations, "messages": report.messages, "bytes": bytes }).to_string()
}

//! Removing a person from what an export has written: at the destination, and from what is recorded of it.

use store::audit::{self, Action, NewEntry, Object, ObjectKind};
use store::exclusive;
use store::export_runs::{self, ExportRun};

use crate::SinkError;
use crate::export::run::recorded;
use crate::export::{ExportOptions, Exporter};
use crate::manifest::Manifest;
use crate::proof;
use crate::sink::{Erased, Subject};

/// Remove somebody's rows, transcripts and attachments from where a run has written. The manifest is written and signed anew, and
/// the erasure is an entry of the audit log.
///
/// # Errors
/// [`SinkError::NotVerifiable`] for a run without a manifest; [`SinkError::UnderWay`]; those of the destination and of the store. It is to be
/// repeated then, and finds less.
pub async fn erase(
    exporter: &Exporter<'_>,
    run: &ExportRun,
    options: &ExportOptions,
    subject: &Subject,
) -> Result<Erased, SinkError> {
    let Exporter { db, org, .. } = *exporter;
    let held = run.manifest.as_deref().and_then(|text| serde_json::from_str::<Manifest>(text).ok());
    let held = held.ok_or_else(|| SinkError::NotVerifiable { run: run.export_run_id.0.clone() })?;
    let hold = exclusive::hold(db, org, &export_runs::hold_name(&run.destination)).await?;
    let hold = hold.ok_or_else(|| SinkError::UnderWay { destination: run.destination.clone() })?;
    let erased = Box::pin(held_erase(exporter, run, options, (subject, held))).await;
    let released = hold.release().await;
    let erased = erased?;
    released?;
    Ok(erased)
}

async fn held_erase(
    exporter: &Exporter<'_>,
    run: &ExportRun,
    options: &ExportOptions,
    (subject, held): (&Subject, Manifest),
) -> Result<Erased, SinkError> {
    let Exporter { db, org, .. } = *exporter;
    let mut target = options.destination.target();
    let erased = target.sink().erase(subject).await?;
    let mut manifest = options.destination.manifest().await?.unwrap_or(held);
    // What was compared with the mirror is no longer what lies there.
    manifest.proof = None;
    manifest.public_key = exporter.signer.map_or_else(String::new, |signer| hex::encode(signer.public_key()));
    let Manifest { tables, selection, .. } = &mut manifest;
    for part in tables {
        let table = store::tables::table(&part.table).and_then(|table| selection.narrow(table).ok());
        // What no table is known of nothing was erased from.
        let Some(table) = table else { continue };
        let found = proof::destination_digest((org, table), &options.destination, part).await?;
        (part.rows, part.digest) = (found.rows, found.digest);
    }
    let text = manifest.text();
    let signature = exporter.signer.map(|signer| signer.attest(text.as_bytes()));
    options.destination.seal(&text, signature.as_deref()).await?;
    let now = exporter.clock.now();
    let mut tx = db.begin().await?;
    for part in &manifest.tables {
        let part = recorded(part, run.changes_upto.unwrap_or_default());
        export_runs::record_part(&mut tx, org, &run.export_run_id, &part, now).await?;
    }
    export_runs::amend(&mut tx, org, &run.export_run_id, (&text, signature.as_deref())).await?;
    let object = Object::new(ObjectKind::ExportRun, run.export_run_id.0.as_str());
    let entry = NewEntry::done(now, &options.who, Action::ExportErase, object).org(org);
    audit::append(&mut tx, &entry.amount(erased.rows.cast_signed()))?;
    tx.commit().await?;
    Ok(erased)
}

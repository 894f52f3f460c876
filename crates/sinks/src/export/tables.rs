//! The parts of one table, one after the other: what comes next is read while a part is written, and that while those before
//! are recorded.

use crate::SinkError;
use crate::copy::{CutPart, ahead};
use crate::export::Exporter;
use crate::export::recorder::{Recorder, record};
use crate::format::Formulas;
use crate::proof;
use crate::sink::{PartFile, Plan, Sink};

/// Write each part of a table that is not on record; answers all of them, in order. `progress` is told how many of
/// the table's rows are at their destination.
pub(super) async fn write(
    exporter: &Exporter<'_>,
    (plan, formulas): (&Plan, Formulas),
    cuts: &[CutPart],
    sink: &mut dyn Sink,
    progress: &mut (dyn FnMut(u64) + Send),
) -> Result<Vec<PartFile>, SinkError> {
    let source = exporter.source(&plan.selection)?;
    let due = cuts.iter().filter(|cut| on_record(plan, cut).is_none());
    let (reading, mut ahead) = ahead::read(source, due);
    let (recording, records) = record(exporter, plan);
    // It lets go of both its neighbours when it ends, so that they end, too.
    let writing = async move {
        let (mut done, mut parts) = (0, Vec::new());
        for cut in cuts {
            if let Some(kept) = on_record(plan, cut) {
                done += kept.rows;
                parts.push(kept.clone());
                continue;
            }
            // Without a next one the reading has failed, and tells why.
            let stopped = SinkError::WriterStopped { step: cut.part.table.name };
            let upcoming = ahead.part().await.ok_or(stopped)?;
            let mut told = |rows| {
                done += rows;
                progress(done);
            };
            let mut recorder = Recorder::new(&records, &mut *sink, (formulas, upcoming.changes_upto));
            parts.extend(upcoming.write(&mut recorder, &mut told).await?);
        }
        Ok(parts)
    };
    let (read, written, recorded) = tokio::join!(reading, writing, recording);
    // Of a failure the writing knows only that its neighbour has gone.
    read.and(recorded).and(written)
}

fn on_record<'a>(plan: &'a Plan, cut: &CutPart) -> Option<&'a PartFile> {
    let (table, period) = (cut.part.table.name, proof::period(cut));
    plan.recorded.iter().find(|part| part.table == table && part.period == period)
}

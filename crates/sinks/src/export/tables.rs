//! The parts of one table, one after the other. What comes next is read while a part is ended, named and recorded.

use store::changes;

use crate::SinkError;
use crate::copy::{Ahead, CutPart, Source};
use crate::export::Exporter;
use crate::export::recorder::Recorder;
use crate::format::Formulas;
use crate::proof;
use crate::sink::{PartFile, Plan, Sink};

/// A part that is read ahead, and how far the mirror had come before.
struct Upcoming<'a> {
    changes_upto: i64,
    pages: Ahead<'a>,
}

impl<'a> Upcoming<'a> {
    async fn read(source: Source<'a>, cut: &'a CutPart) -> Result<Self, SinkError> {
        let changes_upto = changes::head(source.db, source.org).await?;
        Ok(Self { changes_upto, pages: Ahead::read(source, cut).await? })
    }
}

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
    let (mut done, mut parts, mut upcoming) = (0, Vec::new(), None);
    for (place, cut) in cuts.iter().enumerate() {
        if let Some(kept) = on_record(plan, cut) {
            done += kept.rows;
            parts.push(kept.clone());
            continue;
        }
        let current = match upcoming.take() {
            Some(read) => read,
            None => Upcoming::read(source, cut).await?,
        };
        let mut told = |rows| {
            done += rows;
            progress(done);
        };
        let mut recorder = Recorder::new(exporter, plan, sink, (formulas, current.changes_upto));
        let writing = current.pages.write(&mut recorder, &mut told);
        let next = cuts[place + 1..].iter().find(|cut| on_record(plan, cut).is_none());
        let reading = async {
            match next {
                Some(cut) => Upcoming::read(source, cut).await.map(Some),
                None => Ok(None),
            }
        };
        let (part, read) = tokio::try_join!(writing, reading)?;
        parts.extend(part);
        upcoming = read;
    }
    Ok(parts)
}

fn on_record<'a>(plan: &'a Plan, cut: &CutPart) -> Option<&'a PartFile> {
    let (table, period) = (cut.part.table.name, proof::period(cut));
    plan.recorded.iter().find(|part| part.table == table && part.period == period)
}

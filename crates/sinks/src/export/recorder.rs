//! A sink before the sink: what goes through it is hashed, and each part that is whole is recorded in the store.

use model::Millis;
use store::export_runs;
use store::tables::Batch;

use crate::SinkError;
use crate::digest::RowDigest;
use crate::export::Exporter;
use crate::export::run::recorded;
use crate::format::Formulas;
use crate::sink::{Doing, Erased, Layout, Part, PartFile, Plan, Sink, Subject};

/// Records one part.
pub(super) struct Recorder<'a> {
    exporter: &'a Exporter<'a>,
    plan: &'a Plan,
    sink: &'a mut dyn Sink,
    digest: Option<RowDigest>,
    changes_upto: i64,
}

impl<'a> Recorder<'a> {
    /// Of a part that was begun to be read when the mirror had come so far.
    pub(super) fn new(
        exporter: &'a Exporter<'a>,
        plan: &'a Plan,
        sink: &'a mut dyn Sink,
        (formulas, changes_upto): (Formulas, i64),
    ) -> Self {
        Self { exporter, plan, sink, digest: Some(RowDigest::new(formulas)), changes_upto }
    }
}

impl Sink for Recorder<'_> {
    fn layout(&self) -> Layout {
        self.sink.layout()
    }

    fn check<'a>(&'a mut self, plan: &'a Plan) -> Doing<'a, ()> {
        self.sink.check(plan)
    }

    fn begin<'a>(&'a mut self, part: &'a Part) -> Doing<'a, ()> {
        self.sink.begin(part)
    }

    fn write(&mut self, batch: Batch) -> Doing<'_, ()> {
        self.digest.as_mut().expect("rows come before their part is whole").batch(&batch);
        self.sink.write(batch)
    }

    fn commit_part(&mut self) -> Doing<'_, PartFile> {
        Box::pin(async move {
            let mut part = self.sink.commit_part().await?;
            part.digest = self.digest.take().expect("a part is whole once").finish().digest;
            record(self.exporter, self.plan, &part, self.changes_upto).await?;
            Ok(part)
        })
    }

    fn commit(&mut self, finished_at: Millis) -> Doing<'_, ()> {
        self.sink.commit(finished_at)
    }

    fn erase<'a>(&'a mut self, subject: &'a Subject) -> Doing<'a, Erased> {
        self.sink.erase(subject)
    }
}

async fn record(
    exporter: &Exporter<'_>,
    plan: &Plan,
    part: &PartFile,
    changes_upto: i64,
) -> Result<(), SinkError> {
    let part = recorded(part, changes_upto);
    let mut tx = exporter.db.begin().await?;
    export_runs::record_part(&mut tx, plan.org, &plan.run, &part, exporter.clock.now()).await?;
    Ok(tx.commit().await?)
}

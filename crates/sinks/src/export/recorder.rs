//! Recording in the store which parts are whole, beside the writing of those that come next.
//!
//! What goes through the sink before the sink is hashed; each part that is whole then goes on to be recorded, together with
//! those that have come meanwhile. A process that dies between the two writes the part once more.

use model::Millis;
use store::export_runs;
use store::tables::Batch;
use tokio::sync::mpsc;

use crate::SinkError;
use crate::digest::RowDigest;
use crate::export::Exporter;
use crate::export::run::recorded;
use crate::format::Formulas;
use crate::sink::{Doing, Erased, Layout, Part, PartFile, Plan, Sink, Subject};

/// Parts that wait to be recorded; they are recorded together.
const PARTS_WAITING_MAX: usize = 64;

/// A part that is whole, and how far the mirror had come before it was read.
type WholePart = (PartFile, i64);

/// Where parts that are whole are told.
pub(super) struct Records(mpsc::Sender<WholePart>);

/// Record parts of a run: the recording, which is to be awaited beside the writing and ends when nobody tells of more, and where
/// they are told.
pub(super) fn record<'a>(
    exporter: &'a Exporter<'_>,
    plan: &'a Plan,
) -> (impl Future<Output = Result<(), SinkError>> + Send + 'a, Records) {
    let (told, mut waiting) = mpsc::channel(PARTS_WAITING_MAX);
    let recording = async move {
        let mut parts = Vec::with_capacity(PARTS_WAITING_MAX);
        while waiting.recv_many(&mut parts, PARTS_WAITING_MAX).await > 0 {
            let mut tx = exporter.db.begin().await?;
            for (part, changes_upto) in parts.drain(..) {
                let (part, now) = (recorded(&part, changes_upto), exporter.clock.now());
                export_runs::record_part(&mut tx, plan.org, &plan.run, &part, now).await?;
            }
            tx.commit().await?;
        }
        Ok(())
    };
    (recording, Records(told))
}

/// A sink before the sink, for one part.
pub(super) struct Recorder<'a> {
    records: &'a Records,
    sink: &'a mut dyn Sink,
    digest: Option<RowDigest>,
    changes_upto: i64,
}

impl<'a> Recorder<'a> {
    /// Of a part that was begun to be read when the mirror had come so far.
    pub(super) fn new(
        records: &'a Records,
        sink: &'a mut dyn Sink,
        (formulas, changes_upto): (Formulas, i64),
    ) -> Self {
        Self { records, sink, digest: Some(RowDigest::new(formulas)), changes_upto }
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
            // Whoever records has failed otherwise, and tells why.
            let told = self.records.0.send((part.clone(), self.changes_upto)).await;
            told.map_err(|_| SinkError::WriterStopped { step: "export_parts" })?;
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

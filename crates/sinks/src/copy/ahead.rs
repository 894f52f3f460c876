//! Reading ahead of the sink, across the ends of parts: pages come from the store while those before are written.
//!
//! A part ends with a file that goes to the disk or with a transaction, and a month may be a page or two: without this nothing
//! would be read for much of the time. Data flows one way, through a channel that holds a few pages; whoever reads and whoever
//! writes are waited for together, and the first of their errors is the answer.

use store::changes;
use store::tables::Batch;
use tokio::sync::mpsc;

use crate::SinkError;
use crate::copy::{CutPart, PAGE_ROWS_MIN, Pages, Source};
use crate::sink::{PartFile, Sink};

/// Steps that are ahead of the sink, nearly all of them pages.
const STEPS_MAX: usize = 4;

/// What comes of the reading.
enum Step<'a> {
    /// A part begins; the mirror had come so far before.
    Part(&'a CutPart, i64),
    /// Rows of it.
    Page(Batch),
    /// It has no more.
    End,
}

/// Parts as they are read.
pub(crate) struct Ahead<'a>(mpsc::Receiver<Step<'a>>);

/// Read parts of one table, in order: the reading, which is to be awaited beside the writing, and where it arrives.
pub(crate) fn read<'a>(
    source: Source<'a>,
    cuts: impl Iterator<Item = &'a CutPart> + Send,
) -> (impl Future<Output = Result<(), SinkError>> + Send, Ahead<'a>) {
    let (steps, arriving) = mpsc::channel(STEPS_MAX);
    let reading = async move {
        let mut rows = PAGE_ROWS_MIN;
        for cut in cuts {
            match read_part(source, cut, &steps, rows).await? {
                Some(next) => rows = next,
                // Nobody takes them any more: the writing has failed, and tells why.
                None => break,
            }
        }
        Ok(())
    };
    (reading, Ahead(arriving))
}

/// Read one part, in pages of so many rows at first; answers how many the next part may begin with.
async fn read_part<'a>(
    source: Source<'a>,
    cut: &'a CutPart,
    steps: &mpsc::Sender<Step<'a>>,
    rows: usize,
) -> Result<Option<usize>, SinkError> {
    let changes_upto = changes::head(source.db, source.org).await?;
    if steps.send(Step::Part(cut, changes_upto)).await.is_err() {
        return Ok(None);
    }
    let mut pages = Pages::begin(source, cut, rows);
    while let Some(batch) = pages.next().await? {
        if steps.send(Step::Page(batch)).await.is_err() {
            return Ok(None);
        }
    }
    Ok(steps.send(Step::End).await.is_ok().then_some(pages.limit))
}

impl<'a> Ahead<'a> {
    /// The next part; `None` after the last, and after the reading has failed.
    pub(crate) async fn part(&mut self) -> Option<Upcoming<'_, 'a>> {
        match self.0.recv().await {
            Some(Step::Part(cut, changes_upto)) => Some(Upcoming { cut, changes_upto, steps: &mut self.0 }),
            _ => None,
        }
    }
}

/// A part whose rows are arriving.
pub(crate) struct Upcoming<'s, 'a> {
    cut: &'a CutPart,
    /// How far the mirror had come before it was read.
    pub(crate) changes_upto: i64,
    steps: &'s mut mpsc::Receiver<Step<'a>>,
}

impl Upcoming<'_, '_> {
    /// Write it; `None` for a month without rows, which is not even begun. `progress` is told the rows of each page.
    pub(crate) async fn write(
        self,
        sink: &mut dyn Sink,
        progress: &mut (dyn FnMut(u64) + Send),
    ) -> Result<Option<PartFile>, SinkError> {
        let Self { cut, steps, .. } = self;
        let mut is_begun = false;
        loop {
            let step = steps.recv().await;
            // Not every month of conversations has rows of this table.
            if !is_begun && (cut.is_due || matches!(step, Some(Step::Page(_)))) {
                sink.begin(&cut.part).await?;
                is_begun = true;
            }
            match step {
                Some(Step::Page(batch)) => {
                    let rows = batch.rows() as u64;
                    sink.write(batch).await?;
                    progress(rows);
                }
                Some(Step::End) if is_begun => return Ok(Some(sink.commit_part().await?)),
                Some(Step::End) => return Ok(None),
                // The reading has failed, and tells why.
                Some(Step::Part(..)) | None => {
                    return Err(SinkError::WriterStopped { step: cut.part.table.name });
                }
            }
        }
    }
}

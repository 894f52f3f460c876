//! From the store into a sink: table by table, part by part, page by page.
//!
//! The next page is read while the sink still writes the one before; memory holds a few pages, whatever the table's size.

use model::OrgId;
use store::Db;
use store::tables::{self, Batch, Cut, Partition, Row, Table};

use crate::SinkError;
use crate::sink::{Layout, Part, PartFile, Period, Sink};

/// Rows of a page, at most and at least.
const PAGE_ROWS_MAX: usize = 8_192;
const PAGE_ROWS_MIN: usize = 16;
/// What a page should come to: rows of a page are chosen by what rows of the page before came to.
const PAGE_BYTES: usize = 2 * 1024 * 1024;

/// Where rows are read.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// The store.
    pub db: &'a Db,
    /// Whose rows.
    pub org: OrgId,
}

/// Copy one table; answers its parts. `progress` is told how many of the table's rows have gone out.
///
/// # Errors
/// Those of the store and of the sink. A part that was begun is not committed then.
pub async fn table(
    source: Source<'_>,
    sink: &mut dyn Sink,
    table: &'static Table,
    progress: &mut (dyn FnMut(u64) + Send),
) -> Result<Vec<PartFile>, SinkError> {
    let mut done = 0;
    let mut told = |rows| {
        done += rows;
        progress(done);
    };
    let mut parts = Vec::new();
    for cut in cuts(source, sink.layout(), table).await? {
        parts.extend(part(source, sink, &cut, &mut told).await?);
    }
    Ok(parts)
}

/// A part of a table, and where its rows are found.
#[derive(Debug, Clone, PartialEq)]
pub struct CutPart {
    /// The part.
    pub part: Part,
    partition: Option<Partition>,
}

/// The parts that a table has in this layout, in order; some of the months may turn out to be empty.
///
/// # Errors
/// Those of the store.
pub async fn cuts(
    source: Source<'_>,
    layout: Layout,
    table: &'static Table,
) -> Result<Vec<CutPart>, SinkError> {
    if table.cut == Cut::Whole || layout == Layout::Whole {
        return Ok(vec![CutPart { part: Part { table, period: Period::All }, partition: None }]);
    }
    let cut = |partition: Partition| {
        let period = partition.month.map_or(Period::None, Period::Month);
        CutPart { part: Part { table, period }, partition: Some(partition) }
    };
    Ok(tables::partitions(source.db, table, source.org).await?.into_iter().map(cut).collect())
}

/// Tell `each` the pages of a part, as a sink would get them.
///
/// # Errors
/// Those of the store.
pub async fn pages(
    source: Source<'_>,
    cut: &CutPart,
    each: &mut (dyn FnMut(&Batch) + Send),
) -> Result<(), SinkError> {
    let mut pages = Pages::begin(source, cut.part.table, cut.partition.as_ref());
    while let Some(batch) = pages.next().await? {
        each(&batch);
    }
    Ok(())
}

/// Copy one part; `None` for a month without rows, which is not even begun. `progress` is told the rows of each page.
///
/// # Errors
/// Those of the store and of the sink. A part that was begun is not committed then.
pub async fn part(
    source: Source<'_>,
    sink: &mut dyn Sink,
    cut: &CutPart,
    progress: &mut (dyn FnMut(u64) + Send),
) -> Result<Option<PartFile>, SinkError> {
    let mut pages = Pages::begin(source, cut.part.table, cut.partition.as_ref());
    let mut next = pages.next().await?;
    // Not every month of conversations has rows of this table.
    if next.is_none() && cut.part.period != Period::All {
        return Ok(None);
    }
    sink.begin(&cut.part).await?;
    while let Some(batch) = next {
        let rows = batch.rows() as u64;
        sink.write(batch).await?;
        progress(rows);
        next = pages.next().await?;
    }
    Ok(Some(sink.commit_part().await?))
}

/// The pages of a table, or of one month of it.
struct Pages<'a> {
    source: Source<'a>,
    table: &'static Table,
    partition: Option<&'a Partition>,
    after: Option<Row>,
    limit: usize,
    ended: bool,
}

impl<'a> Pages<'a> {
    fn begin(source: Source<'a>, table: &'static Table, partition: Option<&'a Partition>) -> Self {
        Self { source, table, partition, after: None, limit: PAGE_ROWS_MIN, ended: false }
    }

    /// The next page, never an empty one.
    async fn next(&mut self) -> Result<Option<Batch>, SinkError> {
        if self.ended {
            return Ok(None);
        }
        let Source { db, org } = self.source;
        let limit = u32::try_from(self.limit).unwrap_or(u32::MAX);
        let page = tables::read_page(db, self.table, org, self.partition, self.after.as_ref(), limit).await?;
        self.ended = page.rows() < self.limit;
        self.after = page.last_key();
        if page.rows() == 0 {
            return Ok(None);
        }
        // Rows of a page are chosen by the size of those at hand.
        self.limit = (PAGE_BYTES * page.rows() / page.bytes().max(1)).clamp(PAGE_ROWS_MIN, PAGE_ROWS_MAX);
        Ok(Some(page))
    }
}

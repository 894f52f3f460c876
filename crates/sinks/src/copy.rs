//! From the store into a sink: table by table, part by part, page by page.
//!
//! Pages are read ahead of the sink, across the ends of parts; memory holds a few of them, whatever the table's size.

pub(crate) mod ahead;
mod transcripts;

use model::OrgId;
use store::Db;
use store::tables::{self, Among, Batch, Cut, Partition, Row, Rows, Table};

use crate::SinkError;
use crate::copy::transcripts::Composer;
use crate::mask::Mask;
use crate::selection::Selection;
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
    /// Which of them; `None`: all.
    pub selection: Option<&'a Selection>,
    /// What is masked on the way.
    pub mask: Option<Mask<'a>>,
}

impl<'a> Source<'a> {
    /// All rows, as they are.
    #[must_use]
    pub const fn all(db: &'a Db, org: OrgId) -> Self {
        Self { db, org, selection: None, mask: None }
    }

    /// The table of this name with the columns that go out; `None` when there is none, or it has not these columns.
    #[must_use]
    pub fn table(&self, name: &str) -> Option<&'static Table> {
        let table = tables::table(name)?;
        self.selection.map_or(Some(table), |selection| selection.narrow(table).ok())
    }
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
    let cuts = cuts(source, sink.layout(), table).await?;
    parts(source, sink, &cuts, &mut told).await
}

/// Copy parts of one table, in order; months without rows are left out.
async fn parts(
    source: Source<'_>,
    sink: &mut dyn Sink,
    cuts: &[CutPart],
    progress: &mut (dyn FnMut(u64) + Send),
) -> Result<Vec<PartFile>, SinkError> {
    let (reading, mut ahead) = ahead::read(source, cuts.iter());
    let writing = async {
        let mut parts = Vec::new();
        while let Some(upcoming) = ahead.part().await {
            parts.extend(upcoming.write(sink, progress).await?);
        }
        Ok(parts)
    };
    Ok(tokio::try_join!(reading, writing)?.1)
}

/// A part of a table, and where its rows are found.
#[derive(Debug, Clone, PartialEq)]
pub struct CutPart {
    /// The part.
    pub part: Part,
    rows: Where,
    /// Whether it is written also when it has no rows.
    is_due: bool,
}

/// Where the rows of a part are found.
#[derive(Debug, Clone, PartialEq)]
enum Where {
    /// In the whole table.
    Table,
    /// In a month of it, or among the rows without one.
    Partition(Partition),
    /// There are none.
    Nowhere,
}

impl CutPart {
    /// A table.
    pub(crate) const fn whole(table: &'static Table) -> Self {
        Self { part: Part { table, period: Period::All }, rows: Where::Table, is_due: true }
    }

    /// A month of a table, where it has rows of it.
    pub(crate) fn month(table: &'static Table, partition: Partition) -> Self {
        let period = partition.month.map_or(Period::None, Period::Month);
        Self { part: Part { table, period }, rows: Where::Partition(partition), is_due: false }
    }

    /// A month of a table that stands at the destination: it is written also when its rows have gone.
    pub(crate) const fn standing(part: Part, partition: Option<Partition>) -> Self {
        let rows = match partition {
            Some(partition) => Where::Partition(partition),
            None => Where::Nowhere,
        };
        Self { part, rows, is_due: true }
    }
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
        return Ok(vec![CutPart::whole(table)]);
    }
    let partitions = tables::partitions(source.db, table, source.org).await?;
    Ok(partitions.into_iter().map(|partition| CutPart::month(table, partition)).collect())
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
    let mut pages = Pages::begin(source, cut, PAGE_ROWS_MIN);
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
    Ok(parts(source, sink, std::slice::from_ref(cut), progress).await?.pop())
}

/// The pages of a table, or of one month of it.
struct Pages<'a> {
    source: Source<'a>,
    table: &'static Table,
    partition: Option<&'a Partition>,
    /// The partition's conversations, once they are read.
    among: Option<Option<Among>>,
    /// What composes the rows of a table that is composed, once the first are read.
    composer: Option<Option<Composer>>,
    after: Option<Row>,
    /// Rows of the next page, at most.
    limit: usize,
    ended: bool,
}

impl<'a> Pages<'a> {
    fn begin(source: Source<'a>, cut: &'a CutPart, limit: usize) -> Self {
        let (partition, ended) = match &cut.rows {
            Where::Table => (None, false),
            Where::Partition(partition) => (Some(partition), false),
            Where::Nowhere => (None, true),
        };
        let table = cut.part.table;
        Self { source, table, partition, among: None, composer: None, after: None, limit, ended }
    }

    /// The next page, never an empty one.
    async fn next(&mut self) -> Result<Option<Batch>, SinkError> {
        while !self.ended {
            let page = self.read().await?;
            if page.rows() == 0 {
                continue;
            }
            // Rows of a page are chosen by the size of those at hand.
            let fitting = PAGE_BYTES * page.rows() / page.bytes().max(1);
            self.limit = fitting.clamp(PAGE_ROWS_MIN, PAGE_ROWS_MAX);
            return Ok(Some(page));
        }
        Ok(None)
    }

    /// The rows that follow, composed and masked.
    async fn read(&mut self) -> Result<Batch, SinkError> {
        let Source { db, org, selection, mask } = self.source;
        let limit = u32::try_from(self.limit).unwrap_or(u32::MAX);
        let filter = selection.map(|selection| &selection.filter).filter(|filter| !filter.is_all());
        let among = match (&mut self.among, self.partition) {
            (Some(known), _) => known.as_ref(),
            (unknown, Some(partition)) => {
                unknown.insert(tables::among(db, self.table, org, partition).await?).as_ref()
            }
            (_, None) => None,
        };
        let rows = Rows { table: self.table, org, partition: self.partition, filter, among };
        let mut page = tables::read_page(db, rows, self.after.as_ref(), limit).await?;
        self.ended = page.rows() < self.limit;
        if page.rows() == 0 {
            return Ok(page);
        }
        let composer = match &mut self.composer {
            Some(known) => known.as_ref(),
            unknown => unknown.insert(Composer::begin(db, org, self.table).await?).as_ref(),
        };
        if let Some(composer) = composer {
            let composed = composer.compose(db, org, &page).await?;
            self.after = composed.upto;
            self.ended &= composed.is_whole;
            page = composed.batch;
        } else {
            self.after = page.last_key();
        }
        if let Some(mask) = mask {
            mask.apply(&mut page);
        }
        Ok(page)
    }
}

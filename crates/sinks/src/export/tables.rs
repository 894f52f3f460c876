//! One public table into one file.
//!
//! Pages are read here and written by a thread of their own, so that the database and the disk work at once; the channel
//! between them bounds memory. Only an explicit end makes a file whole: a reader that fails, or an export
//! that is given up, closes the channel without it, and the writer removes its file.

use std::path::PathBuf;

use store::tables::{self, ColumnKind, Row, Table, Value};
use tokio::sync::mpsc;

use crate::SinkError;
use crate::export::{ExportProgress, Run, blocking};
use crate::format::{Cell, Encoder, Format, Formulas};
use crate::manifest::TableFile;
use crate::partial::{PartialFile, Whole};

/// Pages that wait for the writer.
const PAGES_WAITING_MAX: usize = 2;
/// Rows of a page, at most and at least.
const PAGE_ROWS_MAX: usize = 2_000;
const PAGE_ROWS_MIN: usize = 16;
/// What a page's texts should come to: rows of a page are chosen by what rows of the page before came to.
const PAGE_BYTES: usize = 2 * 1024 * 1024;

enum Step {
    Rows(Vec<Row>),
    End,
}

/// Write one table under its partial name; gives the file and its number of rows.
pub(super) async fn write(run: &mut Run<'_>, table: &'static Table) -> Result<(Whole, u64), SinkError> {
    let path = run.directory.root().join(file_name(table.name, run.options.format));
    let (sender, receiver) = mpsc::channel(PAGES_WAITING_MAX);
    let (format, formulas) = (run.options.format, run.options.formulas);
    let directory = run.directory.clone();
    let writer = blocking(&directory, table.name, move || {
        Writer::create(path, table, format, formulas)?.drain(receiver)
    });
    let writer = std::pin::pin!(writer);
    let (read, written) = tokio::join!(read(run, table, sender), writer);
    // A failed read is the cause when both failed: the writer only noticed that its pages ended.
    read?;
    written
}

async fn read(run: &mut Run<'_>, table: &'static Table, pages: mpsc::Sender<Step>) -> Result<(), SinkError> {
    let mut after: Option<Row> = None;
    let mut limit = PAGE_ROWS_MIN;
    let mut done = 0;
    loop {
        let asked = u32::try_from(limit).unwrap_or(u32::MAX);
        let page = tables::read(run.db, table, run.org, after.as_ref(), asked).await?;
        done += page.len() as u64;
        let was_last = page.len() < limit;
        after = page.last().map(|row| row[..=table.key.len()].to_vec());
        limit = next_limit(&page);
        // A writer that has gone has failed, and says why itself.
        if pages.send(Step::Rows(page)).await.is_err() {
            return Ok(());
        }
        (run.progress)(ExportProgress { step: table.name, done });
        if was_last {
            let _ = pages.send(Step::End).await;
            return Ok(());
        }
    }
}

/// How many rows to ask for, going by the size of those at hand.
fn next_limit(page: &[Row]) -> usize {
    let bytes: usize = page.iter().flatten().map(size).sum();
    (PAGE_BYTES * page.len() / bytes.max(1)).clamp(PAGE_ROWS_MIN, PAGE_ROWS_MAX)
}

fn size(value: &Value) -> usize {
    match value {
        Value::Text(text) => text.len(),
        Value::Bytes(bytes) => bytes.len(),
        Value::Null | Value::Integer(_) | Value::Real(_) | Value::Flag(_) => 8,
    }
}

struct Writer {
    path: PathBuf,
    table: &'static Table,
    file: PartialFile,
    encoder: Encoder,
}

impl Writer {
    fn create(
        path: PathBuf,
        table: &'static Table,
        format: Format,
        formulas: Formulas,
    ) -> Result<Self, SinkError> {
        let columns: Vec<&str> = table.columns.iter().map(|column| column.name).collect();
        let encoder = Encoder::new(format, formulas, &columns);
        let mut file = PartialFile::create(&path).map_err(|error| SinkError::io("create", &path, error))?;
        encoder.head(&mut file).map_err(|error| SinkError::io("write", &path, error))?;
        Ok(Self { path, table, file, encoder })
    }

    fn drain(mut self, mut pages: mpsc::Receiver<Step>) -> Result<(Whole, u64), SinkError> {
        let mut rows = 0;
        loop {
            match pages.blocking_recv() {
                Some(Step::Rows(page)) => {
                    self.rows(&page)?;
                    rows += page.len() as u64;
                }
                Some(Step::End) => break,
                None => return Err(SinkError::WriterStopped { step: self.table.name }),
            }
        }
        let whole = self.file.finish().map_err(|error| SinkError::io("write", &self.path, error))?;
        Ok((whole, rows))
    }

    fn rows(&mut self, page: &[Row]) -> Result<(), SinkError> {
        let mut cells = Vec::with_capacity(self.table.columns.len());
        for row in page {
            cells.clear();
            cells.extend(row.iter().zip(self.table.columns).map(|(value, column)| cell(value, column.kind)));
            let written = self.encoder.row(&cells, &mut self.file);
            written.map_err(|error| SinkError::io("write", &self.path, error))?;
        }
        Ok(())
    }
}

fn cell(value: &Value, kind: ColumnKind) -> Cell<'_> {
    match value {
        Value::Null => Cell::Null,
        Value::Integer(number) => Cell::Int(*number),
        Value::Real(number) => Cell::Real(*number),
        Value::Flag(flag) => Cell::Bool(*flag),
        Value::Text(document) if kind == ColumnKind::Json => Cell::Json(document),
        Value::Text(text) => Cell::Text(text),
        Value::Bytes(bytes) => Cell::Bytes(bytes),
    }
}

fn file_name(table: &str, format: Format) -> String {
    format!("{table}.{}", format.name())
}

/// The manifest's line about a table.
pub(super) fn entry(table: &str, format: Format, whole: &Whole, rows: u64) -> TableFile {
    TableFile {
        table: table.to_owned(),
        file: file_name(table, format),
        rows,
        bytes: whole.written.bytes,
        sha256: whole.written.sha256.clone(),
    }
}

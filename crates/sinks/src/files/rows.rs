//! A file of rows: NDJSON or CSV.

use std::io::Write;
use std::path::PathBuf;

use store::tables::{Batch, ColumnKind, ValueRef};

use crate::SinkError;
use crate::format::{Cell, Encoder};

/// The file that is being written.
pub(crate) struct RowFile<W> {
    path: PathBuf,
    file: W,
    encoder: Encoder,
}

impl<W: Write> RowFile<W> {
    pub(super) fn begin(mut file: W, path: PathBuf, encoder: Encoder) -> Result<Self, SinkError> {
        encoder.head(&mut file).map_err(|error| SinkError::io("write", &path, error))?;
        Ok(Self { path, file, encoder })
    }

    pub(super) fn batch(&mut self, batch: &Batch) -> Result<(), SinkError> {
        let columns = batch.table().columns;
        let mut cells = Vec::with_capacity(columns.len());
        for row in 0..batch.rows() {
            cells.clear();
            let values = batch.columns().iter().zip(columns);
            cells.extend(values.map(|(values, column)| cell(values.get(row), column.kind)));
            let written = self.encoder.row(&cells, &mut self.file);
            written.map_err(|error| SinkError::io("write", &self.path, error))?;
        }
        Ok(())
    }

    /// What it was written to, and what that is called.
    pub(super) fn finish(self) -> (W, PathBuf) {
        (self.file, self.path)
    }
}

fn cell(value: ValueRef<'_>, kind: ColumnKind) -> Cell<'_> {
    match value {
        ValueRef::Null => Cell::Null,
        ValueRef::Integer(number) => Cell::Int(number),
        ValueRef::Real(number) => Cell::Real(number),
        ValueRef::Flag(flag) => Cell::Bool(flag),
        ValueRef::Text(document) if kind == ColumnKind::Json => Cell::Json(document),
        ValueRef::Text(text) => Cell::Text(text),
        ValueRef::Bytes(bytes) => Cell::Bytes(bytes),
    }
}

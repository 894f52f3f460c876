//! The file of one part, in whichever format.

use std::path::PathBuf;

use store::tables::{Batch, Table};

use crate::SinkError;
use crate::files::rows::RowFile;
use crate::format::{Csv, Encoder, Format, Formulas, Ndjson};
use crate::parquet::ParquetFile;
use crate::partial::Whole;

/// A file that is being written.
pub(super) enum TableFile {
    Rows(Box<RowFile>),
    Parquet(Box<ParquetFile>),
}

impl TableFile {
    pub(super) fn create(
        path: PathBuf,
        table: &'static Table,
        format: Format,
        formulas: Formulas,
    ) -> Result<Self, SinkError> {
        let columns = || -> Vec<&str> { table.columns.iter().map(|column| column.name).collect() };
        let encoder = match format {
            Format::Ndjson => Encoder::Ndjson(Ndjson::new(&columns())),
            Format::Csv => Encoder::Csv(Csv::new(formulas, &columns())),
            Format::Parquet => return Ok(Self::Parquet(Box::new(ParquetFile::create(path, table)?))),
        };
        Ok(Self::Rows(Box::new(RowFile::create(path, encoder)?)))
    }

    pub(super) fn batch(&mut self, batch: Batch) -> Result<(), SinkError> {
        match self {
            Self::Rows(file) => file.batch(&batch),
            Self::Parquet(file) => file.batch(batch),
        }
    }

    pub(super) fn finish(self) -> Result<Whole, SinkError> {
        match self {
            Self::Rows(file) => file.finish(),
            Self::Parquet(file) => file.finish(),
        }
    }
}

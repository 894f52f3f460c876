//! The file of one part, in whichever format, written to whatever takes bytes.

use std::io::Write;
use std::path::PathBuf;

use store::tables::{Batch, Table};

use crate::SinkError;
use crate::files::rows::RowFile;
use crate::format::{Compression, Csv, Encoder, Format, Formulas, Ndjson, Packed};
use crate::parquet::ParquetFile;

/// A file that is being written.
pub(crate) enum TableFile<W: Write + Send> {
    Rows(Box<RowFile<Packed<W>>>),
    Parquet(Box<ParquetFile<W>>),
}

impl<W: Write + Send> TableFile<W> {
    /// Begin the file in `file`; `path` is what it is called when something fails.
    pub(crate) fn begin(
        file: W,
        path: PathBuf,
        table: &'static Table,
        (format, compression): (Format, Compression),
        formulas: Formulas,
    ) -> Result<Self, SinkError> {
        let columns = || -> Vec<&str> { table.columns.iter().map(|column| column.name).collect() };
        let encoder = match format {
            Format::Ndjson => Encoder::Ndjson(Ndjson::new(&columns())),
            Format::Csv => Encoder::Csv(Csv::new(formulas, &columns())),
            Format::Parquet => return Ok(Self::Parquet(Box::new(ParquetFile::begin(file, path, table)?))),
        };
        let packed = compression.pack(file).map_err(|error| SinkError::io("write", &path, error))?;
        Ok(Self::Rows(Box::new(RowFile::begin(packed, path, encoder)?)))
    }

    pub(crate) fn batch(&mut self, batch: Batch) -> Result<(), SinkError> {
        match self {
            Self::Rows(file) => file.batch(&batch),
            Self::Parquet(file) => file.batch(batch),
        }
    }

    /// End the file, and give back what it was written to.
    pub(crate) fn finish(self) -> Result<W, SinkError> {
        match self {
            Self::Rows(file) => {
                let (file, path) = file.finish();
                file.finish().map_err(|error| SinkError::io("write", &path, error))
            }
            Self::Parquet(file) => file.finish(),
        }
    }
}

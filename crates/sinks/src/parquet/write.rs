//! One Parquet file, from batches.
//!
//! Columns are encoded and compressed as batches come, each into memory of its own, while the next batch is read; what they have
//! come to is written one after the other when it makes a row group. Memory holds one row group, compressed. A million messages of a few
//! hundred bytes take seconds; the processor is the limit (dictionaries and zstd), not the disk.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use ::parquet::basic::{Compression, Encoding, ZstdLevel};
use ::parquet::errors::ParquetError;
use ::parquet::file::metadata::{KeyValue, SortingColumn};
use ::parquet::file::properties::{EnabledStatistics, WriterProperties};
use ::parquet::file::writer::SerializedFileWriter;
use ::parquet::schema::types::ColumnPath;
use store::tables::{Batch, ColumnKind, Table, VERSION};

use crate::SinkError;
use crate::parquet::chunk::Chunk;
use crate::parquet::{column, schema, to_io};

/// Rows and bytes of a row group, at most.
const GROUP_ROWS_MAX: usize = 65_536;
const GROUP_BYTES_MAX: usize = 32 * 1024 * 1024;
/// A dictionary that grows beyond this is given up: its column does not repeat itself.
const DICTIONARY_BYTES_MAX: usize = 256 * 1024;

/// The file that is being written.
pub(crate) struct ParquetFile<W: Write + Send> {
    path: PathBuf,
    writer: SerializedFileWriter<W>,
    table: &'static Table,
    properties: Arc<WriterProperties>,
    /// The columns of the row group that is being made; none before its first row.
    group: Vec<Chunk>,
    rows: usize,
    bytes: usize,
}

impl<W: Write + Send> ParquetFile<W> {
    pub(crate) fn begin(file: W, path: PathBuf, table: &'static Table) -> Result<Self, SinkError> {
        let properties = Arc::new(properties(table));
        let writer = SerializedFileWriter::new(file, schema::schema(table), properties.clone())
            .map_err(|error| SinkError::io("write", &path, to_io(error)))?;
        Ok(Self { path, writer, table, properties, group: Vec::new(), rows: 0, bytes: 0 })
    }

    pub(crate) fn batch(&mut self, batch: Batch) -> Result<(), SinkError> {
        self.rows += batch.rows();
        self.bytes += batch.bytes();
        self.encode(batch).map_err(|error| SinkError::io("write", &self.path, to_io(error)))?;
        if self.rows >= GROUP_ROWS_MAX || self.bytes >= GROUP_BYTES_MAX { self.flush() } else { Ok(()) }
    }

    pub(crate) fn finish(mut self) -> Result<W, SinkError> {
        self.flush()?;
        self.writer.into_inner().map_err(|error| SinkError::io("write", &self.path, to_io(error)))
    }

    /// Encode a batch. Whose rows they are stands in the path, and not in the file.
    fn encode(&mut self, batch: Batch) -> Result<(), ParquetError> {
        if self.group.is_empty() {
            let columns = self.writer.schema_descr().columns();
            self.group =
                columns.iter().map(|column| Chunk::begin(column.clone(), self.properties.clone())).collect();
        }
        let values = batch.into_columns().into_iter().zip(self.table.columns).skip(1);
        column::encode(
            self.group.iter_mut().zip(values).map(|(chunk, (values, column))| (chunk, values, column)),
        )
    }

    /// Write the row group that was encoded.
    fn flush(&mut self) -> Result<(), SinkError> {
        (self.rows, self.bytes) = (0, 0);
        let group = std::mem::take(&mut self.group);
        if group.is_empty() {
            return Ok(());
        }
        let write = || {
            let mut writer = self.writer.next_row_group()?;
            for (bytes, closed) in column::end(group)? {
                writer.append_column(&bytes, closed)?;
            }
            writer.close().map(drop)
        };
        write().map_err(|error| SinkError::io("write", &self.path, to_io(error)))
    }
}

fn properties(table: &Table) -> WriterProperties {
    let mut builder = WriterProperties::builder()
        .set_created_by(concat!("longshore ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_dictionary_page_size_limit(DICTIONARY_BYTES_MAX)
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_max_row_group_row_count(None)
        .set_key_value_metadata(Some(vec![
            KeyValue::new("longshore.table".to_owned(), table.name.to_owned()),
            KeyValue::new("longshore.schema_version".to_owned(), VERSION.to_string()),
        ]));
    let sorting = table.key.iter().enumerate().map(|(place, _)| SortingColumn {
        column_idx: i32::try_from(place).unwrap_or_default(),
        descending: false,
        nulls_first: false,
    });
    // How the store orders texts is the database's own, and not by bytes, as Parquet would have it.
    if table.columns[1].kind != ColumnKind::Text
        && !table.key.contains(&"name")
        && !table.key.contains(&"url")
    {
        builder = builder.set_sorting_columns(Some(sorting.collect()));
    }
    for column in schema::columns(table) {
        let path = ColumnPath::from(column.name);
        let is_key = table.key.contains(&column.name);
        builder = match column.kind {
            // Numbers that grow from row to row: their steps are small, and none repeats.
            ColumnKind::Instant => stepped(builder, path),
            ColumnKind::Integer if is_key => stepped(builder, path),
            ColumnKind::Json => builder.set_column_statistics_enabled(path, EnabledStatistics::None),
            _ => builder,
        };
    }
    builder.build()
}

fn stepped(
    builder: ::parquet::file::properties::WriterPropertiesBuilder,
    path: ColumnPath,
) -> ::parquet::file::properties::WriterPropertiesBuilder {
    builder
        .set_column_dictionary_enabled(path.clone(), false)
        .set_column_encoding(path, Encoding::DELTA_BINARY_PACKED)
}

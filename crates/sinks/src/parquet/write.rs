//! One Parquet file, from batches.
//!
//! Batches are gathered until they make a row group, which is then written column by column: memory holds one row group,
//! and what is compressed of it. A million messages of a few hundred bytes are some twenty groups and take seconds; the
//! processor is the limit (dictionaries and zstd), not the disk.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use ::parquet::basic::{Compression, Encoding, ZstdLevel};
use ::parquet::data_type::{BoolType, ByteArray, ByteArrayType, DoubleType, Int64Type};
use ::parquet::errors::ParquetError;
use ::parquet::file::metadata::{KeyValue, SortingColumn};
use ::parquet::file::properties::{EnabledStatistics, WriterProperties};
use ::parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter, SerializedRowGroupWriter};
use ::parquet::schema::types::ColumnPath;
use bytes::Bytes;
use store::tables::{Batch, Column, ColumnKind, Table, Texts, VERSION, Values};

use crate::SinkError;
use crate::parquet::{schema, to_io};

/// Rows and bytes of a row group, at most.
const GROUP_ROWS_MAX: usize = 65_536;
const GROUP_BYTES_MAX: usize = 32 * 1024 * 1024;
/// A dictionary that grows beyond this is given up: its column does not repeat itself.
const DICTIONARY_BYTES_MAX: usize = 256 * 1024;

/// The file that is being written.
pub(crate) struct ParquetFile<W: Write + Send> {
    path: PathBuf,
    writer: SerializedFileWriter<W>,
    group: Vec<Batch>,
    rows: usize,
    bytes: usize,
}

impl<W: Write + Send> ParquetFile<W> {
    pub(crate) fn begin(file: W, path: PathBuf, table: &'static Table) -> Result<Self, SinkError> {
        let properties = Arc::new(properties(table));
        let writer = SerializedFileWriter::new(file, schema::schema(table), properties)
            .map_err(|error| SinkError::io("write", &path, to_io(error)))?;
        Ok(Self { path, writer, group: Vec::new(), rows: 0, bytes: 0 })
    }

    pub(crate) fn batch(&mut self, batch: Batch) -> Result<(), SinkError> {
        self.rows += batch.rows();
        self.bytes += batch.bytes();
        self.group.push(batch);
        if self.rows >= GROUP_ROWS_MAX || self.bytes >= GROUP_BYTES_MAX { self.flush() } else { Ok(()) }
    }

    pub(crate) fn finish(mut self) -> Result<W, SinkError> {
        self.flush()?;
        self.writer.into_inner().map_err(|error| SinkError::io("write", &self.path, to_io(error)))
    }

    /// Write the row group that was gathered.
    fn flush(&mut self) -> Result<(), SinkError> {
        (self.rows, self.bytes) = (0, 0);
        let group = std::mem::take(&mut self.group);
        let Some(table) = group.first().map(Batch::table) else { return Ok(()) };
        let mut columns: Vec<Vec<Values>> = table.columns.iter().map(|_| Vec::new()).collect();
        for batch in group {
            for (column, values) in columns.iter_mut().zip(batch.into_columns()) {
                column.push(values);
            }
        }
        let write = || {
            let mut writer = self.writer.next_row_group()?;
            for (values, column) in columns.into_iter().zip(table.columns).skip(1) {
                write_column(&mut writer, column, values)?;
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

/// Write one column of a row group.
fn write_column<W: Write + Send>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    column: &Column,
    parts: Vec<Values>,
) -> Result<(), ParquetError> {
    let mut writer = group.next_column()?.ok_or_else(|| ParquetError::General("a column too many".into()))?;
    for values in parts {
        match values {
            Values::Integers(values) => write_some::<Int64Type>(&mut writer, column, values)?,
            Values::Reals(values) => write_some::<DoubleType>(&mut writer, column, values)?,
            Values::Flags(values) => write_some::<BoolType>(&mut writer, column, values)?,
            Values::Texts(texts) => write_texts(&mut writer, column, texts)?,
            Values::Bytes(values) => {
                let values = values.into_iter().map(|value| value.map(ByteArray::from)).collect();
                write_some::<ByteArrayType>(&mut writer, column, values)?;
            }
        }
    }
    writer.close()
}

fn write_some<T: ::parquet::data_type::DataType>(
    writer: &mut SerializedColumnWriter<'_>,
    column: &Column,
    values: Vec<Option<T::T>>,
) -> Result<(), ParquetError> {
    let levels: Option<Vec<i16>> =
        column.nullable.then(|| values.iter().map(|value| i16::from(value.is_some())).collect());
    let rows = values.len();
    let values: Vec<T::T> = values.into_iter().flatten().collect();
    if !column.nullable && values.len() < rows {
        return Err(ParquetError::General(format!("{} has a null", column.name)));
    }
    writer.typed::<T>().write_batch(&values, levels.as_deref(), None).map(drop)
}

/// Write texts from where they lie.
fn write_texts(
    writer: &mut SerializedColumnWriter<'_>,
    column: &Column,
    texts: Texts,
) -> Result<(), ParquetError> {
    let (buffer, ends, present) = texts.into_parts();
    let buffer = Bytes::from(buffer);
    let mut begin = 0;
    let mut values = Vec::with_capacity(ends.len());
    for (end, is_present) in ends.iter().zip(&present) {
        if *is_present {
            values.push(ByteArray::from(buffer.slice(begin..*end)));
        }
        begin = *end;
    }
    if !column.nullable && values.len() < ends.len() {
        return Err(ParquetError::General(format!("{} has a null", column.name)));
    }
    let levels: Option<Vec<i16>> =
        column.nullable.then(|| present.iter().map(|is_present| i16::from(*is_present)).collect());
    writer.typed::<ByteArrayType>().write_batch(&values, levels.as_deref(), None).map(drop)
}

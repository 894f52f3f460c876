//! A Parquet file of ours, read back: some thousand rows of all columns at a time.
//!
//! A row group may have 65,536 rows of any length, and as values they take several times what they take as bytes.

use ::parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use ::parquet::data_type::{ByteArray, DataType};
use ::parquet::errors::ParquetError;
use ::parquet::file::reader::{ChunkReader, FileReader as _, RowGroupReader, SerializedFileReader};
use model::OrgId;
use store::tables::{Batch, Column, ColumnKind, Table, ValueRef, columns};

use crate::parquet::{schema, to_io};

/// Rows that are decoded at once.
const ROWS_AT_ONCE: usize = 4_096;

/// Tell `each` the rows of a file of this table and organization, in batches. A file of fewer columns has batches of as many.
///
/// # Errors
/// Those of the file system, of `each`, and `InvalidData` for a file of another schema.
pub(crate) fn read(
    file: impl ChunkReader + 'static,
    table: &'static Table,
    org: OrgId,
    mut each: impl FnMut(Batch) -> std::io::Result<()>,
) -> std::io::Result<()> {
    let reader = SerializedFileReader::new(file).map_err(to_io)?;
    let stored = reader.metadata().file_metadata().schema();
    let names: Vec<String> = stored.get_fields().iter().map(|field| field.name().to_owned()).collect();
    let other = || std::io::Error::new(std::io::ErrorKind::InvalidData, "the file has another schema");
    let table = columns::narrowed(table, &names).map_err(|_| other())?;
    if stored != schema::schema(table).as_ref() {
        return Err(other());
    }
    for number in 0..reader.num_row_groups() {
        let group = reader.get_row_group(number).map_err(to_io)?;
        let mut columns = columns_of(group.as_ref(), table).map_err(to_io)?;
        let mut left = usize::try_from(group.metadata().num_rows()).unwrap_or_default();
        while left > 0 {
            let rows = left.min(ROWS_AT_ONCE);
            each(batch(&mut columns, rows, (table, org)).map_err(to_io)?)?;
            left -= rows;
        }
    }
    Ok(())
}

/// A column of a row group, as far as it has been read.
struct Reading {
    reader: ColumnReader,
    column: &'static Column,
}

fn columns_of(group: &dyn RowGroupReader, table: &'static Table) -> Result<Vec<Reading>, ParquetError> {
    let columns = schema::columns(table).iter().enumerate();
    columns.map(|(place, column)| Ok(Reading { reader: group.get_column_reader(place)?, column })).collect()
}

/// Some rows of one column, a value or none for each.
enum Decoded {
    Integers(Vec<Option<i64>>),
    Reals(Vec<Option<f64>>),
    Flags(Vec<Option<bool>>),
    Texts(Vec<Option<ByteArray>>),
    Bytes(Vec<Option<ByteArray>>),
}

/// The next rows of all columns.
fn batch(
    columns: &mut [Reading],
    rows: usize,
    (table, org): (&'static Table, OrgId),
) -> Result<Batch, ParquetError> {
    let decoded: Vec<Decoded> =
        columns.iter_mut().map(|column| column.decode(rows)).collect::<Result<_, _>>()?;
    let mut batch = Batch::with_capacity(table, rows);
    let mut row = Vec::with_capacity(table.columns.len());
    for number in 0..rows {
        row.clear();
        row.push(ValueRef::Integer(org.0));
        for column in &decoded {
            row.push(column.value(number)?);
        }
        batch.push(&row);
    }
    Ok(batch)
}

impl Reading {
    fn decode(&mut self, rows: usize) -> Result<Decoded, ParquetError> {
        let nullable = self.column.nullable;
        Ok(match &mut self.reader {
            ColumnReader::Int64ColumnReader(reader) => Decoded::Integers(decode(reader, rows, nullable)?),
            ColumnReader::DoubleColumnReader(reader) => Decoded::Reals(decode(reader, rows, nullable)?),
            ColumnReader::BoolColumnReader(reader) => Decoded::Flags(decode(reader, rows, nullable)?),
            ColumnReader::ByteArrayColumnReader(reader) if self.column.kind == ColumnKind::Bytes => {
                Decoded::Bytes(decode(reader, rows, nullable)?)
            }
            ColumnReader::ByteArrayColumnReader(reader) => Decoded::Texts(decode(reader, rows, nullable)?),
            _ => return Err(ParquetError::General("a type that we do not write".into())),
        })
    }
}

impl Decoded {
    fn value(&self, row: usize) -> Result<ValueRef<'_>, ParquetError> {
        Ok(match self {
            Self::Integers(values) => values[row].map_or(ValueRef::Null, ValueRef::Integer),
            Self::Reals(values) => values[row].map_or(ValueRef::Null, ValueRef::Real),
            Self::Flags(values) => values[row].map_or(ValueRef::Null, ValueRef::Flag),
            Self::Texts(values) => match &values[row] {
                Some(text) => ValueRef::Text(text.as_utf8()?),
                None => ValueRef::Null,
            },
            Self::Bytes(values) => {
                values[row].as_ref().map_or(ValueRef::Null, |bytes| ValueRef::Bytes(bytes.data()))
            }
        })
    }
}

fn decode<T: DataType>(
    reader: &mut ColumnReaderImpl<T>,
    rows: usize,
    nullable: bool,
) -> Result<Vec<Option<T::T>>, ParquetError> {
    let (mut levels, mut values) = (Vec::with_capacity(rows), Vec::with_capacity(rows));
    let mut read = 0;
    while read < rows {
        let (records, ..) =
            reader.read_records(rows - read, nullable.then_some(&mut levels), None, &mut values)?;
        if records == 0 {
            return Err(ParquetError::General("fewer values than rows".into()));
        }
        read += records;
    }
    if !nullable {
        return Ok(values.into_iter().map(Some).collect());
    }
    let mut values = values.into_iter();
    Ok(levels.into_iter().map(|level| if level == 1 { values.next() } else { None }).collect())
}

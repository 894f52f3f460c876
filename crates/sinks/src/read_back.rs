//! Files of an export read anew, row by row, as a reader would who has only the files.
//!
//! Nothing of what wrote them is asked: the columns are those that the file names itself, their kinds are the published
//! table's. Memory holds a row, or a row group of a Parquet file.

mod csv;
mod ndjson;

use std::io::{self, BufRead, BufReader};

use ::parquet::file::reader::ChunkReader;
use model::OrgId;
use store::tables::{Column, ColumnKind, Table, Value, ValueRef};

use crate::format::{Compression, Format};
use crate::parquet;

/// Bytes read from the file at once.
const BUFFER_BYTES: usize = 256 * 1024;

/// A row with the columns it has.
pub(crate) type Told<'a> = [(ValueRef<'a>, &'static Column)];

/// Tell `each` the rows of a file of this table, in the file's order. Texts are told as they are carried.
///
/// # Errors
/// Those of the file system, of `each`, and `InvalidData` for what is no such file.
pub(crate) fn rows(
    file: impl ChunkReader + 'static,
    (format, compression): (Format, Compression),
    table: &'static Table,
    org: OrgId,
    each: &mut dyn FnMut(&Told<'_>) -> io::Result<()>,
) -> io::Result<()> {
    match format {
        Format::Ndjson => ndjson::rows(open(&file, compression)?, table, each),
        Format::Csv => csv::rows(open(&file, compression)?, table, each),
        Format::Parquet => parquet::read(file, table, org, |batch| {
            let mut row = Vec::with_capacity(table.columns.len());
            for number in 0..batch.rows() {
                row.clear();
                let values = batch.columns().iter().zip(batch.table().columns);
                row.extend(values.map(|(values, column)| (values.get(number), column)));
                each(&row)?;
            }
            Ok(())
        }),
    }
}

fn open<F: ChunkReader>(file: &F, compression: Compression) -> io::Result<impl BufRead> {
    let from = compression.unpack(file.get_read(0).map_err(parquet::to_io)?)?;
    Ok(BufReader::with_capacity(BUFFER_BYTES, from))
}

/// The columns of these names.
fn columns<'a>(
    table: &'static Table,
    names: impl Iterator<Item = &'a str>,
) -> io::Result<Vec<&'static Column>> {
    let column = |name: &str| {
        table
            .place(name)
            .map(|place| &table.columns[place])
            .ok_or_else(|| invalid("a column of another name"))
    };
    names.map(column).collect()
}

/// The value that a text without quotes stands for.
fn plain(text: &str, kind: ColumnKind) -> io::Result<Value> {
    let value = match (kind, text) {
        (ColumnKind::Integer | ColumnKind::Instant, _) => text.parse().ok().map(Value::Integer),
        (ColumnKind::Real, _) => text.parse().ok().map(Value::Real),
        (ColumnKind::Flag, "true") => Some(Value::Flag(true)),
        (ColumnKind::Flag, "false") => Some(Value::Flag(false)),
        _ => None,
    };
    value.ok_or_else(|| invalid("a value of another kind"))
}

/// The value that a text stands for.
fn quoted(text: String, kind: ColumnKind) -> io::Result<Value> {
    match kind {
        ColumnKind::Text | ColumnKind::Json => Ok(Value::Text(text)),
        ColumnKind::Bytes => hex::decode(text).map(Value::Bytes).map_err(|_| invalid("a hash that is none")),
        _ => Err(invalid("a value of another kind")),
    }
}

fn invalid(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

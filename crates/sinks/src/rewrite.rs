//! A table's file read back as a stream and written anew without a person's rows, wherever the two lie.

use std::io::{self, Read, Write};

use ::parquet::file::reader::ChunkReader;
use store::tables::{Batch, Table, ValueRef};

use crate::SinkError;
use crate::format::{Records, owners, read_record};
use crate::parquet::{self, ParquetFile};
use crate::sink::Subject;

/// Copy a file of rows; how many rows were the subject's and have been left out.
///
/// # Errors
/// Those of both files.
pub(crate) fn rows(
    from: impl Read,
    into: &mut impl Write,
    records: Records,
    table: &Table,
    subject: &Subject,
) -> io::Result<u64> {
    let mut from = io::BufReader::new(from);
    let (mut record, mut removed, mut is_head) = (Vec::new(), 0, records == Records::Csv);
    while read_record(&mut from, records, &mut record)? {
        let ids = if is_head { Vec::new() } else { owners(records, table, &record) };
        is_head = false;
        if ids.iter().any(|(column, id)| subject.has(column, *id)) {
            removed += 1;
        } else {
            into.write_all(&record)?;
        }
    }
    Ok(removed)
}

/// The same of a Parquet file, one row group after the other. `failed` is told what reading runs into.
///
/// # Errors
/// Those of both files.
pub(crate) fn columns<W: Write + Send>(
    from: impl ChunkReader + 'static,
    into: &mut ParquetFile<W>,
    table: &'static Table,
    subject: &Subject,
    failed: impl FnOnce(io::Error) -> SinkError,
) -> Result<u64, SinkError> {
    let mut removed = 0;
    let mut failure = None;
    let read = parquet::read(from, table, subject.org, |batch| {
        let before = batch.rows();
        let kept = without(batch, subject);
        removed += (before - kept.rows()) as u64;
        into.batch(kept).map_err(|error| {
            failure = Some(error);
            io::Error::other("the file could not be written")
        })
    });
    match (read, failure) {
        (_, Some(error)) => Err(error),
        (Err(error), None) => Err(failed(error)),
        (Ok(()), None) => Ok(removed),
    }
}

/// Rows without the subject's.
pub(crate) fn without(batch: Batch, subject: &Subject) -> Batch {
    let columns = Subject::columns(batch.table());
    batch.retain(|batch, row| {
        !columns.iter().any(|(column, place)| match batch.value(row, *place) {
            ValueRef::Integer(id) => subject.has(column, id),
            _ => false,
        })
    })
}

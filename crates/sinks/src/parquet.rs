//! Parquet: the schema of a table, a file written from batches, and read back.
//!
//! The organization is in the path (`org_id=…`), where every reader of partitioned files looks for it, and not in the file: PyArrow
//! refuses files that have it in both. Otherwise the columns are the table's: instants as `TIMESTAMP_MILLIS` in UTC, JSON as
//! `JSON`, hashes as bytes, nulls as nulls. Rows are in the order of the key, and say so.

mod chunk;
mod column;
mod read;
mod schema;
mod write;

use ::parquet::errors::ParquetError;

pub(crate) use read::read;
pub use schema::{schema, text};
pub(crate) use write::ParquetFile;

/// Parquet's errors as those of the file system: what fails in it is reading or writing.
pub(crate) fn to_io(error: ParquetError) -> std::io::Error {
    match error {
        ParquetError::External(source) => match source.downcast::<std::io::Error>() {
            Ok(error) => *error,
            Err(source) => std::io::Error::other(source),
        },
        other => std::io::Error::other(other),
    }
}

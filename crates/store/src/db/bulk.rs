//! SQLite, read in bulk: rows go from the database's own memory into columns, on a thread that may block.
//!
//! Through the pool each row is a message from one thread to another, which costs more than reading it. That is nothing to an
//! answer of a few rows, and most of the time of a table that is read whole. So whole tables are read here, over a few
//! connections of their own, which can only read. Data flows one way, and nothing here knows a table.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rusqlite::types::{ToSqlOutput, ValueRef as Stored};
use rusqlite::{Connection, OpenFlags, Row as SqliteRow, ToSql};

use crate::error::StoreError;
use crate::tables::{Batch, Value, Values};

/// Connections that are kept for the next page.
const IDLE_MAX: usize = 2;
/// Page cache of each, in KiB (negative by SQLite's convention).
const CACHE_KIB: i64 = -4_096;

/// The connections.
pub(crate) struct Bulk {
    path: PathBuf,
    busy_timeout: Duration,
    /// `None` once closed.
    idle: Mutex<Option<Vec<Connection>>>,
}

impl fmt::Debug for Bulk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bulk").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Bulk {
    pub(super) fn new(path: PathBuf, busy_timeout: Duration) -> Self {
        Self { path, busy_timeout, idle: Mutex::new(Some(Vec::new())) }
    }

    pub(super) fn close(&self) {
        drop(self.idle.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    /// The rows of a statement, appended to a batch of the same columns. Blocks.
    pub(crate) fn append(&self, text: &str, bound: &[Value], batch: &mut Batch) -> Result<(), StoreError> {
        let connection = self.take()?;
        let mut statement = connection.prepare_cached(text)?;
        for (number, value) in (1..).zip(bound) {
            // To SQLite "$2" is a name, and the first one that a text holds is the first parameter.
            if let Some(index) = statement.parameter_index(&format!("${number}"))? {
                statement.raw_bind_parameter(index, value)?;
            }
        }
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next()? {
            append_row(row, batch.grow(1))?;
        }
        drop(rows);
        drop(statement);
        self.give_back(connection);
        Ok(())
    }

    fn take(&self) -> Result<Connection, StoreError> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let idle = idle.as_mut().ok_or(StoreError::ConnectionLost)?;
        if let Some(connection) = idle.pop() {
            return Ok(connection);
        }
        // A file that is opened for reading alone cannot make what the write-ahead log needs.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.path, flags)?;
        connection.busy_timeout(self.busy_timeout)?;
        connection.pragma_update(None, "query_only", true)?;
        connection.pragma_update(None, "cache_size", CACHE_KIB)?;
        Ok(connection)
    }

    fn give_back(&self, connection: Connection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(idle) = idle.as_mut().filter(|idle| idle.len() < IDLE_MAX) {
            idle.push(connection);
        }
    }
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => Stored::Null,
            Self::Integer(number) => Stored::Integer(*number),
            Self::Real(number) => Stored::Real(*number),
            Self::Flag(flag) => Stored::Integer(i64::from(*flag)),
            Self::Text(text) => Stored::Text(text.as_bytes()),
            Self::Bytes(bytes) => Stored::Blob(bytes),
        }))
    }
}

fn append_row(row: &SqliteRow<'_>, columns: &mut [Values]) -> Result<(), StoreError> {
    for (index, column) in columns.iter_mut().enumerate() {
        match (column, row.get_ref(index)?) {
            (Values::Integers(values), Stored::Integer(number)) => values.push(Some(number)),
            (Values::Integers(values), Stored::Null) => values.push(None),
            (Values::Reals(values), Stored::Real(number)) => values.push(Some(number)),
            (Values::Reals(values), Stored::Null) => values.push(None),
            (Values::Flags(values), Stored::Integer(number)) => values.push(Some(number != 0)),
            (Values::Flags(values), Stored::Null) => values.push(None),
            (Values::Texts(texts), Stored::Text(text)) => {
                texts.push(Some(std::str::from_utf8(text).map_err(|_| COLUMN)?))
            }
            (Values::Texts(texts), Stored::Null) => texts.push(None),
            (Values::Bytes(values), Stored::Blob(bytes)) => values.push(Some(bytes.to_vec())),
            (Values::Bytes(values), Stored::Null) => values.push(None),
            _ => return Err(COLUMN),
        }
    }
    Ok(())
}

/// A value of another kind than the column's.
const COLUMN: StoreError = StoreError::Stored { what: "column" };

//! SQLite, read in bulk: rows go from the database's own memory into columns, on a thread that may block.
//!
//! Through the pool each row is a message from one thread to another, which costs more than reading it. That is nothing to an
//! answer of a few rows, and most of the time of a table that is read whole. So whole tables are read here, over a few
//! connections of their own, which can only read. Data flows one way, and nothing here knows a table.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::types::{ToSqlOutput, ValueRef as Stored};
use rusqlite::{Connection, OpenFlags, Row as SqliteRow, ToSql};

use crate::error::StoreError;
use crate::tables::{Batch, UncheckedTexts, Value, Values};

/// Connections that are kept for the next page.
const IDLE_MAX: usize = 2;
/// Rows that tell how long the texts of a page are.
const ROWS_TELLING: usize = 128;
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

    /// The rows of a statement, or those that are picked, appended to a batch of the same columns. Blocks.
    pub(crate) fn append(
        &self,
        text: &str,
        bound: &[Value],
        pick: Option<&Pick>,
        batch: &mut Batch,
    ) -> Result<(), StoreError> {
        let connection = self.take()?;
        let mut statement = connection.prepare_cached(text)?;
        for (number, value) in (1..).zip(bound) {
            // To SQLite "$2" is a name, and the first one that a text holds is the first parameter.
            if let Some(index) = statement.parameter_index(&format!("${number}"))? {
                statement.raw_bind_parameter(index, value)?;
            }
        }
        let mut rows = statement.raw_query();
        let (mut columns, mut count): (Vec<Filling>, _) =
            (batch.grow(0).iter_mut().map(Filling::begin).collect(), 0);
        while let Some(row) = rows.next()? {
            match pick.map_or(Ok(Picked::Taken), |pick| pick.row(row, count))? {
                Picked::Taken => append_row(row, &mut columns)?,
                Picked::Left => continue,
                Picked::Over => break,
            }
            count += 1;
            if count == ROWS_TELLING {
                columns.iter_mut().for_each(Filling::make_room);
            }
        }
        let filled: Result<Vec<Values>, StoreError> = columns.into_iter().map(Filling::end).collect();
        batch.grow(count).iter_mut().zip(filled?).for_each(|(column, filled)| *column = filled);
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

/// Which rows of a statement are taken.
pub(crate) struct Pick {
    /// So many.
    pub(crate) rows: usize,
    /// Until the second column, by which they are ordered, is beyond this.
    pub(crate) most: i64,
    /// Those of which this column
    pub(crate) column: usize,
    /// is one of these, which ascend.
    pub(crate) among: Arc<[i64]>,
}

enum Picked {
    Taken,
    Left,
    Over,
}

impl Pick {
    fn row(&self, row: &SqliteRow<'_>, taken: usize) -> Result<Picked, StoreError> {
        let number = |index| row.get_ref(index)?.as_i64().map_err(|_| COLUMN);
        if taken == self.rows || number(1)? > self.most {
            return Ok(Picked::Over);
        }
        let is_among = self.among.binary_search(&number(self.column)?).is_ok();
        Ok(if is_among { Picked::Taken } else { Picked::Left })
    }
}

/// A column that rows are appended to.
enum Filling {
    /// Its texts are looked at when all have come.
    Texts(UncheckedTexts),
    Other(Values),
}

impl Filling {
    /// Take what there is of a column.
    fn begin(column: &mut Values) -> Self {
        match std::mem::replace(column, Values::Integers(Vec::new())) {
            Values::Texts(texts) => Self::Texts(texts.into_unchecked()),
            other => Self::Other(other),
        }
    }

    /// Have room for as much again for each row that may come: growing little by little costs several copies of everything.
    fn make_room(&mut self) {
        if let Self::Texts(texts) = self {
            texts.make_room();
        }
    }

    fn end(self) -> Result<Values, StoreError> {
        match self {
            Self::Texts(texts) => texts.check().map(Values::Texts).ok_or(COLUMN),
            Self::Other(values) => Ok(values),
        }
    }
}

fn append_row(row: &SqliteRow<'_>, columns: &mut [Filling]) -> Result<(), StoreError> {
    for (index, column) in columns.iter_mut().enumerate() {
        match (column, row.get_ref(index)?) {
            (Filling::Texts(texts), Stored::Text(text)) => texts.push(Some(text)),
            (Filling::Texts(texts), Stored::Null) => texts.push(None),
            (Filling::Other(values), stored) => append_value(values, stored)?,
            (Filling::Texts(_), _) => return Err(COLUMN),
        }
    }
    Ok(())
}

fn append_value(column: &mut Values, stored: Stored<'_>) -> Result<(), StoreError> {
    match (column, stored) {
        (Values::Integers(values), Stored::Integer(number)) => values.push(Some(number)),
        (Values::Integers(values), Stored::Null) => values.push(None),
        (Values::Reals(values), Stored::Real(number)) => values.push(Some(number)),
        (Values::Reals(values), Stored::Null) => values.push(None),
        (Values::Flags(values), Stored::Integer(number)) => values.push(Some(number != 0)),
        (Values::Flags(values), Stored::Null) => values.push(None),
        (Values::Bytes(values), Stored::Blob(bytes)) => values.push(Some(bytes.to_vec())),
        (Values::Bytes(values), Stored::Null) => values.push(None),
        _ => return Err(COLUMN),
    }
    Ok(())
}

/// A value of another kind than the column's.
const COLUMN: StoreError = StoreError::Stored { what: "column" };

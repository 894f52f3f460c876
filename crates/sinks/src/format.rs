//! How a table's rows become bytes.
//!
//! Parquet has a module of its own. NDJSON and CSV are written here rather than by a library, because what is written must
//! tell null from the empty text (the `csv` crate cannot) and must embed stored JSON without decoding its
//! numbers. The tests read everything back with libraries of others.

mod compression;
mod csv;
mod ndjson;
mod records;

use std::io::{self, Write};

pub use compression::Compression;
pub(crate) use compression::Packed;
pub use csv::Csv;
pub(crate) use csv::defused;
pub use ndjson::Ndjson;
pub(crate) use records::{Records, fields, owners, read_record};

/// The formats of tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One JSON object a line, keys are column names.
    Ndjson,
    /// RFC 4180 with a header row.
    Csv,
    /// Columns, compressed, cut into months.
    Parquet,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Ndjson, Self::Csv, Self::Parquet];

    /// The format of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }

    /// The ending of its files and its name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ndjson => "ndjson",
            Self::Csv => "csv",
            Self::Parquet => "parquet",
        }
    }
}

/// What to do with texts that a spreadsheet would run as a formula.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Formulas {
    /// Write them as they are: exact, and right for programs.
    #[default]
    Keep,
    /// Put a `'` before them: safe to open in a spreadsheet, no longer exact. Only CSV knows this.
    Defuse,
}

/// One value of a row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cell<'a> {
    /// No value.
    Null,
    /// A whole number: ids, counts, Unix milliseconds.
    Int(i64),
    /// A real number; what is not finite is written as null.
    Real(f64),
    /// True or false.
    Bool(bool),
    /// Any text.
    Text(&'a str),
    /// A JSON document as text.
    Json(&'a str),
    /// Bytes, written as lower-case hexadecimal text.
    Bytes(&'a [u8]),
}

/// A writer of rows in one of the formats.
#[derive(Debug)]
pub enum Encoder {
    /// One JSON object a line.
    Ndjson(Ndjson),
    /// RFC 4180.
    Csv(Csv),
}

impl Encoder {
    /// What stands before the first row.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn head(&self, out: &mut dyn Write) -> io::Result<()> {
        match self {
            Self::Ndjson(_) => Ok(()),
            Self::Csv(csv) => csv.head(out),
        }
    }

    /// One row: as many cells as there are columns.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn row(&mut self, cells: &[Cell<'_>], out: &mut dyn Write) -> io::Result<()> {
        match self {
            Self::Ndjson(ndjson) => ndjson.row(cells, out),
            Self::Csv(csv) => csv.row(cells, out),
        }
    }
}

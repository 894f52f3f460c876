//! The public tables: a contract with whoever queries the store, told in docs/tables.md.
//!
//! One list ([`TABLES`]) says which columns there are, of which kind, unit and meaning, whether they may be null, and by
//! which key. What others need to know of it is made from the list: the page, the DDL of a destination
//! ([`ddl`]), the JSON Schema of a row ([`json_schema`]), and, in the sinks, Parquet's schema. Exports
//! read by it, in pages of columns ([`read_page`]) in the order of the keys.
//!
//! Columns that stay behind (hashes and versions of the merge, the bytes of attachments) are in the list too, apart.

mod batch;
mod catalog;
pub mod columns;
pub mod ddl;
mod filter;
pub mod json_schema;
mod month;
pub mod page;
pub(crate) mod read;
pub mod touched;
mod transcripts;

use std::collections::BTreeMap;

use model::OrgId;

pub(crate) use batch::UncheckedTexts;
pub use batch::{Batch, Cells, Texts, ValueRef, Values};
pub use catalog::TABLES;
pub use columns::UnknownName;
pub use filter::Filter;
pub use month::Month;
pub use read::{Among, Partition, Rows, among, partitions, partitions_of, read, read_page};
pub use touched::{Basis, Touched};
pub use transcripts::TRANSCRIPTS;

use crate::db::Db;
use crate::error::StoreError;

/// The version of the list. Within one, tables and columns are only added, and what there is keeps its
/// name, kind, nullability, key and meaning.
pub const VERSION: u32 = 1;

/// The kind of a column's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnKind {
    /// A 64-bit number.
    Integer,
    /// An instant: Unix milliseconds, UTC.
    Instant,
    /// True or false.
    Flag,
    /// A number with a fraction.
    Real,
    /// Text.
    Text,
    /// A JSON document as text.
    Json,
    /// A hash.
    Bytes,
}

impl ColumnKind {
    /// What the documentation calls it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Integer => "integer",
            Self::Instant => "instant",
            Self::Flag => "flag",
            Self::Real => "real",
            Self::Text => "text",
            Self::Json => "JSON",
            Self::Bytes => "bytes",
        }
    }
}

/// What personal data a column holds: what a mask does to it follows from that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Personal {
    /// An e-mail address.
    Email,
    /// A phone number.
    Phone,
    /// A person's name.
    Name,
    /// Another system's id of a person or of something of theirs.
    Identifier,
    /// An address that leads to something of a person's, perhaps with a key in it.
    Link,
    /// What people wrote.
    Text,
    /// A document of fields that nobody knows beforehand.
    Document,
}

impl Personal {
    /// What the documentation calls it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Email => "e-mail",
            Self::Phone => "phone",
            Self::Name => "name",
            Self::Identifier => "identifier",
            Self::Link => "link",
            Self::Text => "free text",
            Self::Document => "document",
        }
    }
}

/// One column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Its name, the same on both engines.
    pub name: &'static str,
    /// The kind of its values.
    pub kind: ColumnKind,
    /// Whether a row may have none.
    pub nullable: bool,
    /// What its numbers count, where they do.
    pub unit: Option<&'static str>,
    /// What personal data it holds, if any.
    pub personal: Option<Personal>,
    /// What it says, in a sentence of Markdown.
    pub meaning: &'static str,
}

impl Column {
    const fn required(name: &'static str, kind: ColumnKind, meaning: &'static str) -> Self {
        let unit = match kind {
            ColumnKind::Instant => Some("ms, UTC"),
            _ => None,
        };
        Self { name, kind, nullable: false, unit, personal: None, meaning }
    }

    const fn nullable(name: &'static str, kind: ColumnKind, meaning: &'static str) -> Self {
        let mut column = Self::required(name, kind, meaning);
        column.nullable = true;
        column
    }

    const fn of(mut self, personal: Personal) -> Self {
        self.personal = Some(personal);
        self
    }

    const fn in_unit(mut self, unit: &'static str) -> Self {
        self.unit = Some(unit);
        self
    }
}

/// How a table is cut into months.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// Not at all: it is small, or has no time.
    Whole,
    /// By this instant of its own.
    Own(&'static str),
    /// By the creation of the conversation that the row belongs to.
    Conversation,
}

/// One public table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// What its rows are, in a few sentences of Markdown.
    pub about: &'static str,
    /// The columns that go out; the first is `org_id`.
    pub columns: &'static [Column],
    /// The columns that stay behind.
    pub stays: &'static [Column],
    /// The columns it is ordered by, after `org_id`; a prefix of `columns` after the first.
    pub key: &'static [&'static str],
    /// The columns that no two rows share, `org_id` first; perhaps fewer than `key` names.
    pub primary: &'static [&'static str],
    /// How it is cut into months.
    pub cut: Cut,
    first: &'static str,
    next: &'static str,
    count: &'static str,
    days: &'static str,
    span: &'static str,
    month_first: &'static str,
    month_next: &'static str,
}

impl Table {
    /// The place of a column among those that go out.
    #[must_use]
    pub fn place(&self, column: &str) -> Option<usize> {
        self.columns.iter().position(|one| one.name == column)
    }
}

/// One value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Nothing.
    Null,
    /// A number or an instant.
    Integer(i64),
    /// A number with a fraction.
    Real(f64),
    /// True or false.
    Flag(bool),
    /// Text or JSON.
    Text(String),
    /// A hash.
    Bytes(Vec<u8>),
}

impl Value {
    /// The same, not copied.
    #[must_use]
    pub fn as_ref(&self) -> ValueRef<'_> {
        match self {
            Self::Null => ValueRef::Null,
            Self::Integer(number) => ValueRef::Integer(*number),
            Self::Real(number) => ValueRef::Real(*number),
            Self::Flag(flag) => ValueRef::Flag(*flag),
            Self::Text(text) => ValueRef::Text(text),
            Self::Bytes(bytes) => ValueRef::Bytes(bytes),
        }
    }
}

/// One row, in the order of the table's columns.
pub type Row = Vec<Value>;

/// Every table that an export may hold: the public tables, and what is composed of them.
pub fn every() -> impl Iterator<Item = &'static Table> {
    const COMPOSED: &[Table] = &[TRANSCRIPTS];
    TABLES.iter().chain(COMPOSED)
}

/// The table of this name, among [`every`].
#[must_use]
pub fn table(name: &str) -> Option<&'static Table> {
    every().find(|table| table.name == name)
}

/// Rows of each public table.
pub(crate) async fn count_all(db: &Db, org: OrgId) -> Result<BTreeMap<&'static str, i64>, StoreError> {
    let mut counts = BTreeMap::new();
    for table in TABLES {
        let count: i64 =
            on_db!(db, pool => sqlx::query_scalar(table.count).bind(org.0).fetch_one(pool).await)?;
        counts.insert(table.name, count);
    }
    Ok(counts)
}

/// The statements of every table, for the test that prepares them all.
pub(crate) fn statements() -> impl Iterator<Item = (&'static str, &'static str)> {
    every().flat_map(|table| {
        let all = [
            table.first,
            table.next,
            table.count,
            table.days,
            table.span,
            table.month_first,
            table.month_next,
        ];
        // A table that is not cut has no statements about months.
        let used = if table.cut == Cut::Whole { 3 } else { all.len() };
        all.into_iter().take(used).filter(|text| !text.is_empty()).map(|text| (table.name, text))
    })
}

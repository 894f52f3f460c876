//! A page of a table, column by column.
//!
//! Texts lie one after the other in one buffer, so that a page of thousands of rows is a few allocations and not tens
//! of thousands, and a sink that writes columns takes them as they are. A sink that writes rows asks for one
//! value after the other.

use std::borrow::Cow;
use std::iter::Zip;
use std::slice;

use crate::tables::{Column, ColumnKind, Row, Table, Value};

/// Rows of one table, in the order of its key.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    table: &'static Table,
    rows: usize,
    columns: Vec<Values>,
}

/// The values of one column; a row without one holds `None`.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// Numbers and instants.
    Integers(Vec<Option<i64>>),
    /// Numbers with a fraction.
    Reals(Vec<Option<f64>>),
    /// True or false.
    Flags(Vec<Option<bool>>),
    /// Texts and JSON documents.
    Texts(Texts),
    /// Hashes.
    Bytes(Vec<Option<Vec<u8>>>),
}

/// Texts, one after the other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Texts {
    buffer: String,
    /// Where each ends in the buffer; a null ends where it begins.
    ends: Vec<usize>,
    present: Vec<bool>,
}

/// One value of a batch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ValueRef<'a> {
    /// Nothing.
    Null,
    /// A number or an instant.
    Integer(i64),
    /// A number with a fraction.
    Real(f64),
    /// True or false.
    Flag(bool),
    /// Text or JSON.
    Text(&'a str),
    /// A hash.
    Bytes(&'a [u8]),
}

impl Batch {
    /// No rows yet, and room for this many.
    #[must_use]
    pub fn with_capacity(table: &'static Table, rows: usize) -> Self {
        let columns = table.columns.iter().map(|column| Values::with_capacity(column, rows)).collect();
        Self { table, rows: 0, columns }
    }

    /// Whose rows they are.
    #[must_use]
    pub fn table(&self) -> &'static Table {
        self.table
    }

    /// How many rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The values, in the order of the table's columns.
    #[must_use]
    pub fn columns(&self) -> &[Values] {
        &self.columns
    }

    /// The same, to be kept.
    #[must_use]
    pub fn into_columns(self) -> Vec<Values> {
        self.columns
    }

    /// One value.
    ///
    /// # Panics
    /// When there is no such row or column.
    #[must_use]
    pub fn value(&self, row: usize, column: usize) -> ValueRef<'_> {
        self.columns[column].get(row)
    }

    /// One row, its values copied.
    ///
    /// # Panics
    /// When there is no such row.
    #[must_use]
    pub fn row(&self, row: usize) -> Row {
        self.columns.iter().map(|column| column.get(row).to_owned()).collect()
    }

    /// The organization and the key of the last row: where to go on.
    #[must_use]
    pub fn last_key(&self) -> Option<Row> {
        let last = self.rows.checked_sub(1)?;
        Some((0..=self.table.key.len()).map(|column| self.value(last, column).to_owned()).collect())
    }

    /// What it takes in memory, in bytes, about.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.columns.iter().map(Values::bytes).sum()
    }

    /// Append one row.
    ///
    /// # Panics
    /// When a value is not of its column's kind: rows come from whoever knows the table.
    pub fn push(&mut self, row: &[ValueRef<'_>]) {
        assert_eq!(row.len(), self.columns.len(), "a row has a value for each column");
        for (column, value) in self.columns.iter_mut().zip(row) {
            column.push(*value);
        }
        self.rows += 1;
    }

    /// The rows of which `keep` says so, told the batch and the row's number.
    #[must_use]
    pub fn retain(self, keep: impl Fn(&Self, usize) -> bool) -> Self {
        let kept: Vec<usize> = (0..self.rows).filter(|row| keep(&self, *row)).collect();
        if kept.len() == self.rows {
            return self;
        }
        let mut left = Self::with_capacity(self.table, kept.len());
        for row in kept {
            let values: Vec<ValueRef<'_>> = self.columns.iter().map(|column| column.get(row)).collect();
            left.push(&values);
        }
        left
    }

    /// Write each text of a column anew, as `with` has it.
    ///
    /// # Panics
    /// When it is no column of texts.
    pub fn rewrite(&mut self, column: usize, mut with: impl FnMut(Option<&str>) -> Option<Cow<'_, str>>) {
        let Values::Texts(texts) = &mut self.columns[column] else {
            panic!("a column of texts is rewritten")
        };
        let before = std::mem::take(texts);
        for row in 0..self.rows {
            texts.push(with(before.get(row)).as_deref());
        }
    }

    /// The columns, to be filled with `rows` rows more.
    pub(crate) fn grow(&mut self, rows: usize) -> &mut [Values] {
        self.rows += rows;
        &mut self.columns
    }
}

impl Values {
    fn with_capacity(column: &Column, rows: usize) -> Self {
        match column.kind {
            ColumnKind::Integer | ColumnKind::Instant => Self::Integers(Vec::with_capacity(rows)),
            ColumnKind::Real => Self::Reals(Vec::with_capacity(rows)),
            ColumnKind::Flag => Self::Flags(Vec::with_capacity(rows)),
            ColumnKind::Text | ColumnKind::Json => Self::Texts(Texts {
                buffer: String::new(),
                ends: Vec::with_capacity(rows),
                present: Vec::with_capacity(rows),
            }),
            ColumnKind::Bytes => Self::Bytes(Vec::with_capacity(rows)),
        }
    }

    /// The value of a row.
    ///
    /// # Panics
    /// When there is no such row.
    #[must_use]
    pub fn get(&self, row: usize) -> ValueRef<'_> {
        match self {
            Self::Integers(values) => values[row].map_or(ValueRef::Null, ValueRef::Integer),
            Self::Reals(values) => values[row].map_or(ValueRef::Null, ValueRef::Real),
            Self::Flags(values) => values[row].map_or(ValueRef::Null, ValueRef::Flag),
            Self::Texts(texts) => texts.get(row).map_or(ValueRef::Null, ValueRef::Text),
            Self::Bytes(values) => values[row].as_deref().map_or(ValueRef::Null, ValueRef::Bytes),
        }
    }

    /// The values of all rows, one after the other: less work than asking for each.
    #[must_use]
    pub fn cells(&self) -> Cells<'_> {
        match self {
            Self::Integers(values) => Cells::Integers(values.iter()),
            Self::Reals(values) => Cells::Reals(values.iter()),
            Self::Flags(values) => Cells::Flags(values.iter()),
            Self::Texts(texts) => {
                Cells::Texts { rest: &texts.buffer, begin: 0, ends: texts.ends.iter().zip(&texts.present) }
            }
            Self::Bytes(values) => Cells::Bytes(values.iter()),
        }
    }

    fn push(&mut self, value: ValueRef<'_>) {
        match (self, value) {
            (Self::Integers(values), ValueRef::Integer(number)) => values.push(Some(number)),
            (Self::Integers(values), ValueRef::Null) => values.push(None),
            (Self::Reals(values), ValueRef::Real(number)) => values.push(Some(number)),
            (Self::Reals(values), ValueRef::Null) => values.push(None),
            (Self::Flags(values), ValueRef::Flag(flag)) => values.push(Some(flag)),
            (Self::Flags(values), ValueRef::Null) => values.push(None),
            (Self::Texts(texts), ValueRef::Text(text)) => texts.push(Some(text)),
            (Self::Texts(texts), ValueRef::Null) => texts.push(None),
            (Self::Bytes(values), ValueRef::Bytes(bytes)) => values.push(Some(bytes.to_vec())),
            (Self::Bytes(values), ValueRef::Null) => values.push(None),
            (column, value) => panic!("{value:?} is no value of {:?}", std::mem::discriminant(column)),
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Integers(values) => size_of_val(values.as_slice()),
            Self::Reals(values) => size_of_val(values.as_slice()),
            Self::Flags(values) => size_of_val(values.as_slice()),
            Self::Texts(texts) => {
                texts.buffer.len() + size_of_val(texts.ends.as_slice()) + texts.present.len()
            }
            Self::Bytes(values) => {
                size_of_val(values.as_slice()) + values.iter().flatten().map(Vec::len).sum::<usize>()
            }
        }
    }
}

/// See [`Values::cells`].
#[derive(Debug, Clone)]
pub enum Cells<'a> {
    /// Of numbers.
    Integers(slice::Iter<'a, Option<i64>>),
    /// Of numbers with a fraction.
    Reals(slice::Iter<'a, Option<f64>>),
    /// Of flags.
    Flags(slice::Iter<'a, Option<bool>>),
    /// Of texts.
    Texts {
        /// Those that are still to come, one after the other.
        rest: &'a str,
        /// Where they begin in the buffer.
        begin: usize,
        /// Where each ends, and whether it is one.
        ends: Zip<slice::Iter<'a, usize>, slice::Iter<'a, bool>>,
    },
    /// Of hashes.
    Bytes(slice::Iter<'a, Option<Vec<u8>>>),
}

impl<'a> Iterator for Cells<'a> {
    type Item = ValueRef<'a>;

    fn next(&mut self) -> Option<ValueRef<'a>> {
        Some(match self {
            Self::Integers(values) => values.next()?.map_or(ValueRef::Null, ValueRef::Integer),
            Self::Reals(values) => values.next()?.map_or(ValueRef::Null, ValueRef::Real),
            Self::Flags(values) => values.next()?.map_or(ValueRef::Null, ValueRef::Flag),
            Self::Texts { rest, begin, ends } => {
                let (end, is_present) = ends.next()?;
                let (text, after) = rest.split_at(end - *begin);
                (*rest, *begin) = (after, *end);
                if *is_present { ValueRef::Text(text) } else { ValueRef::Null }
            }
            Self::Bytes(values) => values.next()?.as_deref().map_or(ValueRef::Null, ValueRef::Bytes),
        })
    }
}

impl Texts {
    pub(crate) fn push(&mut self, text: Option<&str>) {
        self.buffer.push_str(text.unwrap_or_default());
        self.ends.push(self.buffer.len());
        self.present.push(text.is_some());
    }

    /// The text of a row.
    ///
    /// # Panics
    /// When there is no such row.
    #[must_use]
    pub fn get(&self, row: usize) -> Option<&str> {
        let begin = row.checked_sub(1).map_or(0, |before| self.ends[before]);
        self.present[row].then(|| &self.buffer[begin..self.ends[row]])
    }

    /// The same to be appended to as bytes come: they are looked at once, all together.
    pub(crate) fn into_unchecked(self) -> UncheckedTexts {
        let Self { buffer, ends, present } = self;
        UncheckedTexts { buffer: buffer.into_bytes(), ends, present }
    }

    /// All texts one after the other, where each ends, and which rows have one.
    #[must_use]
    pub fn into_parts(self) -> (String, Vec<usize>, Vec<bool>) {
        (self.buffer, self.ends, self.present)
    }
}

/// Texts of which nobody has seen yet whether they are any.
pub(crate) struct UncheckedTexts {
    buffer: Vec<u8>,
    ends: Vec<usize>,
    present: Vec<bool>,
}

impl UncheckedTexts {
    /// Have room for the rows that there is room for, if they are as long as those at hand.
    pub(crate) fn make_room(&mut self) {
        let rows = self.ends.len().max(1);
        let more = self.ends.capacity().saturating_sub(rows);
        self.buffer.reserve(self.buffer.len() / rows * more);
    }

    pub(crate) fn push(&mut self, text: Option<&[u8]>) {
        self.buffer.extend_from_slice(text.unwrap_or_default());
        self.ends.push(self.buffer.len());
        self.present.push(text.is_some());
    }

    /// `None` when one of them is not UTF-8.
    pub(crate) fn check(self) -> Option<Texts> {
        let Self { buffer, ends, present } = self;
        let buffer = String::from_utf8(buffer).ok()?;
        ends.iter().all(|end| buffer.is_char_boundary(*end)).then_some(Texts { buffer, ends, present })
    }
}

impl ValueRef<'_> {
    /// The value, to be kept.
    #[must_use]
    pub fn to_owned(self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Integer(number) => Value::Integer(number),
            Self::Real(number) => Value::Real(number),
            Self::Flag(flag) => Value::Flag(flag),
            Self::Text(text) => Value::Text(text.to_owned()),
            Self::Bytes(bytes) => Value::Bytes(bytes.to_vec()),
        }
    }
}

//! A hash of rows that does not know where they are: the same for the mirror, a CSV file, a Parquet file, a table elsewhere.
//!
//! Rows are hashed in the order of their key, value by value, each with its kind and length, so that no two different
//! sequences of values are written alike. What formats cannot tell apart is made the same first: a number that is not finite is none,
//! line breaks between the tokens of a JSON document are spaces, the document `null` is none, and a document that is a text is
//! that text. Where formulas are defused, texts are hashed as they are carried.
//!
//! It costs a pass of SHA-256 over the values and keeps 100 bytes, whatever the table's size.

use std::borrow::Cow;

use sha2::{Digest as _, Sha256};
use store::tables::{Batch, Cells, Column, ColumnKind, ValueRef, Values};

use crate::format::{Formulas, defused};

/// Bytes gathered before they are hashed.
const BUFFER_BYTES: usize = 64 * 1024;

/// Rows being hashed.
#[derive(Debug)]
pub struct RowDigest {
    formulas: Formulas,
    hash: Sha256,
    buffer: Vec<u8>,
    rows: u64,
}

/// What rows came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digested {
    /// How many.
    pub rows: u64,
    /// Their hash, hexadecimal.
    pub digest: String,
}

impl RowDigest {
    /// No rows yet; texts are hashed as this carries them.
    #[must_use]
    pub fn new(formulas: Formulas) -> Self {
        Self { formulas, hash: Sha256::new(), buffer: Vec::with_capacity(BUFFER_BYTES), rows: 0 }
    }

    /// The rows of a page of the mirror.
    pub fn batch(&mut self, batch: &Batch) {
        let columns = batch.columns().iter().map(Values::cells).zip(batch.table().columns);
        let mut columns: Vec<(Cells<'_>, &Column)> = columns.collect();
        for _ in 0..batch.rows() {
            for (cells, column) in &mut columns {
                let cell = cells.next().expect("each column has each row");
                value(&mut self.buffer, cell, column, self.formulas);
            }
            self.end_row();
        }
    }

    /// A row as it was read from a destination, texts as they are carried there.
    pub fn row<'a>(&mut self, values: impl Iterator<Item = (ValueRef<'a>, &'a Column)>) {
        for (one, column) in values {
            value(&mut self.buffer, one, column, Formulas::Keep);
        }
        self.end_row();
    }

    fn end_row(&mut self) {
        self.rows += 1;
        if self.buffer.len() >= BUFFER_BYTES {
            self.hash.update(&self.buffer);
            self.buffer.clear();
        }
    }

    /// What they came to.
    #[must_use]
    pub fn finish(mut self) -> Digested {
        self.hash.update(&self.buffer);
        Digested { rows: self.rows, digest: hex::encode(self.hash.finalize()) }
    }
}

/// Append a value so that it can be taken for no other.
pub(crate) fn value(into: &mut Vec<u8>, value: ValueRef<'_>, column: &Column, formulas: Formulas) {
    match value {
        ValueRef::Null => into.push(0),
        ValueRef::Integer(number) => fixed(into, 1, number.to_be_bytes()),
        ValueRef::Real(number) if number.is_finite() => fixed(into, 2, number.to_bits().to_be_bytes()),
        ValueRef::Real(_) => into.push(0),
        ValueRef::Flag(flag) => into.extend([3, u8::from(flag)]),
        ValueRef::Text(carried) => {
            let carried = match formulas {
                Formulas::Keep => Cow::Borrowed(carried),
                Formulas::Defuse => defused(carried),
            };
            if column.kind == ColumnKind::Json {
                json(into, &carried)
            } else {
                sized(into, 4, carried.as_bytes())
            }
        }
        ValueRef::Bytes(bytes) => sized(into, 5, bytes),
    }
}

/// A document, as far as every format keeps it.
fn json(into: &mut Vec<u8>, document: &str) {
    let document = document.trim_matches([' ', '\t', '\n', '\r']);
    if document == "null" {
        return into.push(0);
    }
    if document.starts_with('"')
        && let Ok(text) = serde_json::from_str::<String>(document)
    {
        return json_text(into, text.trim_matches([' ', '\t', '\n', '\r']));
    }
    json_text(into, document);
}

fn json_text(into: &mut Vec<u8>, document: &str) {
    let start = into.len() + 9;
    sized(into, 6, document.as_bytes());
    for byte in &mut into[start..] {
        if matches!(byte, b'\n' | b'\r') {
            *byte = b' ';
        }
    }
}

fn fixed(into: &mut Vec<u8>, kind: u8, bytes: [u8; 8]) {
    let mut written = [kind; 9];
    written[1..].copy_from_slice(&bytes);
    into.extend_from_slice(&written);
}

fn sized(into: &mut Vec<u8>, kind: u8, bytes: &[u8]) {
    fixed(into, kind, (bytes.len() as u64).to_be_bytes());
    into.extend_from_slice(bytes);
}

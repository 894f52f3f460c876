//! How many rows of a part differ, and in which way.
//!
//! Both sides are read once for every million rows: a pass takes the rows whose key falls into it, and keeps 16 bytes for each.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hasher as _};

use serde::Serialize;
use store::tables::{Column, Table, ValueRef};

use crate::SinkError;
use crate::copy::{self, CutPart, Source};
use crate::destination::Destination;
use crate::digest;
use crate::format::Formulas;
use crate::proof::period;
use crate::sink::PartFile;

/// Rows kept at once.
const ROWS_MAX: u64 = 1_000_000;

/// What a destination has otherwise than the mirror.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The table.
    pub table: String,
    /// The month; absent when the part is the table.
    pub period: Option<String>,
    /// Rows of the mirror that are not there.
    pub missing: u64,
    /// Rows there that the mirror does not have.
    pub extra: u64,
    /// Rows with the same key and other values.
    pub changed: u64,
}

impl Difference {
    /// A part whose month the mirror no longer knows.
    pub(super) fn all_extra(part: &PartFile) -> Self {
        let (table, period) = (part.table.clone(), part.period.clone());
        Self { table, period, missing: 0, extra: part.rows, changed: 0 }
    }

    pub(super) fn is_none(&self) -> bool {
        (self.missing, self.extra, self.changed) == (0, 0, 0)
    }
}

/// The rows of one pass, by key.
struct Pass {
    number: u64,
    of: u64,
    rows: HashMap<u64, u64>,
}

/// Compare the rows of a part; without a part at the destination all of the mirror's are missing.
pub(super) async fn compare(
    source: Source<'_>,
    destination: &Destination,
    cut: &CutPart,
    part: Option<&PartFile>,
    mirror_rows: u64,
) -> Result<Difference, SinkError> {
    let table = cut.part.table;
    let rows = part.map_or(0, |part| part.rows).max(mirror_rows);
    let of = rows.div_ceil(ROWS_MAX).max(1);
    let mut difference =
        Difference { table: table.name.to_owned(), period: period(cut), missing: 0, extra: 0, changed: 0 };
    for number in 0..of {
        let mut pass = Pass { number, of, rows: HashMap::new() };
        if let Some(part) = part {
            let state = (pass, table);
            let read = destination.read(source.org, part, state, |(pass, table), row| {
                let (key, value) = hashes(table, row.iter().copied(), Formulas::Keep);
                pass.keep(key, value);
            });
            (pass, _) = read.await?;
        }
        let formulas = destination.formulas();
        let found = &mut difference;
        copy::pages(source, cut, &mut |batch| {
            for row in 0..batch.rows() {
                let values = batch.columns().iter().map(|values| values.get(row));
                let (key, value) = hashes(table, values.zip(batch.table().columns), formulas);
                pass.meet(key, value, found);
            }
        })
        .await?;
        difference.extra += pass.rows.len() as u64;
    }
    Ok(difference)
}

impl Pass {
    fn keep(&mut self, key: u64, row: u64) {
        if key % self.of == self.number {
            self.rows.insert(key, row);
        }
    }

    fn meet(&mut self, key: u64, row: u64, found: &mut Difference) {
        if key % self.of != self.number {
            return;
        }
        match self.rows.remove(&key) {
            None => found.missing += 1,
            Some(held) if held != row => found.changed += 1,
            Some(_) => {}
        }
    }
}

/// The hashes of a row's key and of its values.
fn hashes<'a>(
    table: &Table,
    row: impl Iterator<Item = (ValueRef<'a>, &'a Column)>,
    formulas: Formulas,
) -> (u64, u64) {
    let (mut key, mut all, mut buffer) = (DefaultHasher::new(), DefaultHasher::new(), Vec::new());
    for (value, column) in row {
        buffer.clear();
        digest::value(&mut buffer, value, column, formulas);
        all.write(&buffer);
        if table.primary.contains(&column.name) {
            key.write(&buffer);
        }
    }
    (key.finish(), all.finish())
}

//! Rows of a CSV file. A field without quotes that holds nothing is null; one with quotes is a text.

use std::io::{self, BufRead};

use store::tables::{ColumnKind, Table, Value};

use super::{Told, columns, invalid, plain, quoted};
use crate::format::{Records, fields, read_record};

pub(super) fn rows(
    mut from: impl BufRead,
    table: &'static Table,
    each: &mut dyn FnMut(&Told<'_>) -> io::Result<()>,
) -> io::Result<()> {
    let mut record = Vec::new();
    if !read_record(&mut from, Records::Csv, &mut record)? {
        return Err(invalid("a file without a header"));
    }
    let header = str::from_utf8(&record).map_err(|_| invalid("a header that is no UTF-8"))?;
    let known = columns(table, header.trim_end_matches("\r\n").split(','))?;
    while read_record(&mut from, Records::Csv, &mut record)? {
        let fields = fields(&record);
        if fields.len() != known.len() {
            return Err(invalid("a record with other columns"));
        }
        let values: Vec<Value> = known
            .iter()
            .zip(fields)
            .map(|(column, field)| value(field, column.kind))
            .collect::<io::Result<_>>()?;
        let row: Vec<_> = values.iter().map(Value::as_ref).zip(known.iter().copied()).collect();
        each(&row)?;
    }
    Ok(())
}

fn value(field: &[u8], kind: ColumnKind) -> io::Result<Value> {
    let text = str::from_utf8(field).map_err(|_| invalid("a field that is no UTF-8"))?;
    if text.is_empty() {
        return Ok(Value::Null);
    }
    match text.strip_prefix('"').and_then(|text| text.strip_suffix('"')) {
        Some(text) => quoted(text.replace("\"\"", "\""), kind),
        None => plain(text, kind),
    }
}

//! Tables as files: NDJSON and CSV in a directory, read back by readers of this test's own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::value::RawValue;
use sinks::files::FileSink;
use sinks::format::{Format, Formulas};
use sinks::sink::Sink;
use store::tables::{ColumnKind, Row, Table, Value};

use crate::conformance::{self, Place};
use crate::fixture::on_both;

struct Folder {
    root: PathBuf,
    format: Format,
}

impl Place for Folder {
    fn sink(&self) -> Box<dyn Sink> {
        Box::new(FileSink::new(self.root.clone(), self.format, Formulas::Keep))
    }

    fn bad_sink(&self) -> Box<dyn Sink> {
        let foreign = self.root.with_extension("foreign");
        std::fs::create_dir_all(&foreign).unwrap();
        std::fs::write(foreign.join("thesis.txt"), "years").unwrap();
        Box::new(FileSink::new(foreign, self.format, Formulas::Keep))
    }

    async fn rows(&self, table: &'static Table) -> Vec<Row> {
        let path = self.root.join(format!("{}.{}", table.name, self.format.name()));
        if !path.exists() {
            return Vec::new();
        }
        match self.format {
            Format::Ndjson => ndjson(&path, table),
            Format::Csv => csv(&path, table),
        }
    }
}

fn ndjson(path: &Path, table: &Table) -> Vec<Row> {
    let text = std::fs::read_to_string(path).unwrap();
    let row = |line: &str| {
        let row: BTreeMap<&str, &RawValue> = serde_json::from_str(line).unwrap();
        let value = |column: &store::tables::Column| {
            let text = row[column.name].get();
            let decoded = || serde_json::from_str::<String>(text).unwrap();
            match column.kind {
                _ if text == "null" => Value::Null,
                ColumnKind::Integer | ColumnKind::Instant => Value::Integer(text.parse().unwrap()),
                ColumnKind::Real => Value::Real(text.parse().unwrap()),
                ColumnKind::Flag => Value::Flag(text.parse().unwrap()),
                ColumnKind::Json => Value::Text(text.to_owned()),
                ColumnKind::Text => Value::Text(decoded()),
                ColumnKind::Bytes => Value::Bytes(hex::decode(decoded()).unwrap()),
            }
        };
        table.columns.iter().map(value).collect()
    };
    text.lines().map(row).collect()
}

fn csv(path: &Path, table: &Table) -> Vec<Row> {
    let text = std::fs::read_to_string(path).unwrap();
    let mut records = records(&text).into_iter();
    let head: Vec<Option<String>> = records.next().unwrap();
    assert_eq!(head.iter().flatten().collect::<Vec<_>>().len(), table.columns.len());
    let row = |record: Vec<Option<String>>| {
        let value = |(field, column): (Option<String>, &store::tables::Column)| match (field, column.kind) {
            (None, _) => Value::Null,
            (Some(text), ColumnKind::Integer | ColumnKind::Instant) => Value::Integer(text.parse().unwrap()),
            (Some(text), ColumnKind::Real) => Value::Real(text.parse().unwrap()),
            (Some(text), ColumnKind::Flag) => Value::Flag(text.parse().unwrap()),
            (Some(text), ColumnKind::Text | ColumnKind::Json) => Value::Text(text),
            (Some(text), ColumnKind::Bytes) => Value::Bytes(hex::decode(text).unwrap()),
        };
        record.into_iter().zip(table.columns).map(value).collect()
    };
    records.map(row).collect()
}

/// The records of a CSV text; a field that is nothing between its commas is `None`.
fn records(text: &str) -> Vec<Vec<Option<String>>> {
    let (mut records, mut record, mut field, mut is_quoted) = (Vec::new(), Vec::new(), None, false);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if is_quoted && chars.peek() == Some(&'"') => {
                field.get_or_insert_with(String::new).push('"');
                chars.next();
            }
            '"' => {
                is_quoted = !is_quoted;
                field.get_or_insert_with(String::new);
            }
            ',' if !is_quoted => record.push(field.take()),
            '\r' if !is_quoted => {
                assert_eq!(chars.next(), Some('\n'));
                record.push(field.take());
                records.push(std::mem::take(&mut record));
            }
            c => field.get_or_insert_with(String::new).push(c),
        }
    }
    records
}

#[tokio::test]
async fn a_directory_of_ndjson_keeps_what_sinks_promise() {
    on_both(async |fixture| {
        let folder = Folder { root: fixture.out(), format: Format::Ndjson };
        conformance::holds(&fixture, &folder).await;
    })
    .await;
}

#[tokio::test]
async fn a_directory_of_csv_keeps_what_sinks_promise() {
    on_both(async |fixture| {
        let folder = Folder { root: fixture.out(), format: Format::Csv };
        conformance::holds(&fixture, &folder).await;
    })
    .await;
}

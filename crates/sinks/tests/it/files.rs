//! Tables as files: NDJSON and CSV in a directory, read back by readers of this test's own.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use ::parquet::file::reader::{FileReader as _, SerializedFileReader};
use ::parquet::record::Field;
use serde_json::value::RawValue;
use sinks::ExportOptions;
use sinks::files::FileSink;
use sinks::format::{Compression, Format, Formulas};
use sinks::sink::Sink;
use store::tables::{ColumnKind, Row, Table, Value};

use crate::conformance::{self, Place};
use crate::fixture::on_both;

struct Folder {
    root: PathBuf,
    format: Format,
    compression: Compression,
}

impl Place for Folder {
    fn sink(&self) -> Box<dyn Sink> {
        Box::new(FileSink::new(self.root.clone(), self.format, Formulas::Keep).compressed(self.compression))
    }

    fn bad_sink(&self) -> Box<dyn Sink> {
        let foreign = self.root.with_extension("foreign");
        std::fs::create_dir_all(&foreign).unwrap();
        std::fs::write(foreign.join("thesis.txt"), "years").unwrap();
        Box::new(FileSink::new(foreign, self.format, Formulas::Keep))
    }

    async fn rows(&self, table: &'static Table) -> Vec<Row> {
        if self.format == Format::Parquet {
            let found = files(&self.root.join("tables").join(table.name));
            let is_named = |path: &PathBuf| {
                let shown = path.to_string_lossy();
                shown.ends_with("part-0.parquet") && shown.contains("/org_id=4242/")
            };
            assert!(found.iter().all(is_named), "{found:?}");
            return found.iter().flat_map(|path| parquet(path, table)).collect();
        }
        let ending = self.compression.ending();
        let path = self.root.join(format!("{}.{}{ending}", table.name, self.format.name()));
        if path.exists() { rows_of(&path, table, self.format) } else { Vec::new() }
    }
}

/// The rows of a file, compressed as its name says.
pub(crate) fn rows_of(path: &Path, table: &'static Table, format: Format) -> Vec<Row> {
    let (_, compression) = Compression::of(path.to_str().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let plain = folder.path().join("plain");
    let (from, mut text) = (File::open(path).unwrap(), Vec::new());
    let path = match compression {
        Compression::None => path,
        Compression::Gzip => {
            flate2::read::GzDecoder::new(from).read_to_end(&mut text).unwrap();
            std::fs::write(&plain, text).unwrap();
            &plain
        }
        Compression::Zstd => {
            std::fs::write(&plain, zstd::decode_all(from).unwrap()).unwrap();
            &plain
        }
    };
    match format {
        Format::Ndjson => ndjson(path, table),
        Format::Csv => csv(path, table),
        Format::Parquet => parquet(path, table),
    }
}

pub(crate) fn ndjson(path: &Path, table: &Table) -> Vec<Row> {
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

pub(crate) fn csv(path: &Path, table: &Table) -> Vec<Row> {
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

/// All Parquet files below a folder, as anybody finds them.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// The rows of a file; the organization is in its path.
pub(crate) fn parquet(path: &Path, table: &'static Table) -> Vec<Row> {
    let reader = SerializedFileReader::new(File::open(path).unwrap()).unwrap();
    let row = |row: ::parquet::record::Row| {
        let value = |field: &Field| match field {
            Field::Null => Value::Null,
            Field::Long(number) | Field::TimestampMillis(number) => Value::Integer(*number),
            Field::Double(number) => Value::Real(*number),
            Field::Bool(flag) => Value::Flag(*flag),
            Field::Str(text) => Value::Text(text.clone()),
            Field::Bytes(bytes) => Value::Bytes(bytes.data().to_vec()),
            other => panic!("{other:?}"),
        };
        let values = row.get_column_iter().map(|(_, field)| value(field));
        std::iter::once(Value::Integer(4242)).chain(values).collect()
    };
    let rows: Vec<Row> = reader.get_row_iter(None).unwrap().map(|found| row(found.unwrap())).collect();
    assert!(rows.iter().all(|row| row.len() == table.columns.len()));
    rows
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

async fn holds(format: Format, compression: Compression) {
    on_both(async |fixture| {
        let folder = Folder { root: fixture.out(), format, compression };
        conformance::holds(&fixture, &folder).await;
    })
    .await;
}

#[tokio::test]
async fn a_directory_of_ndjson_keeps_what_sinks_promise() {
    holds(Format::Ndjson, Compression::None).await;
    holds(Format::Ndjson, Compression::Zstd).await;
}

#[tokio::test]
async fn a_directory_of_csv_keeps_what_sinks_promise() {
    holds(Format::Csv, Compression::None).await;
    holds(Format::Csv, Compression::Gzip).await;
}

#[tokio::test]
async fn a_directory_of_parquet_keeps_what_sinks_promise() {
    holds(Format::Parquet, Compression::None).await;
}

#[tokio::test]
async fn files_that_are_compressed_otherwise_take_the_place_of_those_before() {
    on_both(async |fixture| {
        fixture.fill(30).await;
        let mut plain: Option<Vec<Row>> = None;
        for compression in [Compression::None, Compression::Gzip, Compression::Zstd, Compression::None] {
            let options = fixture.options(Format::Csv);
            let destination = options.destination.clone().compressed(compression);
            let options = ExportOptions { destination, ..options };
            let report = fixture.export(&options).await.unwrap();
            let name = format!("messages.csv{}", compression.ending());
            assert!(report.equal && report.tables.iter().any(|part| part.file == name), "{report:?}");
            let table = store::tables::table("messages").unwrap();
            let rows = rows_of(&fixture.out().join(&name), table, Format::Csv);
            assert_eq!(*plain.get_or_insert_with(|| rows.clone()), rows);
            let named = |path: &&PathBuf| path.to_string_lossy().contains("/messages.csv");
            assert_eq!(files(&fixture.out()).iter().filter(named).count(), 1);
            let words = ExportOptions::of_words(&options.words(), "out", options.who.clone(), &|_| panic!());
            assert_eq!(words.unwrap().destination.compression(), compression);
        }
    })
    .await;
}

#[tokio::test]
async fn an_export_in_another_format_replaces_the_tables_and_nothing_of_others() {
    on_both(async |fixture| {
        fixture.fill(5).await;
        fixture.export(&fixture.options(Format::Parquet)).await.unwrap();
        assert!(fixture.out().join("tables/messages/org_id=4242/month=2026-01/part-0.parquet").exists());
        assert!(fixture.out().join("tables/users/org_id=4242/part-0.parquet").exists());
        fixture.export(&fixture.options(Format::Csv)).await.unwrap();
        assert!(!fixture.out().join("tables").exists() && fixture.out().join("messages.csv").exists());

        // A folder of the user's own that is called as ours: left alone, and not taken.
        std::fs::create_dir(fixture.out().join("tables")).unwrap();
        let error = fixture.export(&fixture.options(Format::Parquet)).await.unwrap_err();
        assert!(error.to_string().contains("\"tables\""), "{error}");
        assert!(fixture.out().join("messages.csv").exists() && fixture.out().join("tables").exists());
        std::fs::remove_dir(fixture.out().join("tables")).unwrap();
        fixture.export(&fixture.options(Format::Parquet)).await.unwrap();
        assert!(!fixture.out().join("messages.csv").exists());
    })
    .await;
}

#[tokio::test]
async fn a_parquet_file_is_sorted_and_tells_what_is_in_its_row_groups() {
    on_both(async |fixture| {
        fixture.fill(100).await;
        fixture.export(&fixture.options(Format::Parquet)).await.unwrap();
        let path = fixture.out().join("tables/messages/org_id=4242/month=2026-01/part-0.parquet");
        let reader = SerializedFileReader::new(File::open(path).unwrap()).unwrap();
        let group = reader.metadata().row_group(0);
        let sorted: Vec<i32> = group.sorting_columns().unwrap().iter().map(|one| one.column_idx).collect();
        assert_eq!(sorted, [0, 1]);
        let ids = group.column(0).statistics().unwrap();
        assert_eq!(ids.min_bytes_opt().unwrap(), 1_i64.to_le_bytes());
        assert_eq!(ids.max_bytes_opt().unwrap(), 29_i64.to_le_bytes());
        let bodies = group.columns().iter().find(|one| one.column_path().string() == "body").unwrap();
        assert_eq!(bodies.statistics().unwrap().null_count_opt(), Some(1));
        assert!(matches!(bodies.compression(), ::parquet::basic::Compression::ZSTD(_)));
    })
    .await;
}

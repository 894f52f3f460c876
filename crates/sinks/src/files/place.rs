//! Where a part's file lies in the directory.

use std::fmt::Display;

use model::OrgId;

use crate::directory::TABLES;
use crate::format::{Compression, Format};
use crate::sink::{Part, PartFile, Period};

/// The path of a part, seen from the directory, with `/` between its parts.
pub(super) fn path((format, compression): (Format, Compression), org: OrgId, part: &Part) -> String {
    let name = part.table.name;
    match (format, part.period) {
        (Format::Ndjson | Format::Csv, _) => rows(name, format) + compression.ending(),
        (Format::Parquet, Period::All) => whole(name, org),
        (Format::Parquet, period) => month(name, org, period),
    }
}

/// Whether an entry of a manifest names its file as we name files: a manifest is only a file, and may have been edited.
pub(crate) fn is_ours(file: &PartFile, org: OrgId) -> bool {
    let is_name = |c: char| c.is_ascii_lowercase() || c == '_';
    let is_period = |c: char| c.is_ascii_alphanumeric() || c == '-';
    if file.table.is_empty() || !file.table.chars().all(is_name) {
        return false;
    }
    match &file.period {
        Some(period) => period.chars().all(is_period) && file.file == month(&file.table, org, period),
        None => {
            let (name, _) = Compression::of(&file.file);
            file.file == whole(&file.table, org)
                || [Format::Ndjson, Format::Csv].iter().any(|format| name == rows(&file.table, *format))
        }
    }
}

/// The same of a file alone.
pub(crate) fn is_file_of_ours(file: &str, org: OrgId) -> bool {
    let parts: Vec<&str> = file.split('/').collect();
    let (table, period) = match *parts.as_slice() {
        [name] => (name.split_once('.').map_or("", |(table, _)| table), None),
        [_, table, _, _] => (table, None),
        [_, table, _, month, _] => (table, month.strip_prefix("month=")),
        _ => return false,
    };
    let part = PartFile {
        table: table.to_owned(),
        period: period.map(str::to_owned),
        file: file.to_owned(),
        ..PartFile::default()
    };
    is_ours(&part, org)
}

/// The name of a file of rows.
pub(super) fn rows(table: &str, format: Format) -> String {
    format!("{table}.{}", format.name())
}

fn whole(table: &str, org: OrgId) -> String {
    format!("{TABLES}/{table}/org_id={org}/part-0.parquet")
}

fn month(table: &str, org: OrgId, month: impl Display) -> String {
    format!("{TABLES}/{table}/org_id={org}/month={month}/part-0.parquet")
}

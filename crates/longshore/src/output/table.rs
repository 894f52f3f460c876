//! Tables for people: columns, no colours, no frame, so that they read the same in a file.

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, ContentArrangement, Table};

/// How a column stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Column {
    Text(&'static str),
    Number(&'static str),
}

/// Rows under their headings, each column as wide as its widest cell; an empty text when there are no rows.
pub(crate) fn table(columns: &[Column], rows: Vec<Vec<String>>) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let mut table = Table::new();
    table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(columns.iter().map(|column| match column {
        Column::Text(name) | Column::Number(name) => *name,
    }));
    table.add_rows(rows);
    for (index, column) in columns.iter().enumerate() {
        let column_of_table = table.column_mut(index).expect("every heading has its column");
        column_of_table.set_padding((0, 2));
        if matches!(column, Column::Number(_)) {
            column_of_table.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.lines().map(|line| line.trim_end().to_owned() + "\n").collect()
}

/// A number with a thin group mark every three digits: `1,234,567`.
pub(crate) fn grouped(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::from(if number < 0 { "-" } else { "" });
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A duration as people say it: `840 ms`, `12.4 s`, `3 min 20 s`, `2 h 05 min`.
pub(crate) fn duration(ms: i64) -> String {
    match ms.max(0) {
        ms @ 0..1_000 => format!("{ms} ms"),
        ms @ 1_000..60_000 => format!("{}.{} s", ms / 1_000, ms % 1_000 / 100),
        ms @ 60_000..3_600_000 => format!("{} min {:02} s", ms / 60_000, ms % 60_000 / 1_000),
        ms => format!("{} h {:02} min", ms / 3_600_000, ms % 3_600_000 / 60_000),
    }
}

/// An instant as people read it: `2026-11-22 11:30:05Z`.
pub(crate) fn instant(ms: i64) -> String {
    match jiff::Timestamp::from_millisecond(ms) {
        Ok(at) => at.strftime("%Y-%m-%d %H:%M:%SZ").to_string(),
        Err(_) => format!("{ms} ms"),
    }
}

/// A size as people say it: `512 B`, `1.4 kB`, `3.0 GB`.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let (mut whole, mut tenth, mut unit) = (bytes, 0, 0);
    while whole >= 1_000 && unit + 1 < UNITS.len() {
        (whole, tenth, unit) = (whole / 1_000, whole % 1_000 / 100, unit + 1);
    }
    if unit == 0 { format!("{whole} B") } else { format!("{whole}.{tenth} {}", UNITS[unit]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_durations_read_as_people_write_them() {
        assert_eq!([0, 999, 1_000, -1_234_567].map(grouped), ["0", "999", "1,000", "-1,234,567"]);
        assert_eq!(
            [-5, 840, 12_450, 200_000, 7_500_000].map(duration),
            ["0 ms", "840 ms", "12.4 s", "3 min 20 s", "2 h 05 min"]
        );
        assert_eq!(instant(1_700_000_000_000), "2023-11-14 22:13:20Z");
        assert_eq!([0, 999, 1_400, 3_000_000_000].map(size), ["0 B", "999 B", "1.4 kB", "3.0 GB"]);
    }

    #[test]
    fn a_table_has_no_trailing_blanks() {
        let rows = vec![vec!["messages".into(), "1,200".into()], vec!["users".into(), "3".into()]];
        let text = table(&[Column::Text("kind"), Column::Number("stored")], rows);
        assert_eq!(text, "kind      stored\nmessages   1,200\nusers          3\n");
        assert_eq!(table(&[Column::Text("kind")], vec![]), "");
    }
}

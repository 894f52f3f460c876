//! The public tables as Markdown: the sections of docs/tables.md.

use std::fmt::Write as _;

use crate::tables::{Column, Personal, Table};

/// The section of a table, with the columns that stay behind after those that go out.
#[must_use]
pub fn section(table: &Table) -> String {
    let mut text = format!("## {}\n\n{}\n\n", table.name, table.about);
    let order: Vec<&str> = std::iter::once("org_id").chain(table.key.iter().copied()).collect();
    write!(text, "Key: `{}`.", table.primary.join(", ")).expect("a text takes all");
    if order != table.primary {
        write!(text, " Order: `{}`.", order.join(", ")).expect("a text takes all");
    }
    text += "\n\n| column | kind | unit | null | personal | meaning |\n|---|---|---|---|---|---|\n";
    table.columns.iter().chain(table.stays).for_each(|column| line(column, &mut text));
    text
}

fn line(column: &Column, text: &mut String) {
    let null = if column.nullable { "yes" } else { "no" };
    let unit = column.unit.unwrap_or_default();
    let personal = column.personal.map(Personal::name).unwrap_or_default();
    let (name, kind, meaning) = (column.name, column.kind.name(), column.meaning);
    writeln!(text, "| `{name}` | {kind} | {unit} | {null} | {personal} | {meaning} |")
        .expect("a text takes all");
}

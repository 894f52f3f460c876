//! The public tables as statements that make them elsewhere.
//!
//! The types are those of the store itself, so that what is written there reads the same as here. Names are ours and plain;
//! they stand in quotes all the same, because some (`text`, `position`) are words of SQL.

use std::fmt::Write as _;

use crate::tables::{Column, ColumnKind, Table};
use crate::url::Engine;

/// The statement that makes a table, and on PostgreSQL those that say what it and its columns mean. `schema` is where it
/// stands, already quoted, with its dot (`"public".`), or nothing.
#[must_use]
pub fn create(table: &Table, engine: Engine, schema: &str) -> String {
    let name = format!("{schema}\"{}\"", table.name);
    let mut text = format!("CREATE TABLE IF NOT EXISTS {name} (\n");
    for column in table.columns {
        let null = if column.nullable { "" } else { " NOT NULL" };
        writeln!(text, "    \"{}\" {}{null},", column.name, type_of(column.kind, engine))
            .expect("a text takes all");
    }
    let key: Vec<String> = table.primary.iter().map(|column| format!("\"{column}\"")).collect();
    write!(text, "    PRIMARY KEY ({})\n)", key.join(", ")).expect("a text takes all");
    match engine {
        Engine::Sqlite => text.push_str(" STRICT;\n"),
        Engine::Postgres => {
            text.push_str(";\n");
            comments(table, &name, &mut text);
        }
    }
    text
}

/// What a column's type is called.
#[must_use]
pub const fn type_of(kind: ColumnKind, engine: Engine) -> &'static str {
    match (kind, engine) {
        (ColumnKind::Integer | ColumnKind::Instant | ColumnKind::Flag, Engine::Sqlite) => "INTEGER",
        (ColumnKind::Real, Engine::Sqlite) => "REAL",
        (ColumnKind::Text | ColumnKind::Json, _) => "TEXT",
        (ColumnKind::Bytes, Engine::Sqlite) => "BLOB",
        (ColumnKind::Integer | ColumnKind::Instant, Engine::Postgres) => "BIGINT",
        (ColumnKind::Flag, Engine::Postgres) => "BOOLEAN",
        (ColumnKind::Real, Engine::Postgres) => "DOUBLE PRECISION",
        (ColumnKind::Bytes, Engine::Postgres) => "BYTEA",
    }
}

fn comments(table: &Table, name: &str, text: &mut String) {
    let quoted = |meaning: &str| format!("'{}'", meaning.replace('\'', "''"));
    writeln!(text, "COMMENT ON TABLE {name} IS {};", quoted(table.about)).expect("a text takes all");
    for column in table.columns {
        writeln!(text, "COMMENT ON COLUMN {name}.\"{}\" IS {};", column.name, quoted(&said(column)))
            .expect("a text takes all");
    }
}

/// A column's meaning with its unit.
pub(super) fn said(column: &Column) -> String {
    match column.unit {
        Some(unit) => format!("{} ({unit})", column.meaning),
        None => column.meaning.to_owned(),
    }
}

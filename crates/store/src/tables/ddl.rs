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
    let columns = columns(table, engine);
    let text = format!("CREATE TABLE IF NOT EXISTS {name} (\n{columns},\n    {}\n)", key(table));
    match engine {
        Engine::Sqlite => text + " STRICT;\n",
        Engine::Postgres => text + ";\n" + &comments(table, &name),
    }
}

/// The columns with their types, as they stand between the brackets of `CREATE TABLE`.
#[must_use]
pub fn columns(table: &Table, engine: Engine) -> String {
    let line = |column: &Column| {
        let null = if column.nullable { "" } else { " NOT NULL" };
        format!("    \"{}\" {}{null}", column.name, type_of(column.kind, engine))
    };
    table.columns.iter().map(line).collect::<Vec<_>>().join(",\n")
}

/// The constraint that no two rows share a key.
#[must_use]
pub fn key(table: &Table) -> String {
    let columns: Vec<String> = table.primary.iter().map(|column| format!("\"{column}\"")).collect();
    format!("PRIMARY KEY ({})", columns.join(", "))
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

/// The statements that say what a table and its columns mean, on PostgreSQL. `name` is the table's, quoted.
#[must_use]
pub fn comments(table: &Table, name: &str) -> String {
    let quoted = |meaning: &str| format!("'{}'", meaning.replace('\'', "''"));
    let mut text = format!("COMMENT ON TABLE {name} IS {};\n", quoted(table.about));
    for column in table.columns {
        writeln!(text, "COMMENT ON COLUMN {name}.\"{}\" IS {};", column.name, quoted(&said(column)))
            .expect("a text takes all");
    }
    text
}

/// A column's meaning with its unit.
pub(super) fn said(column: &Column) -> String {
    match column.unit {
        Some(unit) => format!("{} ({unit})", column.meaning),
        None => column.meaning.to_owned(),
    }
}

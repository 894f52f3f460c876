//! `longshore schema`: what the public tables are, as a page, statements or a schema. No database is asked.

use clap::ValueEnum;
use serde::Serialize;
use store::Engine;
use store::tables::{self, Table, ddl, json_schema, page};

use crate::app::App;
use crate::exit::Exit;
use crate::failure::Failure;

/// Print what the exported tables are: columns, kinds, units, keys and meaning
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The table; all of them when none is named
    table: Option<String>,
    /// In which form
    #[arg(long = "as", value_enum, value_name = "FORM", default_value_t = Form::Markdown)]
    form: Form,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Form {
    /// As docs/tables.md has it
    Markdown,
    /// Statements that make the tables in SQLite
    DdlSqlite,
    /// Statements that make the tables in PostgreSQL, with comments
    DdlPostgres,
    /// JSON Schema (2020-12) of a row, as NDJSON has it; one schema a line
    JsonSchema,
    /// The schema of the Parquet files, as Parquet's tools print it
    Parquet,
}

#[derive(Debug, Serialize)]
struct Report {
    schema_version: u32,
    tables: Vec<TableReport>,
}

#[derive(Debug, Serialize)]
struct TableReport {
    table: &'static str,
    about: &'static str,
    key: &'static [&'static str],
    columns: Vec<ColumnReport>,
    /// The form that was asked for.
    text: String,
}

#[derive(Debug, Serialize)]
struct ColumnReport {
    column: &'static str,
    kind: &'static str,
    unit: Option<&'static str>,
    nullable: bool,
    meaning: &'static str,
}

/// Print.
pub(crate) fn run(app: &App, args: &Args) -> Result<Exit, Failure> {
    let all: Vec<&Table> = match &args.table {
        None => tables::every().collect(),
        Some(name) => match tables::table(name) {
            Some(table) => vec![table],
            None => return Err(unknown(name)),
        },
    };
    let tables: Vec<TableReport> = all.into_iter().map(|table| report(table, args.form)).collect();
    let text: Vec<&str> = tables.iter().map(|table| table.text.trim_end()).collect();
    let between = if matches!(args.form, Form::JsonSchema) { "\n" } else { "\n\n" };
    let text = text.join(between) + "\n";
    app.output.report(Exit::Done, &Report { schema_version: tables::VERSION, tables }, &text)
}

fn unknown(name: &str) -> Failure {
    let names: Vec<&str> = tables::every().map(|table| table.name).collect();
    Failure::usage(format!("there is no table {name:?}")).hint(format!("the tables are {}", names.join(", ")))
}

fn report(table: &'static Table, form: Form) -> TableReport {
    let column = |column: &tables::Column| ColumnReport {
        column: column.name,
        kind: column.kind.name(),
        unit: column.unit,
        nullable: column.nullable,
        meaning: column.meaning,
    };
    TableReport {
        table: table.name,
        about: table.about,
        key: table.primary,
        columns: table.columns.iter().map(column).collect(),
        text: text(table, form),
    }
}

fn text(table: &'static Table, form: Form) -> String {
    match form {
        Form::Markdown => page::section(table),
        Form::DdlSqlite => ddl::create(table, Engine::Sqlite, ""),
        Form::DdlPostgres => ddl::create(table, Engine::Postgres, ""),
        Form::JsonSchema => json_schema::of(table).to_string(),
        Form::Parquet => sinks::parquet::text(table),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::documents;

    #[test]
    fn the_page_tells_every_table() {
        let sections: Vec<String> = tables::every().map(page::section).collect();
        documents::holds("tables.md", "tables", &sections.join("\n"));
    }

    #[test]
    fn a_tables_forms_read_as_they_should() {
        let tags = tables::table("tags").unwrap();
        for form in [Form::DdlSqlite, Form::DdlPostgres, Form::JsonSchema, Form::Parquet] {
            insta::assert_snapshot!(format!("{form:?}"), text(tags, form));
        }
    }
}

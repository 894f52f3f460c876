//! Whether the user's schema is fit for the tables: looked at before anything in it is changed.
//!
//! A table that is there must have our columns with their types; columns of the user's own may stand beside them as long as a row
//! needs no value for them. What is not there will be made.

use std::collections::{BTreeMap, BTreeSet};

use store::Engine;
use store::export_runs::ExportMode;
use store::tables::{Table, VERSION, ddl};

use crate::postgres::PostgresError;
use crate::postgres::book::{self, BOOK};
use crate::postgres::session::{Session, qualified};
use crate::sink::Plan;

const SCHEMA: &str = "
    SELECT EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = $1),
        COALESCE((SELECT has_schema_privilege(oid, 'CREATE') AND has_schema_privilege(oid, 'USAGE')
            FROM pg_namespace WHERE nspname = $1), has_database_privilege(current_database(), 'CREATE'))";
const RELATIONS: &str = "
    SELECT c.relname::text, c.relkind::text,
        c.relkind IN ('r', 'p') AND has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'INSERT')
            AND has_table_privilege(c.oid, 'UPDATE') AND has_table_privilege(c.oid, 'DELETE')
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname = $1 AND c.relkind IN ('r', 'p', 'v', 'm', 'f')";
const COLUMNS: &str = "
    SELECT c.relname::text, a.attname::text, format_type(a.atttypid, a.atttypmod), a.attnotnull,
        a.atthasdef OR a.attidentity <> '', a.attgenerated <> '' OR a.attidentity = 'a'
    FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname = $1 AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped
    ORDER BY a.attnum";

/// What stands in the schema.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Whether there is a schema.
    pub(super) schema: bool,
    /// Its tables, views and the like.
    pub(super) relations: BTreeSet<String>,
}

impl Found {
    /// Whether there is something of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.relations.contains(name)
    }
}

/// A column that a table must have.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    pub(super) name: &'static str,
    pub(super) type_of: &'static str,
    pub(super) nullable: bool,
}

/// A column that is there.
struct Actual {
    name: String,
    type_of: String,
    not_null: bool,
    has_default: bool,
    is_generated: bool,
}

/// Look at the schema, and refuse one that would not do. Nothing is changed.
pub(super) async fn look(session: &mut Session, schema: &str, plan: &Plan) -> Result<Found, PostgresError> {
    let doing = "look at the schema";
    let standing: Vec<(bool, bool)> =
        session.rows(doing, SCHEMA, |query| query.bind(schema.to_owned())).await?;
    let (exists, may_create) = standing.first().copied().unwrap_or_default();
    if !may_create {
        let right = if exists { "create tables in schema" } else { "create in this database schema" };
        return Err(PostgresError::Denied { right: format!("{right} {schema:?}") });
    }
    let relations = relations(session, schema).await?;
    let mut columns: BTreeMap<String, Vec<Actual>> = BTreeMap::new();
    let read: Vec<(String, String, String, bool, bool, bool)> =
        session.rows(doing, COLUMNS, |query| query.bind(schema.to_owned())).await?;
    for (table, name, type_of, not_null, has_default, is_generated) in read {
        let actual = Actual { name, type_of, not_null, has_default, is_generated };
        columns.entry(table).or_default().push(actual);
    }
    let wanted: Vec<(&str, Vec<Wanted>)> = plan
        .tables
        .iter()
        .map(|table| (table.name, wanted(table)))
        .chain(std::iter::once((BOOK, book::COLUMNS.to_vec())))
        .collect();
    let mut present = Vec::new();
    for (name, wanted) in wanted {
        let Some((_, kind, may_write)) = relations.iter().find(|(found, ..)| found == name) else { continue };
        if !matches!(kind.as_str(), "r" | "p") {
            return Err(PostgresError::NotATable { schema: schema.to_owned(), table: name.to_owned() });
        }
        if !may_write {
            return Err(PostgresError::Denied { right: format!("read and write table {schema}.{name}") });
        }
        fits(&format!("{schema}.{name}"), &wanted, columns.get(name).map_or(&[], Vec::as_slice))?;
        present.push(name);
    }
    refuse_foreign(session, schema, &present).await?;
    if plan.mode == ExportMode::Incremental
        && (present.len() <= plan.tables.len() || !book::has(session, schema, plan.org).await?)
    {
        return Err(PostgresError::NothingToAddTo { schema: schema.to_owned() });
    }
    Ok(Found { schema: exists, relations: relations.into_iter().map(|(name, ..)| name).collect() })
}

/// The names of what stands in the schema, with its kind, and whether we may read and write it.
pub(super) async fn relations(
    session: &mut Session,
    schema: &str,
) -> Result<Vec<(String, String, bool)>, PostgresError> {
    session.rows("look at the schema", RELATIONS, |query| query.bind(schema.to_owned())).await
}

/// The tables of the schema, each with the names of its columns.
pub(super) async fn tables(
    session: &mut Session,
    schema: &str,
) -> Result<BTreeMap<String, BTreeSet<String>>, PostgresError> {
    let read: Vec<(String, String, String, bool, bool, bool)> =
        session.rows("look at the schema", COLUMNS, |query| query.bind(schema.to_owned())).await?;
    let mut tables: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (table, column, ..) in read {
        tables.entry(table).or_default().insert(column);
    }
    Ok(tables)
}

fn wanted(table: &Table) -> Vec<Wanted> {
    let column = |column: &store::tables::Column| Wanted {
        name: column.name,
        type_of: ddl::type_of(column.kind, Engine::Postgres),
        nullable: column.nullable,
    };
    table.columns.iter().map(column).collect()
}

/// Whether rows that have the wanted columns, and no others, can be put into a table of these.
fn fits(table: &str, wanted: &[Wanted], found: &[Actual]) -> Result<(), PostgresError> {
    let (table, name_of) = (|| table.to_owned(), |one: &Wanted| one.name.to_owned());
    for one in wanted {
        let Some(actual) = found.iter().find(|actual| actual.name == one.name) else {
            return Err(PostgresError::ColumnMissing {
                table: table(),
                column: name_of(one),
                expected: one.type_of,
            });
        };
        if !actual.type_of.eq_ignore_ascii_case(one.type_of) || actual.is_generated {
            let found = if actual.is_generated {
                "generated".to_owned()
            } else {
                actual.type_of.to_ascii_uppercase()
            };
            return Err(PostgresError::ColumnType {
                table: table(),
                column: name_of(one),
                found,
                expected: one.type_of,
            });
        }
        if actual.not_null && one.nullable {
            return Err(PostgresError::ColumnNotNull { table: table(), column: name_of(one) });
        }
    }
    let is_ours = |actual: &&Actual| wanted.iter().any(|one| one.name == actual.name);
    let others = found.iter().filter(|actual| !is_ours(actual));
    match others.into_iter().find(|actual| actual.not_null && !actual.has_default) {
        Some(actual) => Err(PostgresError::ColumnRequired { table: table(), column: actual.name.clone() }),
        None => Ok(()),
    }
}

/// Refuse tables that have rows although no export has ended here, and those of a later version.
async fn refuse_foreign(session: &mut Session, schema: &str, present: &[&str]) -> Result<(), PostgresError> {
    if present.contains(&BOOK)
        && let Some(found) = book::version(session, schema).await?
    {
        return if i64::from(found) > i64::from(VERSION) {
            Err(PostgresError::Newer { schema: schema.to_owned(), found, known: VERSION })
        } else {
            Ok(())
        };
    }
    for table in present.iter().filter(|name| **name != BOOK) {
        let query = format!("SELECT EXISTS (SELECT 1 FROM {})", qualified(schema, table));
        let has_rows: Vec<(bool,)> = session.rows("look at the tables", &query, |query| query).await?;
        if has_rows.contains(&(true,)) {
            return Err(PostgresError::Foreign { schema: schema.to_owned(), table: (*table).to_owned() });
        }
    }
    Ok(())
}

//! `longshore_export`: which run of which organization the tables hold. One row for each organization.
//!
//! It is how a schema is known to be an export's, and how a reader knows what is there. It changes in the
//! transaction that changes the tables.

use std::collections::BTreeMap;

use model::{Millis, OrgId};
use store::tables::VERSION;

use crate::postgres::PostgresError;
use crate::postgres::fit::Wanted;
use crate::postgres::session::{Session, qualified};
use crate::sink::Plan;

/// The table's name.
pub(super) const BOOK: &str = "longshore_export";
/// Its columns.
pub(super) const COLUMNS: [Wanted; 8] = [
    column("org_id", "BIGINT"),
    column("export_run_id", "TEXT"),
    column("tables_version", "INTEGER"),
    column("schema_version", "BIGINT"),
    column("longshore_version", "TEXT"),
    column("started_at", "BIGINT"),
    column("finished_at", "BIGINT"),
    column("counts", "TEXT"),
];

const fn column(name: &'static str, type_of: &'static str) -> Wanted {
    Wanted { name, type_of, nullable: false }
}

/// The statements that make it.
pub(super) fn create(schema: &str) -> String {
    let name = qualified(schema, BOOK);
    let columns: Vec<String> =
        COLUMNS.iter().map(|column| format!("{} {} NOT NULL", column.name, column.type_of)).collect();
    format!(
        "CREATE TABLE IF NOT EXISTS {name} ({}, PRIMARY KEY (org_id));
         COMMENT ON TABLE {name} IS 'The export that the tables of this schema hold, one row for each organization; \
         times are Unix milliseconds, counts are rows by table as JSON';",
        columns.join(", ")
    )
}

/// The version of the tables, once an export has ended.
pub(super) async fn version(session: &mut Session, schema: &str) -> Result<Option<i32>, PostgresError> {
    let query = format!("SELECT max(tables_version) FROM {}", qualified(schema, BOOK));
    let found: Vec<(Option<i32>,)> = session.rows("look at earlier exports", &query, |query| query).await?;
    Ok(found.first().and_then(|(version,)| *version))
}

/// Whether an export of the organization has ended here.
pub(super) async fn has(session: &mut Session, schema: &str, org: OrgId) -> Result<bool, PostgresError> {
    let query = format!("SELECT EXISTS (SELECT 1 FROM {} WHERE org_id = {org})", qualified(schema, BOOK));
    let found: Vec<(bool,)> = session.rows("look at earlier exports", &query, |query| query).await?;
    Ok(found == [(true,)])
}

/// The run that the tables hold of the organization.
pub(super) async fn run(
    session: &mut Session,
    schema: &str,
    org: OrgId,
) -> Result<Option<String>, PostgresError> {
    let query = format!("SELECT export_run_id FROM {} WHERE org_id = {org}", qualified(schema, BOOK));
    let found: Vec<(String,)> = session.rows("look at earlier exports", &query, |query| query).await?;
    Ok(found.into_iter().next().map(|(run,)| run))
}

/// How many rows each table holds of the organization, as the last run noted it.
pub(super) async fn counts(
    session: &mut Session,
    schema: &str,
    org: OrgId,
) -> Result<BTreeMap<String, i64>, PostgresError> {
    let query = format!("SELECT counts FROM {} WHERE org_id = {org}", qualified(schema, BOOK));
    let found: Vec<(String,)> = session.rows("look at earlier exports", &query, |query| query).await?;
    Ok(found.first().and_then(|(counts,)| serde_json::from_str(counts).ok()).unwrap_or_default())
}

/// Note the run that the tables hold from now on.
pub(super) async fn note(
    session: &mut Session,
    schema: &str,
    plan: &Plan,
    (counts, finished_at): (&str, Millis),
) -> Result<(), PostgresError> {
    let names: Vec<&str> = COLUMNS.iter().map(|column| column.name).collect();
    let changed: Vec<String> = names[1..].iter().map(|name| format!("{name} = EXCLUDED.{name}")).collect();
    let query = format!(
        "INSERT INTO {} ({}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         ON CONFLICT (org_id) DO UPDATE SET {} RETURNING org_id",
        qualified(schema, BOOK),
        names.join(", "),
        changed.join(", ")
    );
    let noted: Vec<(i64,)> = session
        .rows("note the export", &query, |query| {
            query
                .bind(plan.org.0)
                .bind(plan.run.0.clone())
                .bind(VERSION.cast_signed())
                .bind(plan.schema_version)
                .bind(env!("CARGO_PKG_VERSION"))
                .bind(plan.started_at.0)
                .bind(finished_at.0)
                .bind(counts.to_owned())
        })
        .await?;
    assert_eq!(noted, [(plan.org.0,)], "one row is noted");
    Ok(())
}

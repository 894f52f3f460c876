//! Removing a person from the tables, in one transaction. What waits in staging tables goes too.

use store::tables::{self, Table};

use crate::postgres::PostgresError;
use crate::postgres::fit;
use crate::postgres::session::Session;
use crate::postgres::staging::Staging;
use crate::sink::{Erased, Subject};

const ERASING: &str = "erase";

/// Erase in this schema. One that holds no export has nothing to erase.
pub(super) async fn erase(
    session: &mut Session,
    schema: &str,
    subject: &Subject,
) -> Result<Erased, PostgresError> {
    let found = fit::tables(session, schema).await?;
    // A table of another's may have the name of one that never went there.
    let has = |name: &str, table: &Table| {
        let columns = Subject::columns(table).into_iter().map(|(column, _)| column);
        let mut needed = columns.chain(std::iter::once("org_id"));
        found.get(name).is_some_and(|names| needed.all(|column| names.contains(column)))
    };
    let staging = Staging::of(schema, subject.org);
    let mut erased = Erased::default();
    session.run(ERASING, "BEGIN").await?;
    for table in tables::every() {
        let Some(condition) = subject.condition(table) else { continue };
        let delete = |name: String| format!("DELETE FROM {name} WHERE {condition}");
        if has(table.name, table) {
            erased.rows += session.run_long(ERASING, &delete(staging.target(table))).await?;
        }
        if has(&staging.name(table), table) {
            session.run_long(ERASING, &delete(staging.table(table))).await?;
        }
    }
    session.run(ERASING, "COMMIT").await?;
    Ok(erased)
}

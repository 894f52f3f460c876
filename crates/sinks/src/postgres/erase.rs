//! Removing a person from the tables, in one transaction. What waits in staging tables goes too.

use store::tables;

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
    let found = fit::relations(session, schema).await?;
    let has =
        |name: &str| found.iter().any(|(found, kind, _)| found == name && matches!(kind.as_str(), "r" | "p"));
    let staging = Staging::of(schema, subject.org);
    let mut erased = Erased::default();
    session.run(ERASING, "BEGIN").await?;
    for table in tables::every() {
        let Some(condition) = subject.condition(table) else { continue };
        let delete = |name: String| format!("DELETE FROM {name} WHERE {condition}");
        if has(table.name) {
            erased.rows += session.run_long(ERASING, &delete(staging.target(table))).await?;
        }
        if has(&staging.name(table)) {
            session.run_long(ERASING, &delete(staging.table(table))).await?;
        }
    }
    session.run(ERASING, "COMMIT").await?;
    Ok(erased)
}

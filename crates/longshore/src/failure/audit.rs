//! What the audit log says.

use store::DatabaseUrl;
use store::audit::AuditError;

use super::Failure;
use crate::exit::Exit;

impl Failure {
    /// The audit log of the database of that address failed at `doing` (`sign the audit log of`).
    pub(crate) fn audit(doing: &str, database: &DatabaseUrl, error: &AuditError) -> Self {
        match error {
            AuditError::Store(error) => Self::store(doing, database, error),
            AuditError::File { path, source } => Self::disk("read or write", path, source),
            AuditError::Fault(fault) => {
                Self::new(Exit::Incomplete, format!("cannot {doing} {database}: {fault}"))
                    .hint("\"longshore audit verify\" checks all of it; docs/audit.md tells what to do then")
            }
        }
    }
}

//! How full the queue is.

use model::{Millis, OrgId};

use crate::db::Db;
use crate::error::StoreError;

row! {
    struct CountRow {
        org_id: i64,
        kind: String,
        state: String,
        jobs: i64,
        due_at: i64,
        retrying: i64,
    }
}

/// How many jobs of one organization, kind and state there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Count {
    /// The organization.
    pub org: OrgId,
    /// The kind.
    pub kind: String,
    /// `waiting`, `running` or `dead`.
    pub state: String,
    /// How many.
    pub jobs: i64,
    /// The earliest due time among them.
    pub due_at: Millis,
    /// How many of them have failed at least once.
    pub retrying: i64,
}

const COUNTS: &str = "
    SELECT org_id, kind, state, COUNT(*) AS jobs, MIN(due_at) AS due_at,
        COUNT(*) FILTER (WHERE error_class IS NOT NULL) AS retrying
    FROM jobs GROUP BY org_id, kind, state ORDER BY org_id, kind, state";

/// All counts. Reads the whole table (about 50 ms for 200,000 jobs): for gauges and pages, not for each job.
///
/// # Errors
/// The database's error.
pub async fn counts(db: &Db) -> Result<Vec<Count>, StoreError> {
    let rows: Vec<CountRow> = on_db!(db, pool => sqlx::query_as(COUNTS).fetch_all(pool).await)?;
    Ok(rows
        .into_iter()
        .map(|row| Count {
            org: OrgId(row.org_id),
            kind: row.kind,
            state: row.state,
            jobs: row.jobs,
            due_at: Millis(row.due_at),
            retrying: row.retrying,
        })
        .collect())
}

pub(super) const STATEMENTS: &[(&str, &str)] = &[("queue::counts::COUNTS", COUNTS)];

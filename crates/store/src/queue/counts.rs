//! How full the queue is, and when it has work next.

use model::{Millis, OrgId};

use crate::db::Db;
use crate::error::StoreError;
use crate::mirror::state::Pair;

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

/// The lanes of all priorities as in [`super::lanes`], and of each the first job after `$1`: two seeks a lane.
const NEXT_DUE: Pair = Pair {
    sqlite: "
    WITH RECURSIVE lanes (priority, org_id, kind, step) AS (
        SELECT * FROM (SELECT priority, org_id, kind, 1 FROM jobs
            WHERE state = 'waiting' ORDER BY priority, org_id, kind, due_at LIMIT 1)
        UNION ALL
        SELECT jobs.priority, jobs.org_id, jobs.kind, lanes.step + 1 FROM lanes CROSS JOIN jobs
        WHERE lanes.step < $2 AND jobs.job_id = (
            SELECT next.job_id FROM jobs AS next INDEXED BY jobs_due
            WHERE next.state = 'waiting'
              AND (next.priority, next.org_id, next.kind, next.due_at)
                > (+lanes.priority, +lanes.org_id, +lanes.kind, 9223372036854775807)
            ORDER BY next.priority, next.org_id, next.kind, next.due_at LIMIT 1)
    )
    SELECT MIN((SELECT MIN(due_at) FROM jobs INDEXED BY jobs_due WHERE state = 'waiting'
        AND priority = lanes.priority AND org_id = lanes.org_id AND kind = lanes.kind AND due_at > $1)) FROM lanes",
    postgres: "
    WITH RECURSIVE lanes (priority, org_id, kind, step) AS (
        SELECT * FROM (SELECT priority, org_id, kind, CAST(1 AS BIGINT) FROM jobs
            WHERE state = 'waiting' ORDER BY priority, org_id, kind, due_at LIMIT 1) AS first
        UNION ALL
        SELECT next.priority, next.org_id, next.kind, lanes.step + 1 FROM lanes CROSS JOIN LATERAL (
            SELECT jobs.priority, jobs.org_id, jobs.kind FROM jobs
            WHERE jobs.state = 'waiting'
              AND (jobs.priority, jobs.org_id, jobs.kind, jobs.due_at)
                > (lanes.priority, lanes.org_id, lanes.kind, 9223372036854775807)
            ORDER BY jobs.priority, jobs.org_id, jobs.kind, jobs.due_at LIMIT 1) AS next
        WHERE lanes.step < $2
    )
    SELECT MIN((SELECT jobs.due_at FROM jobs WHERE state = 'waiting' AND jobs.priority = lanes.priority
        AND jobs.org_id = lanes.org_id AND jobs.kind = lanes.kind AND jobs.due_at > $1
        ORDER BY jobs.due_at LIMIT 1)) FROM lanes",
};

/// When the first waiting job becomes due after `now`; paused ones count too.
///
/// # Errors
/// The database's error.
pub async fn next_due(db: &Db, now: Millis) -> Result<Option<Millis>, StoreError> {
    let text = NEXT_DUE.of_db(db);
    let next: Option<i64> = on_db!(db, pool => sqlx::query_scalar(text)
        .bind(now.0)
        .bind(super::lanes::LANES_MAX)
        .fetch_one(pool)
        .await)?;
    Ok(next.map(Millis))
}

pub(super) const STATEMENTS: &[(&str, &str)] = &[("queue::counts::COUNTS", COUNTS)];
pub(super) const PAIRS: &[(&str, &Pair)] = &[("queue::counts::NEXT_DUE", &NEXT_DUE)];

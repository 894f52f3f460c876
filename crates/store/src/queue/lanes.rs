//! The lanes of waiting jobs, found by stepping over their heads.

use model::{Millis, OrgId};
use rusqlite::{Connection, named_params};
use sqlx::PgConnection;

use crate::db::Db;
use crate::error::StoreError;
use crate::mirror::state::Pair;

/// Lanes looked at in one claim: an organization has about ten kinds and mostly one priority of each, so some thousand
/// organizations with work waiting. Lanes beyond are reached once those before them are empty.
const LANES_MAX: i64 = 16_384;

/// One organization's waiting jobs of one kind and priority.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lane {
    pub(super) priority: i64,
    pub(super) org: OrgId,
    pub(super) kind: String,
}

/// The lanes whose head is due, and what becomes due next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lanes {
    /// By priority; within one, those of the organizations after the one served last first.
    pub(super) due: Vec<Lane>,
    /// When the first waiting job becomes due that is not yet; paused ones count too.
    pub(super) next_due: Option<Millis>,
}

/// `$1` now, `$2` how many lanes; each step is one seek in `jobs_due`, and another for the first of a lane that is not due. The
/// last row tells the first of all these. The `+` takes a column's affinity away: without it SQLite seeks by the first column
/// only. It also seeks by "at least" and skips what is equal: so the key goes on to the latest possible due time, to which nothing
/// is equal.
const LANES: Pair = Pair {
    sqlite: "
    WITH RECURSIVE lanes (priority, org_id, kind, due_at, step) AS (
        SELECT * FROM (SELECT priority, org_id, kind, due_at, 1 FROM jobs INDEXED BY jobs_due
            WHERE state = 'waiting' ORDER BY priority, org_id, kind, due_at LIMIT 1)
        UNION ALL
        SELECT jobs.priority, jobs.org_id, jobs.kind, jobs.due_at, lanes.step + 1 FROM lanes CROSS JOIN jobs
        WHERE lanes.step < $2 AND jobs.job_id = (
            SELECT next.job_id FROM jobs AS next INDEXED BY jobs_due
            WHERE next.state = 'waiting'
              AND (next.priority, next.org_id, next.kind, next.due_at)
                > (+lanes.priority, +lanes.org_id, +lanes.kind, 9223372036854775807)
            ORDER BY next.priority, next.org_id, next.kind, next.due_at LIMIT 1)
    )
    SELECT priority, org_id, kind, NULL AS next_due FROM lanes WHERE due_at <= $1
    UNION ALL
    SELECT NULL, NULL, NULL, MIN((SELECT MIN(jobs.due_at) FROM jobs INDEXED BY jobs_due WHERE jobs.state = 'waiting'
        AND jobs.priority = lanes.priority AND jobs.org_id = lanes.org_id AND jobs.kind = lanes.kind
        AND jobs.due_at > $1)) FROM lanes",
    postgres: "
    WITH RECURSIVE lanes (priority, org_id, kind, due_at, step) AS (
        SELECT * FROM (SELECT priority, org_id, kind, due_at, CAST(1 AS BIGINT) FROM jobs
            WHERE state = 'waiting' ORDER BY priority, org_id, kind, due_at LIMIT 1) AS first
        UNION ALL
        SELECT next.priority, next.org_id, next.kind, next.due_at, lanes.step + 1 FROM lanes CROSS JOIN LATERAL (
            SELECT jobs.priority, jobs.org_id, jobs.kind, jobs.due_at FROM jobs
            WHERE jobs.state = 'waiting'
              AND (jobs.priority, jobs.org_id, jobs.kind, jobs.due_at)
                > (lanes.priority, lanes.org_id, lanes.kind, 9223372036854775807)
            ORDER BY jobs.priority, jobs.org_id, jobs.kind, jobs.due_at LIMIT 1) AS next
        WHERE lanes.step < $2
    )
    SELECT priority, org_id, kind, CAST(NULL AS BIGINT) AS next_due FROM lanes WHERE due_at <= $1
    UNION ALL
    SELECT NULL, NULL, NULL, MIN((SELECT jobs.due_at FROM jobs WHERE jobs.state = 'waiting'
        AND jobs.priority = lanes.priority AND jobs.org_id = lanes.org_id AND jobs.kind = lanes.kind
        AND jobs.due_at > $1 ORDER BY jobs.due_at LIMIT 1)) FROM lanes",
};

type Row = (Option<i64>, Option<i64>, Option<String>, Option<i64>);

impl Lanes {
    fn of(rows: Vec<Row>, after: OrgId) -> Self {
        let next_due = rows.iter().find_map(|(.., next_due)| *next_due).map(Millis);
        let lane =
            |(priority, org, kind, _)| Some(Lane { priority: priority?, org: OrgId(org?), kind: kind? });
        let mut due: Vec<Lane> = rows.into_iter().filter_map(lane).collect();
        due.sort_by_key(|lane| (lane.priority, lane.org <= after, lane.org));
        Self { due, next_due }
    }
}

/// Look at the lanes' heads; organizations after `after` come first.
pub(super) async fn look_postgres(
    conn: &mut PgConnection,
    after: OrgId,
    now: Millis,
) -> Result<Lanes, StoreError> {
    let rows = sqlx::query_as(LANES.postgres).bind(now.0).bind(LANES_MAX).fetch_all(conn).await?;
    Ok(Lanes::of(rows, after))
}

/// The same.
pub(super) fn look_sqlite(connection: &Connection, after: OrgId, now: Millis) -> Result<Lanes, StoreError> {
    let mut statement = connection.prepare_cached(LANES.sqlite)?;
    let bound = named_params! {"$1": now.0, "$2": LANES_MAX};
    let rows = statement.query_and_then(bound, |row| Row::try_from(row))?;
    Ok(Lanes::of(rows.collect::<Result<_, _>>()?, after))
}

/// When the first waiting job becomes due after `now`; paused ones count too. For whoever turns the clock: a worker hears it with
/// each claim.
///
/// # Errors
/// The database's error.
pub async fn next_due(db: &Db, now: Millis) -> Result<Option<Millis>, StoreError> {
    let text = LANES.of_db(db);
    let rows: Vec<Row> =
        on_db!(db, pool => sqlx::query_as(text).bind(now.0).bind(LANES_MAX).fetch_all(pool).await)?;
    Ok(Lanes::of(rows, OrgId(i64::MIN)).next_due)
}

pub(super) const PAIRS: &[(&str, &Pair)] = &[("queue::lanes::LANES", &LANES)];

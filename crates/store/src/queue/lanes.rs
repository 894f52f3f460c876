//! The lanes of waiting jobs, found by stepping over their heads.

use model::OrgId;

use crate::db::Tx;
use crate::error::StoreError;
use crate::mirror::state::Pair;

/// Lanes looked at in one claim: an organization has about ten kinds and mostly one priority of each, so some thousand
/// organizations with work waiting. Lanes beyond are reached once those before them are empty.
pub(super) const LANES_MAX: i64 = 16_384;

/// One organization's waiting jobs of one kind and priority.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lane {
    pub(super) priority: i64,
    pub(super) org: OrgId,
    pub(super) kind: String,
}

/// `$1` now, `$2` how many lanes; each step is one seek in `jobs_due`. The `+` takes a column's affinity away: without it
/// SQLite seeks by the first column only. It also seeks by "at least" and skips what is equal: so the key goes on to the latest
/// possible due time, to which nothing is equal.
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
    SELECT priority, org_id, kind FROM lanes WHERE due_at <= $1",
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
    SELECT priority, org_id, kind FROM lanes WHERE due_at <= $1",
};

/// The lanes whose head is due, by priority; within one, those of organizations after `after` first.
pub(super) async fn due(tx: &mut Tx, after: OrgId, now: i64) -> Result<Vec<Lane>, StoreError> {
    let text = LANES.of(tx);
    let rows: Vec<(i64, i64, String)> =
        on_tx!(tx, conn => sqlx::query_as(text).bind(now).bind(LANES_MAX).fetch_all(conn).await)?;
    let lane = |(priority, org, kind)| Lane { priority, org: OrgId(org), kind };
    let mut lanes: Vec<Lane> = rows.into_iter().map(lane).collect();
    lanes.sort_by_key(|lane| (lane.priority, lane.org <= after, lane.org));
    Ok(lanes)
}

pub(super) const PAIRS: &[(&str, &Pair)] = &[("queue::lanes::LANES", &LANES)];

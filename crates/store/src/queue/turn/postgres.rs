//! PostgreSQL: a turn as statements of one transaction.

use model::{Millis, WorkerId};
use sqlx::PgConnection;

use super::{Claim, Claimed, HELD, Turn, Turned, in_order};
use crate::db::{Db, TxKind};
use crate::error::StoreError;
use crate::pauses::Pauses;
use crate::queue::lanes::{self, Lanes};
use crate::queue::settle::complete_many;
use crate::queue::shares::Shares;
use crate::queue::{ClaimedJob, JobRow};
use crate::workers;

/// Lanes and what lies in them are taken in the order of their index, and nothing is read in full to be sorted, as would be cheaper
/// while little waits: a session keeps its plans. For the rest of the transaction.
const IN_ORDER: &str =
    "SELECT set_config('enable_sort', 'off', TRUE), set_config('enable_bitmapscan', 'off', TRUE)";

/// `$1` worker, `$2` now, `$3` priority, `$4` organization, `$5` kind, `$6` how many.
///
/// The ids come as an array, so that they are looked for once, and rows that another worker is claiming are stepped over. The running
/// job of the key is looked up for each candidate: an anti-join might read all running ones instead.
const TAKE: &str = "
    UPDATE jobs SET state = 'running', worker_id = $1, claimed_at = $2, lease_number = lease_number + 1,
        attempts = attempts + 1
    WHERE job_id = ANY(ARRAY(
        SELECT next.job_id FROM jobs AS next
        WHERE next.state = 'waiting' AND next.priority = $3 AND next.org_id = $4 AND next.kind = $5
          AND next.due_at <= $2 AND (
            SELECT held.job_id FROM jobs AS held WHERE held.state = 'running' AND held.org_id = next.org_id
              AND held.kind = next.kind AND held.key = next.key) IS NULL
        ORDER BY next.due_at LIMIT $6 FOR UPDATE SKIP LOCKED))
    RETURNING job_id, org_id, kind, key, priority, payload, due_at, enqueued_at, signalled_at, signals, attempts,
        lease_number, worker_id, claimed_at, trace";

pub(super) async fn take<T>(db: &Db, plan: impl FnOnce() -> (Turn, T)) -> Result<(Turned, T), StoreError> {
    let mut tx = db.begin().await?;
    let (turn, told) = plan();
    let now = turn.now;
    let TxKind::Postgres(conn) = &mut tx.0 else { return Err(StoreError::ConnectionLost) };
    workers::check_postgres(conn, &turn.claim.worker, now).await?;
    let done: Vec<(&ClaimedJob, &str)> =
        turn.done.iter().map(|done| (done.job.as_ref(), done.outcome.as_str())).collect();
    let lost = complete_many(&mut tx, &done, now).await?;
    let TxKind::Postgres(conn) = &mut tx.0 else { return Err(StoreError::ConnectionLost) };
    let held = if turn.looks_back { held(conn, &turn.claim.worker).await? } else { Vec::new() };
    let claimed =
        if turn.claim.limit > 0 { claim(conn, &turn.claim, now).await? } else { Claimed::default() };
    tx.commit().await?;
    Ok((Turned { lost, held, claimed }, told))
}

async fn held(conn: &mut PgConnection, worker: &WorkerId) -> Result<Vec<ClaimedJob>, StoreError> {
    Ok(in_order(sqlx::query_as(HELD).bind(&worker.0).fetch_all(conn).await?))
}

async fn claim(conn: &mut PgConnection, ask: &Claim, now: Millis) -> Result<Claimed, StoreError> {
    let pauses = Pauses::read_postgres(conn, now).await?;
    sqlx::query(IN_ORDER).execute(&mut *conn).await?;
    let Lanes { due, next_due } = lanes::look_postgres(conn, ask.after, now).await?;
    let mut shares = Shares::of(ask, due, &pauses);
    let mut rows: Vec<JobRow> = Vec::new();
    while let Some(share) = shares.next() {
        let taken: Vec<JobRow> = sqlx::query_as(TAKE)
            .bind(&ask.worker.0)
            .bind(now.0)
            .bind(share.lane.priority)
            .bind(share.lane.org.0)
            .bind(&share.lane.kind)
            .bind(i64::try_from(share.jobs).unwrap_or(i64::MAX))
            .fetch_all(&mut *conn)
            .await?;
        shares.took(share, taken.len());
        rows.extend(taken);
    }
    Ok(Claimed { jobs: in_order(rows), next_due })
}

pub(crate) const STATEMENTS: &[(&str, &str)] =
    &[("queue::turn::postgres::IN_ORDER", IN_ORDER), ("queue::turn::postgres::TAKE", TAKE)];

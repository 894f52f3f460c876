//! Claiming: which waiting jobs a worker runs next.

use std::collections::BTreeMap;

use model::{Millis, OrgId, WorkerId};

use super::lanes::{self, Lane, Lanes};
use super::{ClaimedJob, JobRow};
use crate::db::{Tx, TxKind};
use crate::error::StoreError;
use crate::mirror::state::Pair;
use crate::pauses::Pauses;

/// What a worker asks for.
#[derive(Debug, Clone)]
pub struct Claim<'a> {
    /// Who asks; its lease must live.
    pub worker: &'a WorkerId,
    /// How many jobs at the most.
    pub limit: usize,
    /// The kinds it can run.
    pub kinds: &'a [&'a str],
    /// How many jobs of one organization it may hold.
    pub per_org_max: usize,
    /// How many it holds of each now.
    pub held: &'a BTreeMap<OrgId, usize>,
    /// The organization served last: the next after it comes first.
    pub after: OrgId,
}

/// What a claim found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    /// The most urgent first.
    pub jobs: Vec<ClaimedJob>,
    /// When the first waiting job becomes due that is not yet; paused ones count too.
    pub next_due: Option<Millis>,
}

/// `$1` worker, `$2` now, `$3` priority, `$4` organization, `$5` kind, `$6` how many.
///
/// PostgreSQL gets the ids as an array, so that they are looked for once, and steps over rows that another worker is
/// claiming. The running job of the key is looked up for each candidate: an anti-join might read all running ones instead.
const TAKE: Pair = Pair {
    sqlite: "
    UPDATE jobs SET state = 'running', worker_id = $1, claimed_at = $2, lease_number = lease_number + 1,
        attempts = attempts + 1
    WHERE job_id IN (
        SELECT next.job_id FROM jobs AS next INDEXED BY jobs_due
        WHERE next.state = 'waiting' AND next.priority = $3 AND next.org_id = $4 AND next.kind = $5
          AND next.due_at <= $2 AND NOT EXISTS (
            SELECT 1 FROM jobs AS held WHERE held.state = 'running' AND held.org_id = next.org_id
              AND held.kind = next.kind AND held.key = next.key)
        ORDER BY next.due_at LIMIT $6)
    RETURNING job_id, org_id, kind, key, priority, payload, due_at, enqueued_at, signalled_at, signals, attempts,
        lease_number, worker_id, claimed_at, trace",
    postgres: "
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
        lease_number, worker_id, claimed_at, trace",
};

/// PostgreSQL takes lanes and what lies in them in the order of their index, and reads nothing in full to sort it, as would be
/// cheaper while little waits: a session keeps its plans. For the rest of the transaction.
const IN_ORDER: &str =
    "SELECT set_config('enable_sort', 'off', TRUE), set_config('enable_bitmapscan', 'off', TRUE)";

/// Claim jobs that are due: the most urgent priority first, within it organizations in turn, within each the kinds in turn,
/// the earliest due first. Never a key that is running, never what is paused.
///
/// # Errors
/// [`StoreError::LeaseLost`] when the worker is no longer registered, or the database's error.
pub async fn claim(tx: &mut Tx, ask: &Claim<'_>, now: Millis) -> Result<Claimed, StoreError> {
    crate::workers::check(tx, ask.worker, now).await?;
    let pauses = Pauses::read(tx, now).await?;
    let mut shares = Shares { ask, now, held: ask.held.clone(), taken: Vec::new() };
    if let TxKind::Postgres(conn) = &mut tx.0 {
        sqlx::query(IN_ORDER).execute(&mut **conn).await?;
    }
    let Lanes { mut due, next_due } = lanes::look(tx, ask.after, now).await?;
    due.retain(|lane| ask.kinds.contains(&lane.kind.as_str()) && !pauses.contains(lane.org, &lane.kind));
    for lanes in due.chunk_by(|a, b| a.priority == b.priority) {
        if shares.left() == 0 {
            break;
        }
        shares.take(tx, lanes).await?;
    }
    let mut jobs = shares.taken;
    jobs.sort_by(|a, b| (a.priority, a.due_at, &a.job_id).cmp(&(b.priority, b.due_at, &b.job_id)));
    Ok(Claimed { jobs, next_due })
}

/// What has been taken so far, and what may still be.
struct Shares<'a> {
    ask: &'a Claim<'a>,
    now: Millis,
    held: BTreeMap<OrgId, usize>,
    taken: Vec<ClaimedJob>,
}

impl Shares<'_> {
    fn left(&self) -> usize {
        self.ask.limit - self.taken.len()
    }

    fn room(&self, org: OrgId) -> usize {
        let held = self.held.get(&org).copied().unwrap_or_default();
        self.ask.per_org_max.saturating_sub(held).min(self.left())
    }

    /// Round after round every organization gets an equal part of what is left, until nothing more is to be had.
    async fn take(&mut self, tx: &mut Tx, lanes: &[Lane]) -> Result<(), StoreError> {
        let priority = lanes[0].priority;
        let mut orgs: Vec<(OrgId, Vec<&str>)> = Vec::new();
        for lane in lanes {
            match orgs.last_mut() {
                Some((org, kinds)) if *org == lane.org => kinds.push(&lane.kind),
                _ => orgs.push((lane.org, vec![&lane.kind])),
            }
        }
        while !orgs.is_empty() && self.left() > 0 {
            let mut waiting = orgs.len();
            for (org, kinds) in &mut orgs {
                let mut part = self.room(*org).min(self.left().div_ceil(waiting));
                waiting -= 1;
                let mut rest = kinds.len();
                let mut exhausted = Vec::new();
                for kind in kinds.iter() {
                    if part == 0 {
                        break;
                    }
                    let share = part.div_ceil(rest.max(1));
                    let got = self.take_of(tx, (priority, *org, kind), share).await?;
                    (part, rest) = (part - got, rest - 1);
                    if got < share {
                        exhausted.push(*kind);
                    }
                }
                kinds.retain(|kind| !exhausted.contains(kind));
            }
            orgs.retain(|(org, kinds)| !kinds.is_empty() && self.room(*org) > 0);
        }
        Ok(())
    }

    async fn take_of(
        &mut self,
        tx: &mut Tx,
        (priority, org, kind): (i64, OrgId, &str),
        share: usize,
    ) -> Result<usize, StoreError> {
        if share == 0 {
            return Ok(0);
        }
        let text = TAKE.of(tx);
        let rows: Vec<JobRow> = on_tx!(tx, conn => sqlx::query_as(text)
            .bind(&self.ask.worker.0)
            .bind(self.now.0)
            .bind(priority)
            .bind(org.0)
            .bind(kind)
            .bind(i64::try_from(share).unwrap_or(i64::MAX))
            .fetch_all(conn)
            .await)?;
        let got = rows.len();
        *self.held.entry(org).or_default() += got;
        self.taken.extend(rows.into_iter().map(JobRow::into_claimed));
        Ok(got)
    }
}

const HELD: &str = "
    SELECT job_id, org_id, kind, key, priority, payload, due_at, enqueued_at, signalled_at, signals, attempts,
        lease_number, worker_id, claimed_at, trace
    FROM jobs WHERE state = 'running' AND worker_id = $1 ORDER BY priority, due_at, job_id";

/// What the worker holds as the store has it, in the order of [`claim`]. It may be more than the worker knows of: a claim
/// whose commit was not answered, for the connection broke, may have been made all the same. While such a worker lives,
/// nobody else takes those jobs over.
///
/// # Errors
/// The database's error.
pub async fn held(tx: &mut Tx, worker: &WorkerId) -> Result<Vec<ClaimedJob>, StoreError> {
    let rows: Vec<JobRow> = on_tx!(tx, conn => sqlx::query_as(HELD).bind(&worker.0).fetch_all(conn).await)?;
    Ok(rows.into_iter().map(JobRow::into_claimed).collect())
}

pub(super) const STATEMENTS: &[(&str, &str)] = &[("queue::claim::HELD", HELD)];
pub(super) const PAIRS: &[(&str, &Pair)] = &[("queue::claim::TAKE", &TAKE)];
pub(crate) const POSTGRES: &[(&str, &str)] = &[("queue::claim::IN_ORDER", IN_ORDER)];

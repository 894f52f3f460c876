//! Sweeps: what each look over the conversation list found, and how much of it no webhook had told.
//!
//! A row is written when a sweep begins and completed when it ends; one that died stays without an end, and the next
//! begins anew from the watermark.

use std::collections::HashMap;

use model::{ConversationId, Millis, OrgId};

use crate::db::{Db, Tx};
use crate::error::StoreError;
use crate::mirror::state::{Pair, json_ids};

/// A look over the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sweep {
    /// Ours; sorts by age.
    pub sweep_id: String,
    /// `sweep` or `compare`.
    pub kind: String,
    /// When it began.
    pub started_at: Millis,
    /// When it ended; `None` while it runs, or when it died.
    pub finished_at: Option<Millis>,
    /// What it found.
    pub found: Found,
    /// `done`, or why it ended before its end.
    pub outcome: Option<String>,
}

/// What a sweep found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Found {
    /// Conversations listed.
    pub listed: i64,
    /// Of them, how many Drift had changed since the sweep before.
    pub changed: i64,
    /// Of them, and of those the mirror holds and the list lacks, how many differed from the mirror.
    pub differing: i64,
    /// Of those that differed, how many no received event had told of.
    pub missed: i64,
}

row! {
    struct SweepRow {
        sweep_id: String,
        kind: String,
        started_at: i64,
        finished_at: Option<i64>,
        listed: i64,
        changed: i64,
        differing: i64,
        missed: i64,
        outcome: Option<String>,
    }
}

const START: &str = "
    INSERT INTO sweeps (sweep_id, org_id, kind, started_at, listed, changed, differing, missed)
    VALUES ($1, $2, $3, $4, 0, 0, 0, 0)
    ON CONFLICT (sweep_id) DO NOTHING";

/// Note that a sweep begins; one that goes on keeps its beginning.
///
/// # Errors
/// The database's error.
pub async fn start(tx: &mut Tx, org: OrgId, id: &str, kind: &str, now: Millis) -> Result<(), StoreError> {
    on_tx!(tx, conn => sqlx::query(START)
        .bind(id)
        .bind(org.0)
        .bind(kind)
        .bind(now.0)
        .execute(conn)
        .await
        .map(drop))?;
    Ok(())
}

const FINISH: &str = "
    UPDATE sweeps SET finished_at = $2, listed = $3, changed = $4, differing = $5, missed = $6, outcome = $7
    WHERE sweep_id = $1";

/// Note how a sweep ended.
///
/// # Errors
/// The database's error.
pub async fn finish(
    tx: &mut Tx,
    id: &str,
    found: Found,
    outcome: &str,
    now: Millis,
) -> Result<(), StoreError> {
    on_tx!(tx, conn => sqlx::query(FINISH)
        .bind(id)
        .bind(now.0)
        .bind(found.listed)
        .bind(found.changed)
        .bind(found.differing)
        .bind(found.missed)
        .bind(outcome)
        .execute(conn)
        .await
        .map(drop))?;
    Ok(())
}

const LAST: &str = "
    SELECT sweep_id, kind, started_at, finished_at, listed, changed, differing, missed, outcome FROM sweeps
    WHERE org_id = $1 ORDER BY sweep_id DESC LIMIT $2";

/// The last sweeps and comparisons of an organization, newest first.
///
/// # Errors
/// The database's error.
pub async fn last(db: &Db, org: OrgId, limit: u32) -> Result<Vec<Sweep>, StoreError> {
    let rows: Vec<SweepRow> =
        on_db!(db, pool => sqlx::query_as(LAST).bind(org.0).bind(i64::from(limit)).fetch_all(pool).await)?;
    Ok(rows.into_iter().map(Sweep::from).collect())
}

/// How well webhooks serve, as far as sweeps can tell.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Summary {
    /// Sweeps that ended in the time looked at.
    pub sweeps: i64,
    /// What they found together.
    pub found: Found,
    /// When the last one ended.
    pub last_finished_at: Option<Millis>,
}

impl Summary {
    /// The share of changes that no webhook told of, from 0 to 1; `None` where nothing was seen to change.
    #[must_use]
    pub fn missed_share(&self) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "a share is rounded anyway")]
        (self.found.changed > 0).then(|| (self.found.missed as f64 / self.found.changed as f64).min(1.0))
    }
}

row! {
    struct SummaryRow {
        sweeps: i64,
        listed: i64,
        changed: i64,
        differing: i64,
        missed: i64,
        last_finished_at: Option<i64>,
    }
}

const SUMMARY: &str = "
    SELECT COUNT(*) AS sweeps, CAST(COALESCE(SUM(listed), 0) AS BIGINT) AS listed,
        CAST(COALESCE(SUM(changed), 0) AS BIGINT) AS changed, CAST(COALESCE(SUM(differing), 0) AS BIGINT) AS differing,
        CAST(COALESCE(SUM(missed), 0) AS BIGINT) AS missed, MAX(finished_at) AS last_finished_at
    FROM sweeps WHERE org_id = $1 AND finished_at >= $2";

/// What the sweeps and comparisons that ended since an instant found together.
///
/// # Errors
/// The database's error.
pub async fn summary(db: &Db, org: OrgId, since: Millis) -> Result<Summary, StoreError> {
    let row: SummaryRow =
        on_db!(db, pool => sqlx::query_as(SUMMARY).bind(org.0).bind(since.0).fetch_one(pool).await)?;
    let (listed, changed, differing, missed) = (row.listed, row.changed, row.differing, row.missed);
    Ok(Summary {
        sweeps: row.sweeps,
        found: Found { listed, changed, differing, missed },
        last_finished_at: row.last_finished_at.map(Millis),
    })
}

/// Routed events have their index by conversation, the few others theirs by age.
const LAST_TOLD: Pair = Pair {
    sqlite: "
        SELECT conversation_id, MAX(received_at) AS received_at FROM events
        WHERE org_id = $1 AND routed_at IS NOT NULL
          AND conversation_id IN (SELECT value FROM json_each($2)) GROUP BY conversation_id
        UNION ALL
        SELECT conversation_id, MAX(received_at) AS received_at FROM events
        WHERE org_id = $1 AND routed_at IS NULL
          AND conversation_id IN (SELECT value FROM json_each($2)) GROUP BY conversation_id",
    postgres: "
        SELECT conversation_id, MAX(received_at) AS received_at FROM events
        WHERE org_id = $1 AND routed_at IS NOT NULL AND conversation_id =
          ANY(ARRAY(SELECT CAST(value AS BIGINT) FROM json_array_elements_text(CAST($2 AS json))))
        GROUP BY conversation_id
        UNION ALL
        SELECT conversation_id, MAX(received_at) AS received_at FROM events
        WHERE org_id = $1 AND routed_at IS NULL AND conversation_id =
          ANY(ARRAY(SELECT CAST(value AS BIGINT) FROM json_array_elements_text(CAST($2 AS json))))
        GROUP BY conversation_id",
};

/// When an event last told of each of these conversations; those that no event in the inbox tells of are missing from the
/// answer. Hold the list of ids short.
///
/// # Errors
/// The database's error.
pub async fn last_told(
    db: &Db,
    org: OrgId,
    ids: &[ConversationId],
) -> Result<HashMap<ConversationId, Millis>, StoreError> {
    let (text, ids) = (LAST_TOLD.of_db(db), json_ids(ids.iter().map(|id| id.0)));
    let rows: Vec<(i64, i64)> =
        on_db!(db, pool => sqlx::query_as(text).bind(org.0).bind(ids).fetch_all(pool).await)?;
    let mut told = HashMap::new();
    for (id, at) in rows {
        let last = told.entry(ConversationId(id)).or_insert(Millis(at));
        *last = (*last).max(Millis(at));
    }
    Ok(told)
}

const PRUNE: &str = "DELETE FROM sweeps WHERE started_at < $1";

/// Forget the sweeps that began before an instant; answers how many.
///
/// # Errors
/// The database's error.
pub async fn prune(tx: &mut Tx, before: Millis) -> Result<u64, StoreError> {
    Ok(on_tx!(tx, conn => sqlx::query(PRUNE)
        .bind(before.0)
        .execute(conn)
        .await
        .map(|done| done.rows_affected()))?)
}

impl From<SweepRow> for Sweep {
    fn from(row: SweepRow) -> Self {
        Self {
            sweep_id: row.sweep_id,
            kind: row.kind,
            started_at: Millis(row.started_at),
            finished_at: row.finished_at.map(Millis),
            found: Found {
                listed: row.listed,
                changed: row.changed,
                differing: row.differing,
                missed: row.missed,
            },
            outcome: row.outcome,
        }
    }
}

pub(crate) const STATEMENTS: &[(&str, &str)] = &[
    ("sweeps::START", START),
    ("sweeps::FINISH", FINISH),
    ("sweeps::LAST", LAST),
    ("sweeps::SUMMARY", SUMMARY),
    ("sweeps::PRUNE", PRUNE),
];

pub(crate) const PAIRS: &[(&str, &Pair)] = &[("sweeps::LAST_TOLD", &LAST_TOLD)];

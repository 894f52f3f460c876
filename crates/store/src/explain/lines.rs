//! What happened: six sources, each read newest first within the same window, put into one order.

use model::{EventId, Millis, OrgId};
use serde::Serialize;

use crate::db::Db;
use crate::error::StoreError;
use crate::explain::{LINES_MAX, Subject, Window};

/// Rows read of each source: more than a page, since those of one instant stay together.
const SOURCE_ROWS_MAX: i64 = 4 * LINES_MAX as i64;
/// The least text that no event id reaches: ids are hexadecimal.
const NO_ID_REACHES: &str = "g";

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// When.
    pub at: Millis,
    /// What.
    #[serde(flatten)]
    pub what: What,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum What {
    /// An event was received.
    Event {
        /// Ours.
        event_id: String,
        /// Its canonical type.
        kind: String,
        /// The message it is about.
        message_id: Option<i64>,
        /// When it happened, as it says.
        occurred_at: Option<i64>,
        /// When it was routed; `None` while it waits.
        routed_at: Option<i64>,
        /// What became of it.
        outcome: Option<String>,
        /// The trace it belongs to.
        trace: Option<String>,
    },
    /// A job ran, and ended then.
    Run {
        /// The job.
        job_id: String,
        /// What was done.
        kind: String,
        /// Which attempt it was.
        attempt: i64,
        /// How many signals it stood for.
        signals: i64,
        /// By whom.
        worker_id: String,
        /// When it began.
        claimed_at: i64,
        /// How it ended.
        outcome: String,
        /// Why it failed.
        error: Option<String>,
        /// The trace it belongs to.
        trace: Option<String>,
    },
    /// The mirror changed.
    Change {
        /// Its number in the feed.
        seq: i64,
        /// What changed.
        kind: String,
        /// The message it is about.
        message_id: Option<i64>,
        /// The trace it belongs to.
        trace: Option<String>,
    },
    /// Something was done outside, or failed to be.
    Effect {
        /// Who did it.
        consumer: String,
        /// Its stable key.
        key: String,
        /// The change it follows from.
        seq: i64,
        /// How it stands.
        state: String,
        /// Attempts so far.
        attempts: i64,
        /// What the other side calls it.
        outside_id: Option<String>,
        /// Why the last attempt failed.
        error: Option<String>,
        /// The trace it belongs to.
        trace: Option<String>,
    },
    /// A fact was kept that only the event told.
    Fact {
        /// Its id.
        fact_id: String,
        /// The type of the event that told it.
        kind: String,
    },
    /// A part could not be fetched or stored by an archive.
    Failure {
        /// Which part.
        kind: String,
        /// The error's class.
        class: String,
        /// The last reason.
        reason: String,
        /// How often it failed.
        attempts: i64,
    },
}

row! {
    struct EventRow {
        event_id: String,
        kind: String,
        message_id: Option<i64>,
        occurred_at: Option<i64>,
        received_at: i64,
        routed_at: Option<i64>,
        outcome: Option<String>,
        trace: Option<String>,
    }
}

impl From<EventRow> for Line {
    fn from(row: EventRow) -> Self {
        let what = What::Event {
            event_id: row.event_id,
            kind: row.kind,
            message_id: row.message_id,
            occurred_at: row.occurred_at,
            routed_at: row.routed_at,
            outcome: row.outcome,
            trace: row.trace,
        };
        Self { at: Millis(row.received_at), what }
    }
}

/// Ids begin with the time of arrival, so a span of time is a span of ids. Those that wait have an index of their own.
const EVENTS: &str = "
    SELECT event_id, kind, message_id, occurred_at, received_at, routed_at, outcome, trace FROM events
    WHERE routed_at IS NOT NULL AND org_id = $1 AND conversation_id = $2 AND event_id >= $3 AND event_id < $4
    UNION ALL
    SELECT event_id, kind, message_id, occurred_at, received_at, routed_at, outcome, trace FROM events
    WHERE routed_at IS NULL AND org_id = $1 AND conversation_id = $2 AND event_id >= $3 AND event_id < $4
    ORDER BY event_id DESC LIMIT $5";
const EVENT: &str = "
    SELECT event_id, kind, message_id, occurred_at, received_at, routed_at, outcome, trace FROM events
    WHERE org_id = $1 AND event_id = $2";

row! {
    struct RunRow {
        job_id: String,
        kind: String,
        worker_id: String,
        attempt: i64,
        signals: i64,
        claimed_at: i64,
        ended_at: i64,
        outcome: String,
        error: Option<String>,
        trace: Option<String>,
    }
}

impl From<RunRow> for Line {
    fn from(row: RunRow) -> Self {
        let what = What::Run {
            job_id: row.job_id,
            kind: row.kind,
            attempt: row.attempt,
            signals: row.signals,
            worker_id: row.worker_id,
            claimed_at: row.claimed_at,
            outcome: row.outcome,
            error: row.error,
            trace: row.trace,
        };
        Self { at: Millis(row.ended_at), what }
    }
}

const RUNS: &str = "
    SELECT job_id, kind, worker_id, attempt, signals, claimed_at, ended_at, outcome, error, trace FROM job_runs
    WHERE org_id = $1 AND kind = $2 AND key = $3 AND ended_at >= $4 AND ended_at < $5
    ORDER BY ended_at DESC, lease_number DESC LIMIT $6";

row! {
    struct ChangeRow {
        seq: i64,
        kind: String,
        message_id: Option<i64>,
        at: i64,
        trace: Option<String>,
    }
}

impl From<ChangeRow> for Line {
    fn from(row: ChangeRow) -> Self {
        let ChangeRow { seq, kind, message_id, at, trace } = row;
        Self { at: Millis(at), what: What::Change { seq, kind, message_id, trace } }
    }
}

const CHANGES: &str = "
    SELECT seq, kind, message_id, at, trace FROM changes
    WHERE org_id = $1 AND conversation_id = $2 AND at >= $3 AND at < $4 ORDER BY seq DESC LIMIT $5";

row! {
    struct EffectRow {
        consumer: String,
        key: String,
        seq: i64,
        state: String,
        attempts: i64,
        outside_id: Option<String>,
        last_at: i64,
        error: Option<String>,
        trace: Option<String>,
    }
}

impl From<EffectRow> for Line {
    fn from(row: EffectRow) -> Self {
        let what = What::Effect {
            consumer: row.consumer,
            key: row.key,
            seq: row.seq,
            state: row.state,
            attempts: row.attempts,
            outside_id: row.outside_id,
            error: row.error,
            trace: row.trace,
        };
        Self { at: Millis(row.last_at), what }
    }
}

/// Those never attempted have not happened; they are pending.
const EFFECTS: &str = "
    SELECT consumer, key, seq, state, attempts, outside_id, last_at, error, trace FROM effects
    WHERE org_id = $1 AND conversation_id = $2 AND last_at >= $3 AND last_at < $4
    ORDER BY last_at DESC, seq DESC LIMIT $5";

row! {
    struct FactRow {
        fact_id: String,
        kind: String,
        received_at: i64,
    }
}

impl From<FactRow> for Line {
    fn from(row: FactRow) -> Self {
        let FactRow { fact_id, kind, received_at } = row;
        Self { at: Millis(received_at), what: What::Fact { fact_id, kind } }
    }
}

const FACTS: &str = "
    SELECT fact_id, kind, received_at FROM facts
    WHERE org_id = $1 AND conversation_id = $2 AND received_at >= $3 AND received_at < $4
    ORDER BY received_at DESC LIMIT $5";

row! {
    struct FailureRow {
        kind: String,
        class: String,
        reason: String,
        attempts: i64,
        last_at: i64,
    }
}

impl From<FailureRow> for Line {
    fn from(row: FailureRow) -> Self {
        let FailureRow { kind, class, reason, attempts, last_at } = row;
        Self { at: Millis(last_at), what: What::Failure { kind, class, reason, attempts } }
    }
}

/// The parts an archive fetches by the conversation's number.
const FAILURES: &str = "
    SELECT kind, class, reason, attempts, last_at FROM failures
    WHERE org_id = $1 AND kind IN ('conversation', 'messages', 'details') AND key = $2 AND last_at >= $3
        AND last_at < $4
    ORDER BY last_at DESC LIMIT $5";

/// Rows of a source that is found by the conversation and an instant, as lines.
macro_rules! source {
    ($db:expr, $text:expr, $row:ty, $($bind:expr),+) => {{
        let rows: Vec<$row> = on_db!($db, pool => sqlx::query_as($text)
            $(.bind($bind))+
            .bind(SOURCE_ROWS_MAX)
            .fetch_all(pool)
            .await)?;
        rows.into_iter().map(Line::from)
    }};
}

/// One page, the oldest first, and where the page before it ends.
pub(super) async fn read(
    db: &Db,
    subject: &Subject,
    window: Window,
) -> Result<(Vec<Line>, Option<Millis>), StoreError> {
    let org = subject.org.0;
    let since = window.since.map_or(i64::MIN, |at| at.0);
    let before = window.before.map_or(i64::MAX, |at| at.0);
    let mut lines: Vec<Line> = Vec::new();
    if let Some((kind, key)) = &subject.job {
        lines.extend(source!(db, RUNS, RunRow, org, *kind, key, since, before));
    }
    if let Some(conversation) = subject.conversation {
        let id = conversation.0;
        let first = window.since.map_or(String::new(), |at| EventId::first_of(at).0);
        let end = window.before.map_or(NO_ID_REACHES.to_owned(), |at| EventId::first_of(at).0);
        lines.extend(source!(db, EVENTS, EventRow, org, id, &first, &end));
        lines.extend(source!(db, CHANGES, ChangeRow, org, id, since, before));
        lines.extend(source!(db, EFFECTS, EffectRow, org, id, since, before));
        lines.extend(source!(db, FACTS, FactRow, org, id, since, before));
        lines.extend(source!(db, FAILURES, FailureRow, org, id.to_string(), since, before));
    }
    Ok(page(lines, window.limit.clamp(1, LINES_MAX)))
}

/// The event itself, for one that is about no conversation.
pub(super) async fn event(db: &Db, org: OrgId, id: &EventId) -> Result<Option<Line>, StoreError> {
    let row: Option<EventRow> =
        on_db!(db, pool => sqlx::query_as(EVENT).bind(org.0).bind(&id.0).fetch_optional(pool).await)?;
    Ok(row.map(Line::from))
}

/// The newest `limit` lines and those of the same instant as the oldest of them, in order.
fn page(mut lines: Vec<Line>, limit: usize) -> (Vec<Line>, Option<Millis>) {
    // Cause before consequence where the instant is the same.
    lines.sort_by_key(|line| (line.at, line.what.stage()));
    let Some(oldest) = lines.len().checked_sub(limit).map(|cut| lines[cut].at) else { return (lines, None) };
    let cut = lines.partition_point(|line| line.at < oldest);
    let earlier = (cut > 0).then_some(oldest);
    (lines.split_off(cut), earlier)
}

impl What {
    /// Where it stands on the way of the data, and its number there.
    fn stage(&self) -> (u8, i64) {
        match self {
            Self::Event { .. } => (0, 0),
            Self::Fact { .. } => (1, 0),
            Self::Change { seq, .. } => (2, *seq),
            Self::Run { attempt, .. } => (3, *attempt),
            Self::Failure { .. } => (3, i64::MAX),
            Self::Effect { seq, .. } => (4, *seq),
        }
    }
}

pub(super) const STATEMENTS: &[(&str, &str)] = &[
    ("explain::lines::EVENTS", EVENTS),
    ("explain::lines::EVENT", EVENT),
    ("explain::lines::RUNS", RUNS),
    ("explain::lines::CHANGES", CHANGES),
    ("explain::lines::EFFECTS", EFFECTS),
    ("explain::lines::FACTS", FACTS),
    ("explain::lines::FAILURES", FAILURES),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn change(at: i64, seq: i64) -> Line {
        let what = What::Change { seq, kind: "message_added".into(), message_id: None, trace: None };
        Line { at: Millis(at), what }
    }

    #[test]
    fn a_page_ends_between_two_instants_and_says_where() {
        let check = |limit: usize, expected: (&[i64], Option<i64>)| {
            let lines = vec![change(3, 5), change(1, 1), change(2, 2), change(2, 3), change(2, 4)];
            let (lines, earlier) = page(lines, limit);
            let seqs: Vec<i64> = lines.iter().map(|line| line.what.stage().1).collect();
            assert_eq!((seqs.as_slice(), earlier.map(|at| at.0)), expected, "{limit}");
        };
        check(1, (&[5], Some(3)));
        check(2, (&[2, 3, 4, 5], Some(2)));
        check(4, (&[2, 3, 4, 5], Some(2)));
        check(5, (&[1, 2, 3, 4, 5], None));
        check(9, (&[1, 2, 3, 4, 5], None));
    }
}

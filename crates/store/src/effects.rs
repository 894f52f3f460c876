//! Effects: what is owed, or was done, outside the store.
//!
//! One row a consumer and key. The key is stable (the change's number), so what is owed twice is one row, and what is
//! done twice carries the same name to the other side. Effects of one lane are done in the order of their numbers: a
//! lane is a conversation, or a contact for what concerns no conversation.

use model::{ConversationId, Millis, OrgId};

use crate::changes::{Change, ChangeKind};
use crate::db::{Db, Tx};
use crate::error::StoreError;

/// How an effect stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EffectState {
    /// It is to be done.
    Owed,
    /// It was done.
    Done,
    /// It was given up after its last attempt, and can be owed again.
    Failed,
}

/// One effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effect {
    /// Whose.
    pub consumer: String,
    /// Unique within the consumer, and stable.
    pub key: String,
    /// The change it follows from.
    pub seq: i64,
    /// What is done in order.
    pub lane: i64,
    /// The conversation, where it is about one.
    pub conversation_id: Option<ConversationId>,
    /// How it stands.
    pub state: EffectState,
    /// Attempts so far that count, since it was last owed.
    pub attempts: i64,
    /// What the other side calls it.
    pub outside_id: Option<String>,
    /// When it was first attempted.
    pub first_at: Option<Millis>,
    /// When it was last attempted.
    pub last_at: Option<Millis>,
    /// Why the last attempt failed.
    pub error: Option<String>,
    /// The trace of what led to it.
    pub trace: Option<String>,
}

/// What came of one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The effect's key.
    pub key: String,
    /// How it stands now.
    pub state: EffectState,
    /// What the other side calls it, where it said so.
    pub outside_id: Option<String>,
    /// Whether it counts among the effect's attempts: not where the other side takes nothing at all.
    pub counts: bool,
    /// Why it failed; without personal data.
    pub error: Option<String>,
    /// When it was made.
    pub at: Millis,
}

/// How many effects of a consumer stand in each state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EffectCounts {
    /// To be done.
    pub owed: i64,
    /// Done.
    pub done: i64,
    /// Given up.
    pub failed: i64,
}

/// In which lane a change's effects are done: its conversation's; else its contact's, negative; else 0.
#[must_use]
pub fn lane(change: &Change) -> i64 {
    if let Some(conversation) = change.conversation_id {
        return conversation.0;
    }
    let detail: serde_json::Value = serde_json::from_str(&change.detail).unwrap_or_default();
    detail["contact_id"].as_i64().map_or(0, |contact| -contact.abs())
}

struct EffectInsert<'a> {
    org: OrgId,
    consumer: &'a str,
    key: String,
    lane: i64,
    change: &'a Change,
}

bulk! {
    /// Owed effects, those included that were done or given up before.
    OWE, async fn owe_rows(row: EffectInsert<'_>) = "INSERT INTO effects" (
        org_id int = row.org.0,
        consumer text = row.consumer,
        key text = row.key.as_str(),
        seq int = row.change.seq,
        lane int = row.lane,
        conversation_id int = row.change.conversation_id.map(|id| id.0),
        state text = EffectState::Owed.as_str(),
        attempts int = 0_i64,
        trace text = row.change.trace.as_deref(),
    ) "ON CONFLICT (org_id, consumer, key) DO UPDATE
    SET state = excluded.state, attempts = 0, error = NULL, first_at = NULL"
}

/// Owe one effect for each change, under the change's number as its key. What is owed already stays owed; what was done
/// or given up is owed again.
///
/// # Errors
/// The database's error.
pub async fn owe(tx: &mut Tx, org: OrgId, consumer: &str, changes: &[&Change]) -> Result<u64, StoreError> {
    let rows: Vec<EffectInsert<'_>> = changes
        .iter()
        .map(|change| EffectInsert { org, consumer, key: change.seq.to_string(), lane: lane(change), change })
        .collect();
    owe_rows(tx, &rows).await
}

row! {
    struct EffectRow {
        consumer: String,
        key: String,
        seq: i64,
        lane: i64,
        conversation_id: Option<i64>,
        state: String,
        attempts: i64,
        outside_id: Option<String>,
        first_at: Option<i64>,
        last_at: Option<i64>,
        error: Option<String>,
        trace: Option<String>,
    }
}

const OWED: &str = "
    SELECT consumer, key, seq, lane, conversation_id, state, attempts, outside_id, first_at, last_at, error, trace
    FROM effects WHERE org_id = $1 AND consumer = $2 AND lane = $3 AND state = 'owed' ORDER BY seq LIMIT $4";

/// What is owed in one lane, in order.
///
/// # Errors
/// The database's error.
pub async fn owed(
    db: &Db,
    org: OrgId,
    consumer: &str,
    lane: i64,
    limit: u32,
) -> Result<Vec<Effect>, StoreError> {
    let rows: Vec<EffectRow> = on_db!(db, pool => sqlx::query_as(OWED)
        .bind(org.0)
        .bind(consumer)
        .bind(lane)
        .bind(i64::from(limit))
        .fetch_all(pool)
        .await)?;
    rows.into_iter().map(Effect::try_from).collect()
}

const OWED_LANES: &str = "
    SELECT DISTINCT lane FROM effects
    WHERE org_id = $1 AND consumer = $2 AND state = 'owed' AND lane > $3 ORDER BY lane LIMIT $4";

/// The lanes in which something is owed, in order after `after` (`None` for all).
///
/// # Errors
/// The database's error.
pub async fn owed_lanes(
    db: &Db,
    org: OrgId,
    consumer: &str,
    after: Option<i64>,
    limit: u32,
) -> Result<Vec<i64>, StoreError> {
    Ok(on_db!(db, pool => sqlx::query_scalar(OWED_LANES)
        .bind(org.0)
        .bind(consumer)
        .bind(after.unwrap_or(i64::MIN))
        .bind(i64::from(limit))
        .fetch_all(pool)
        .await)?)
}

const OF_CONVERSATION: &str = "
    SELECT consumer, key, seq, lane, conversation_id, state, attempts, outside_id, first_at, last_at, error, trace
    FROM effects WHERE org_id = $1 AND conversation_id = $2 AND seq > $3 ORDER BY seq, consumer LIMIT $4";

/// The effects of one conversation that follow from changes after `after_seq`, of all consumers.
///
/// # Errors
/// The database's error.
pub async fn of_conversation(
    db: &Db,
    org: OrgId,
    conversation: ConversationId,
    after_seq: i64,
    limit: u32,
) -> Result<Vec<Effect>, StoreError> {
    let rows: Vec<EffectRow> = on_db!(db, pool => sqlx::query_as(OF_CONVERSATION)
        .bind(org.0)
        .bind(conversation.0)
        .bind(after_seq)
        .bind(i64::from(limit))
        .fetch_all(pool)
        .await)?;
    rows.into_iter().map(Effect::try_from).collect()
}

const ATTEMPTED: &str = "
    UPDATE effects
    SET state = $4, attempts = attempts + $8, outside_id = COALESCE($5, outside_id),
        first_at = COALESCE(first_at, $6), last_at = $6, error = $7
    WHERE org_id = $1 AND consumer = $2 AND key = $3";

/// Record what came of attempts, in the order in which they were made.
///
/// # Errors
/// The database's error.
pub async fn attempted(
    tx: &mut Tx,
    org: OrgId,
    consumer: &str,
    attempts: &[Attempt],
) -> Result<(), StoreError> {
    for attempt in attempts {
        on_tx!(tx, conn => sqlx::query(ATTEMPTED)
            .bind(org.0)
            .bind(consumer)
            .bind(&attempt.key)
            .bind(attempt.state.as_str())
            .bind(attempt.outside_id.as_deref())
            .bind(attempt.at.0)
            .bind(attempt.error.as_deref())
            .bind(i64::from(attempt.counts))
            .execute(conn)
            .await
            .map(drop))?;
    }
    Ok(())
}

const COUNTS: &str = "
    SELECT state, COUNT(*) AS effects FROM effects WHERE org_id = $1 AND consumer = $2 GROUP BY state";

/// How many effects of a consumer stand in each state.
///
/// # Errors
/// The database's error.
pub async fn counts(db: &Db, org: OrgId, consumer: &str) -> Result<EffectCounts, StoreError> {
    let rows: Vec<(String, i64)> =
        on_db!(db, pool => sqlx::query_as(COUNTS).bind(org.0).bind(consumer).fetch_all(pool).await)?;
    let mut counts = EffectCounts::default();
    for (state, effects) in rows {
        match EffectState::parse_stored(&state)? {
            EffectState::Owed => counts.owed = effects,
            EffectState::Done => counts.done = effects,
            EffectState::Failed => counts.failed = effects,
        }
    }
    Ok(counts)
}

const OWED_ALL: &str = "SELECT COUNT(*) FROM effects WHERE state = 'owed'";

/// How many effects are owed, over all organizations and consumers.
///
/// # Errors
/// The database's error.
pub async fn owed_in_all(db: &Db) -> Result<i64, StoreError> {
    Ok(on_db!(db, pool => sqlx::query_scalar(OWED_ALL).fetch_one(pool).await)?)
}

/// What a consumer passes over: kinds it did not ask for. No kinds: it asked for all.
#[must_use]
pub fn wanted(kinds: &[ChangeKind], change: &Change) -> bool {
    kinds.is_empty() || kinds.contains(&change.kind)
}

const PRUNE: &str = "
    DELETE FROM effects WHERE state = 'done' AND last_at < $1 AND org_id = $2 AND seq <= $3";

/// Forget an organization's effects that were done before `before` and follow from changes up to `through_seq`; answers
/// how many. What is owed or failed stays.
///
/// # Errors
/// The database's error.
pub async fn prune(tx: &mut Tx, org: OrgId, before: Millis, through_seq: i64) -> Result<u64, StoreError> {
    Ok(on_tx!(tx, conn => sqlx::query(PRUNE)
        .bind(before.0)
        .bind(org.0)
        .bind(through_seq)
        .execute(conn)
        .await
        .map(|done| done.rows_affected()))?)
}

const REMOVE: &str = "DELETE FROM effects WHERE org_id = $1 AND consumer = $2";

/// Forget everything a consumer owed or did.
///
/// # Errors
/// The database's error.
pub async fn remove(tx: &mut Tx, org: OrgId, consumer: &str) -> Result<(), StoreError> {
    on_tx!(tx, conn => sqlx::query(REMOVE).bind(org.0).bind(consumer).execute(conn).await.map(drop))?;
    Ok(())
}

impl TryFrom<EffectRow> for Effect {
    type Error = StoreError;
    fn try_from(row: EffectRow) -> Result<Self, StoreError> {
        Ok(Self {
            consumer: row.consumer,
            key: row.key,
            seq: row.seq,
            lane: row.lane,
            conversation_id: row.conversation_id.map(ConversationId),
            state: EffectState::parse_stored(&row.state)?,
            attempts: row.attempts,
            outside_id: row.outside_id,
            first_at: row.first_at.map(Millis),
            last_at: row.last_at.map(Millis),
            error: row.error,
            trace: row.trace,
        })
    }
}

impl EffectState {
    /// The stored word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Owed => "owed",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }

    fn parse_stored(word: &str) -> Result<Self, StoreError> {
        match word {
            "owed" => Ok(Self::Owed),
            "done" => Ok(Self::Done),
            "failed" => Ok(Self::Failed),
            _ => Err(StoreError::Stored { what: "effect state" }),
        }
    }
}

pub(crate) const STATEMENTS: &[(&str, &str)] = &[
    ("effects::OWED", OWED),
    ("effects::OWED_LANES", OWED_LANES),
    ("effects::OF_CONVERSATION", OF_CONVERSATION),
    ("effects::ATTEMPTED", ATTEMPTED),
    ("effects::COUNTS", COUNTS),
    ("effects::OWED_ALL", OWED_ALL),
    ("effects::PRUNE", PRUNE),
    ("effects::REMOVE", REMOVE),
];

pub(crate) const BULK: &[(&str, &crate::bulk::Texts)] = &[("effects::OWE", &OWE)];

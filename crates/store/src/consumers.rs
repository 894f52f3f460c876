//! Consumers: the readers of the change feed, and how far each has read.
//!
//! A cursor is the number of the last change that was read. It is moved by whoever read, in the transaction of what
//! follows from the reading, and only from where that reader began: of two that read the same changes one wins,
//! and a cursor that a person moved in the meantime stays where the person put it.

use model::{Millis, OrgId};

use crate::db::{Db, Tx};
use crate::error::StoreError;
use crate::wake::Channel;

/// Counting how far a consumer lags ends here.
pub const LAG_CHANGES_MAX: i64 = 1_000_000;

/// What reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConsumerKind {
    /// An endpoint of outgoing webhooks; the consumer has the endpoint's id as its name.
    Webhook,
    /// `longshore tail` under a name.
    Tail,
}

/// Whether it reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConsumerState {
    /// It reads.
    Active,
    /// It reads again, and what it still owes from before is first to be put back to work.
    Resuming,
    /// It stands still on purpose.
    Paused,
}

/// A reader of the feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consumer {
    /// Whose changes it reads.
    pub org: OrgId,
    /// Unique within the organization.
    pub name: String,
    /// What reads.
    pub kind: ConsumerKind,
    /// Whether it reads.
    pub state: ConsumerState,
    /// The number of the last change it has read.
    pub cursor: i64,
    /// The length of the file it writes when it stood there, in bytes.
    pub file_bytes: Option<i64>,
    /// When it was registered.
    pub created_at: Millis,
    /// When its cursor was last moved by reading.
    pub read_at: Option<Millis>,
}

/// How far behind the feed a consumer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lag {
    /// Changes it has not read, at most [`LAG_CHANGES_MAX`].
    pub changes: i64,
    /// When the first of them was found.
    pub since: Option<Millis>,
}

impl Lag {
    /// For how long the first unread change has waited, in milliseconds; 0 when there is none.
    #[must_use]
    pub fn ms(&self, now: Millis) -> i64 {
        self.since.map_or(0, |since| now.since(since).max(0))
    }
}

row! {
    struct ConsumerRow {
        org_id: i64,
        name: String,
        kind: String,
        state: String,
        cursor_seq: i64,
        file_bytes: Option<i64>,
        created_at: i64,
        read_at: Option<i64>,
    }
}

const REGISTER: &str = "
    INSERT INTO consumers (org_id, name, kind, state, cursor_seq, created_at)
    VALUES ($1, $2, $3, 'active', $4, $5)";

/// Register a consumer that reads after the change `cursor` (see [`crate::changes::position`]).
///
/// # Errors
/// [`StoreError::Conflict`] when the name is taken, or the database's error.
pub async fn register(
    tx: &mut Tx,
    org: OrgId,
    (name, kind): (&str, ConsumerKind),
    cursor: i64,
    now: Millis,
) -> Result<(), StoreError> {
    on_tx!(tx, conn => sqlx::query(REGISTER)
        .bind(org.0)
        .bind(name)
        .bind(kind.as_str())
        .bind(cursor)
        .bind(now.0)
        .execute(conn)
        .await
        .map(drop))?;
    Ok(())
}

const GET: &str = "
    SELECT org_id, name, kind, state, cursor_seq, file_bytes, created_at, read_at
    FROM consumers WHERE org_id = $1 AND name = $2";

/// The consumer of that name.
///
/// # Errors
/// The database's error.
pub async fn get(db: &Db, org: OrgId, name: &str) -> Result<Option<Consumer>, StoreError> {
    let row: Option<ConsumerRow> =
        on_db!(db, pool => sqlx::query_as(GET).bind(org.0).bind(name).fetch_optional(pool).await)?;
    row.map(Consumer::try_from).transpose()
}

const LIST: &str = "
    SELECT org_id, name, kind, state, cursor_seq, file_bytes, created_at, read_at
    FROM consumers WHERE org_id = $1 ORDER BY created_at, name LIMIT 1000";

/// An organization's consumers, oldest first; at most 1,000.
///
/// # Errors
/// The database's error.
pub async fn list(db: &Db, org: OrgId) -> Result<Vec<Consumer>, StoreError> {
    let rows: Vec<ConsumerRow> = on_db!(db, pool => sqlx::query_as(LIST).bind(org.0).fetch_all(pool).await)?;
    rows.into_iter().map(Consumer::try_from).collect()
}

const BEHIND: &str = "
    SELECT org_id, name, kind, state, cursor_seq, file_bytes, created_at, read_at
    FROM consumers
    WHERE kind = $1 AND state <> 'paused'
      AND (state = 'resuming'
           OR EXISTS (SELECT 1 FROM changes
                      WHERE changes.org_id = consumers.org_id AND changes.seq > consumers.cursor_seq))
    ORDER BY read_at, org_id, name LIMIT $2";

/// Consumers of a kind, of every organization, that have something to read and may; those first that read longest ago.
///
/// # Errors
/// The database's error.
pub async fn behind(db: &Db, kind: ConsumerKind, limit: u32) -> Result<Vec<Consumer>, StoreError> {
    let rows: Vec<ConsumerRow> = on_db!(db, pool => sqlx::query_as(BEHIND)
        .bind(kind.as_str())
        .bind(i64::from(limit))
        .fetch_all(pool)
        .await)?;
    rows.into_iter().map(Consumer::try_from).collect()
}

const ADVANCE: &str = "
    UPDATE consumers SET cursor_seq = $4, file_bytes = $5, read_at = $6
    WHERE org_id = $1 AND name = $2 AND cursor_seq = $3 AND state <> 'paused'";

/// Move a consumer's cursor from where it was read to `cursor`, unless it was moved or paused in the meantime: then the
/// answer is `false`, and the transaction should be undone.
///
/// # Errors
/// The database's error.
pub async fn advance(
    tx: &mut Tx,
    from: &Consumer,
    cursor: i64,
    file_bytes: Option<i64>,
    now: Millis,
) -> Result<bool, StoreError> {
    let moved = on_tx!(tx, conn => sqlx::query(ADVANCE)
        .bind(from.org.0)
        .bind(&from.name)
        .bind(from.cursor)
        .bind(cursor)
        .bind(file_bytes)
        .bind(now.0)
        .execute(conn)
        .await
        .map(|done| done.rows_affected()))?;
    Ok(moved == 1)
}

const SET_STATE: &str = "UPDATE consumers SET state = $3 WHERE org_id = $1 AND name = $2";

/// Let a consumer stand still. What it already owes is not done either until it is resumed.
///
/// # Errors
/// [`StoreError::NotFound`] when there is none of that name, or the database's error.
pub async fn pause(tx: &mut Tx, org: OrgId, name: &str) -> Result<(), StoreError> {
    set_state(tx, org, name, ConsumerState::Paused).await
}

/// Let a consumer read on from where it stood, after what it owes from before.
///
/// # Errors
/// [`StoreError::NotFound`] when there is none of that name, or the database's error.
pub async fn resume(tx: &mut Tx, org: OrgId, name: &str) -> Result<(), StoreError> {
    set_state(tx, org, name, ConsumerState::Resuming).await
}

async fn set_state(tx: &mut Tx, org: OrgId, name: &str, state: ConsumerState) -> Result<(), StoreError> {
    let found = on_tx!(tx, conn => sqlx::query(SET_STATE)
        .bind(org.0)
        .bind(name)
        .bind(state.as_str())
        .execute(conn)
        .await
        .map(|done| done.rows_affected()))?;
    if found == 0 { Err(StoreError::NotFound { what: "consumer" }) } else { Ok(()) }
}

const RESUMED: &str =
    "UPDATE consumers SET state = 'active' WHERE org_id = $1 AND name = $2 AND state = 'resuming'";

/// Note that everything a resuming consumer owed has been put back to work.
///
/// # Errors
/// The database's error.
pub async fn resumed(tx: &mut Tx, org: OrgId, name: &str) -> Result<(), StoreError> {
    on_tx!(tx, conn => sqlx::query(RESUMED).bind(org.0).bind(name).execute(conn).await.map(drop))?;
    Ok(())
}

const WAKE: &str =
    "UPDATE consumers SET state = 'resuming' WHERE org_id = $1 AND name = $2 AND state = 'active'";

/// Let a consumer that reads put to work what it owes, as after a pause; a paused one stays paused.
///
/// # Errors
/// The database's error.
pub async fn wake(tx: &mut Tx, org: OrgId, name: &str) -> Result<(), StoreError> {
    on_tx!(tx, conn => sqlx::query(WAKE).bind(org.0).bind(name).execute(conn).await.map(drop))?;
    tx.ring(Channel::Changes);
    Ok(())
}

const REWIND: &str = "UPDATE consumers SET cursor_seq = $3 WHERE org_id = $1 AND name = $2";

/// Put a consumer's cursor after the change `cursor`, behind or ahead of where it stands. What it reads anew is owed
/// anew, under the same keys.
///
/// # Errors
/// [`StoreError::NotFound`] when there is none of that name, or the database's error.
pub async fn rewind(tx: &mut Tx, org: OrgId, name: &str, cursor: i64) -> Result<(), StoreError> {
    let found = on_tx!(tx, conn => sqlx::query(REWIND)
        .bind(org.0)
        .bind(name)
        .bind(cursor)
        .execute(conn)
        .await
        .map(|done| done.rows_affected()))?;
    if found == 0 { Err(StoreError::NotFound { what: "consumer" }) } else { Ok(()) }
}

const LAG: &str = "
    SELECT COUNT(*) AS changes, MIN(at) AS since FROM
        (SELECT at FROM changes WHERE org_id = $1 AND seq > $2 ORDER BY seq LIMIT $3) AS unread";

row! {
    struct LagRow {
        changes: i64,
        since: Option<i64>,
    }
}

/// How far behind the feed a consumer is.
///
/// # Errors
/// The database's error.
pub async fn lag(db: &Db, consumer: &Consumer) -> Result<Lag, StoreError> {
    let row: LagRow = on_db!(db, pool => sqlx::query_as(LAG)
        .bind(consumer.org.0)
        .bind(consumer.cursor)
        .bind(LAG_CHANGES_MAX)
        .fetch_one(pool)
        .await)?;
    Ok(Lag { changes: row.changes, since: row.since.map(Millis) })
}

const REMOVE: &str = "DELETE FROM consumers WHERE org_id = $1 AND name = $2";

/// Forget a consumer. Its effects are its owner's to forget ([`crate::effects::remove`]).
///
/// # Errors
/// The database's error.
pub async fn remove(tx: &mut Tx, org: OrgId, name: &str) -> Result<(), StoreError> {
    on_tx!(tx, conn => sqlx::query(REMOVE).bind(org.0).bind(name).execute(conn).await.map(drop))?;
    Ok(())
}

impl TryFrom<ConsumerRow> for Consumer {
    type Error = StoreError;
    fn try_from(row: ConsumerRow) -> Result<Self, StoreError> {
        Ok(Self {
            org: OrgId(row.org_id),
            name: row.name,
            kind: ConsumerKind::parse_stored(&row.kind)?,
            state: ConsumerState::parse_stored(&row.state)?,
            cursor: row.cursor_seq,
            file_bytes: row.file_bytes,
            created_at: Millis(row.created_at),
            read_at: row.read_at.map(Millis),
        })
    }
}

impl ConsumerKind {
    /// The stored word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Tail => "tail",
        }
    }

    fn parse_stored(word: &str) -> Result<Self, StoreError> {
        match word {
            "webhook" => Ok(Self::Webhook),
            "tail" => Ok(Self::Tail),
            _ => Err(StoreError::Stored { what: "consumer kind" }),
        }
    }
}

impl ConsumerState {
    /// The stored word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Resuming => "resuming",
            Self::Paused => "paused",
        }
    }

    fn parse_stored(word: &str) -> Result<Self, StoreError> {
        match word {
            "active" => Ok(Self::Active),
            "resuming" => Ok(Self::Resuming),
            "paused" => Ok(Self::Paused),
            _ => Err(StoreError::Stored { what: "consumer state" }),
        }
    }
}

pub(crate) const STATEMENTS: &[(&str, &str)] = &[
    ("consumers::REGISTER", REGISTER),
    ("consumers::GET", GET),
    ("consumers::LIST", LIST),
    ("consumers::BEHIND", BEHIND),
    ("consumers::ADVANCE", ADVANCE),
    ("consumers::SET_STATE", SET_STATE),
    ("consumers::RESUMED", RESUMED),
    ("consumers::WAKE", WAKE),
    ("consumers::REWIND", REWIND),
    ("consumers::LAG", LAG),
    ("consumers::REMOVE", REMOVE),
];

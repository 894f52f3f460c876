//! Connections that somebody gave up, and how far that has come.
//!
//! Three steps, each a transaction: asked for (from then on nothing uses the tokens but their revocation), ended (the data
//! key is destroyed), and, where that was asked for, erased. A step that was cut off is found here and done again.

use model::{ConnectionId, Millis, OrgId};

use crate::connections::ConnectionState;
use crate::db::{Db, Tx};
use crate::error::StoreError;

/// What becomes of the organization's stored data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Data {
    /// It stays.
    Keep,
    /// It is erased.
    Erase,
}

/// What the provider made of the revocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revocation {
    /// It took the grant back.
    Revoked,
    /// It refused, for good.
    Refused,
    /// It no longer accepted the token: there was nothing left to revoke.
    Gone,
    /// It was not reached, or gave no answer that settles it.
    Unreachable,
    /// A private app's token, which only its owner can revoke at the provider.
    ByHand,
    /// It was not asked.
    NotAsked,
}

impl Revocation {
    const ALL: [Self; 6] =
        [Self::Revoked, Self::Refused, Self::Gone, Self::Unreachable, Self::ByHand, Self::NotAsked];

    /// The stored word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Revoked => "revoked",
            Self::Refused => "refused",
            Self::Gone => "gone",
            Self::Unreachable => "unreachable",
            Self::ByHand => "by_hand",
            Self::NotAsked => "not_asked",
        }
    }

    fn parse_stored(word: &str) -> Result<Self, StoreError> {
        let found = Self::ALL.into_iter().find(|one| one.as_str() == word);
        found.ok_or(StoreError::Stored { what: "outcome of a disconnect" })
    }
}

/// How far a disconnect has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disconnect {
    /// Which connection.
    pub connection_id: ConnectionId,
    /// For whom it acted.
    pub org_id: OrgId,
    /// When it was first asked for.
    pub asked_at: Millis,
    /// What becomes of the data.
    pub data: Data,
    /// What the last try came to; `None` before the first.
    pub outcome: Option<Revocation>,
    /// How often the provider was asked.
    pub attempts: i64,
    /// When it was asked last.
    pub tried_at: Option<Millis>,
    /// When the secrets were destroyed; `None` while the revocation is still tried.
    pub ended_at: Option<Millis>,
    /// When the data was erased.
    pub erased_at: Option<Millis>,
}

impl Disconnect {
    /// Whether nothing is left to be done.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.ended_at.is_some() && (self.data == Data::Keep || self.erased_at.is_some())
    }
}

row! {
    struct DisconnectRow {
        connection_id: String,
        org_id: i64,
        asked_at: i64,
        erase: bool,
        outcome: Option<String>,
        attempts: i64,
        tried_at: Option<i64>,
        ended_at: Option<i64>,
        erased_at: Option<i64>,
    }
}

const GIVE_UP: &str = "
    UPDATE connections SET state = 'disconnecting' WHERE connection_id = $1 AND org_id = $2 AND state <> 'disconnected'";
const ASK: &str = "
    INSERT INTO disconnects (connection_id, org_id, asked_at, erase, attempts) VALUES ($1, $2, $3, $4, 0)
    ON CONFLICT (connection_id) DO UPDATE SET erase = (disconnects.erase OR excluded.erase)";

/// Ask for a disconnect: from the commit on nothing uses the connection's tokens but their revocation. Answers whether
/// there was a connection to give up. Asking again is no harm; whoever asked for erasure once has asked.
///
/// # Errors
/// The database's error.
pub async fn ask(
    tx: &mut Tx,
    (connection, org): (&ConnectionId, OrgId),
    data: Data,
    now: Millis,
) -> Result<bool, StoreError> {
    let given_up = on_tx!(tx, conn => sqlx::query(GIVE_UP)
        .bind(&connection.0)
        .bind(org.0)
        .execute(conn)
        .await
        .map(|done| done.rows_affected()))?;
    if given_up == 0 {
        return Ok(false);
    }
    on_tx!(tx, conn => sqlx::query(ASK)
        .bind(&connection.0)
        .bind(org.0)
        .bind(now.0)
        .bind(data == Data::Erase)
        .execute(conn)
        .await
        .map(drop))?;
    Ok(true)
}

const TRIED: &str = "
    UPDATE disconnects SET outcome = $2, tried_at = $3, attempts = attempts + 1
    WHERE connection_id = $1 AND ended_at IS NULL";

/// Note what a try came to; answers whether the disconnect had not ended before.
///
/// # Errors
/// The database's error.
pub async fn tried(
    tx: &mut Tx,
    connection: &ConnectionId,
    outcome: Revocation,
    now: Millis,
) -> Result<bool, StoreError> {
    let noted = on_tx!(tx, conn => sqlx::query(TRIED)
        .bind(&connection.0)
        .bind(outcome.as_str())
        .bind(now.0)
        .execute(conn)
        .await
        .map(|done| done.rows_affected()))?;
    Ok(noted > 0)
}

const END: &str = "UPDATE disconnects SET ended_at = $2 WHERE connection_id = $1 AND ended_at IS NULL";

/// End it: the connection's secrets and their data key are destroyed. Answers how many data keys there were.
///
/// # Errors
/// The database's error.
pub async fn end(tx: &mut Tx, connection: &ConnectionId, now: Millis) -> Result<u64, StoreError> {
    let gone = ConnectionState::Disconnected;
    let keys = crate::connections::set_state_counting(tx, connection, gone).await?;
    on_tx!(tx, conn => sqlx::query(END).bind(&connection.0).bind(now.0).execute(conn).await.map(drop))?;
    Ok(keys)
}

const ERASED: &str = "UPDATE disconnects SET erased_at = $2 WHERE connection_id = $1 AND erased_at IS NULL";

/// Note that the organization's data was erased.
///
/// # Errors
/// The database's error.
pub async fn erased(tx: &mut Tx, connection: &ConnectionId, now: Millis) -> Result<(), StoreError> {
    on_tx!(tx, conn => sqlx::query(ERASED).bind(&connection.0).bind(now.0).execute(conn).await.map(drop))?;
    Ok(())
}

const GET: &str = "
    SELECT connection_id, org_id, asked_at, erase, outcome, attempts, tried_at, ended_at, erased_at
    FROM disconnects WHERE connection_id = $1";

/// How far the disconnect of a connection has come; `None` when nobody asked for one.
///
/// # Errors
/// The database's error.
pub async fn get(db: &Db, connection: &ConnectionId) -> Result<Option<Disconnect>, StoreError> {
    let row: Option<DisconnectRow> =
        on_db!(db, pool => sqlx::query_as(GET).bind(&connection.0).fetch_optional(pool).await)?;
    row.map(Disconnect::try_from).transpose()
}

impl TryFrom<DisconnectRow> for Disconnect {
    type Error = StoreError;
    fn try_from(row: DisconnectRow) -> Result<Self, StoreError> {
        Ok(Self {
            connection_id: ConnectionId(row.connection_id),
            org_id: OrgId(row.org_id),
            asked_at: Millis(row.asked_at),
            data: if row.erase { Data::Erase } else { Data::Keep },
            outcome: row.outcome.as_deref().map(Revocation::parse_stored).transpose()?,
            attempts: row.attempts,
            tried_at: row.tried_at.map(Millis),
            ended_at: row.ended_at.map(Millis),
            erased_at: row.erased_at.map(Millis),
        })
    }
}

pub(crate) const STATEMENTS: &[(&str, &str)] = &[
    ("disconnects::GIVE_UP", GIVE_UP),
    ("disconnects::ASK", ASK),
    ("disconnects::TRIED", TRIED),
    ("disconnects::END", END),
    ("disconnects::ERASED", ERASED),
    ("disconnects::GET", GET),
];

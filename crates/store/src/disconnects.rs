//! Connections that somebody gave up, and how far that has come.
//!
//! Three steps, each a transaction: begun (from then on nothing uses the tokens but their revocation), ended (the data
//! key is destroyed), and, where that was asked for, erased. A step that was cut off is found here and done again.

mod order;
mod words;

use model::{ConnectionId, Millis, OrgId};

use crate::connections::ConnectionState;
use crate::db::{Db, Tx};
use crate::error::StoreError;

pub use order::{Because, NOTICE, Order, RETRIES_MS, REVOKE_KIND, begin, carrier, end_links};
pub use words::{Data, Left, Revocation};

/// How far a disconnect has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disconnect {
    /// Which connection.
    pub connection_id: ConnectionId,
    /// For whom it acted.
    pub org_id: OrgId,
    /// When it was first asked for.
    pub asked_at: Millis,
    /// Until when the provider is asked to revoke; then the secrets are destroyed unrevoked.
    pub until_at: Millis,
    /// What the last try came to; `None` before the first.
    pub outcome: Option<Revocation>,
    /// How often it was tried.
    pub attempts: i64,
    /// When it was tried last.
    pub tried_at: Option<Millis>,
    /// When the secrets were destroyed; `None` while the revocation is still tried.
    pub ended_at: Option<Millis>,
    /// What is to become of the data.
    pub data: Data,
    /// What became of data that was to be erased; `None` while that is still to come.
    pub left: Option<Left>,
    /// When that was.
    pub left_at: Option<Millis>,
}

impl Disconnect {
    /// Whether nothing is left to be done.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.ended_at.is_some() && (self.data == Data::Keep || self.left.is_some())
    }

    /// What is, or is to be, of the data, in a word: `kept`, `erased`, `shared`, `to_erase`.
    #[must_use]
    pub const fn data_word(&self) -> &'static str {
        match (self.data, self.left) {
            (Data::Keep, _) => "kept",
            (Data::Erase, Some(left)) => left.as_str(),
            (Data::Erase, None) => "to_erase",
        }
    }
}

row! {
    struct DisconnectRow {
        connection_id: String,
        org_id: i64,
        asked_at: i64,
        until_at: i64,
        outcome: Option<String>,
        attempts: i64,
        tried_at: Option<i64>,
        ended_at: Option<i64>,
        data: String,
        data_outcome: Option<String>,
        data_at: Option<i64>,
    }
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

const LEFT: &str = "
    UPDATE disconnects SET data_outcome = $2, data_at = $3 WHERE connection_id = $1 AND data_outcome IS NULL";

/// Note what became of the organization's data that was to be erased.
///
/// # Errors
/// The database's error.
pub async fn left(tx: &mut Tx, connection: &ConnectionId, left: Left, now: Millis) -> Result<(), StoreError> {
    on_tx!(tx, conn => sqlx::query(LEFT)
        .bind(&connection.0)
        .bind(left.as_str())
        .bind(now.0)
        .execute(conn)
        .await
        .map(drop))?;
    Ok(())
}

const GET: &str = "
    SELECT connection_id, org_id, asked_at, until_at, outcome, attempts, tried_at, ended_at, data, data_outcome, data_at
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
            until_at: Millis(row.until_at),
            outcome: row.outcome.as_deref().map(Revocation::parse_stored).transpose()?,
            attempts: row.attempts,
            tried_at: row.tried_at.map(Millis),
            ended_at: row.ended_at.map(Millis),
            data: Data::parse_stored(&row.data)?,
            left: row.data_outcome.as_deref().map(Left::parse_stored).transpose()?,
            left_at: row.data_at.map(Millis),
        })
    }
}

pub(crate) const STATEMENTS: &[(&str, &str)] = &[
    ("disconnects::GIVE_UP", order::GIVE_UP),
    ("disconnects::ASK", order::ASK),
    ("disconnects::TRIED", TRIED),
    ("disconnects::END", END),
    ("disconnects::LEFT", LEFT),
    ("disconnects::GET", GET),
];

//! Connections: the grants by which we act for organizations, with their sealed secrets.
//!
//! A secret is written with the next version number in the same statement order as its seal, so an older sealed
//! text put back into the row does not open. The token pair is saved in one transaction: a refresh token
//! that rotated is never stored without its access token.

use model::{ConnectionId, Millis, OrgId, Secret};

use crate::db::{Db, Tx};
use crate::error::StoreError;
use crate::honey;
use crate::vault::{self, Found, Place, Vault, VaultError};

/// How a grant was obtained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectionKind {
    /// A private app's token; does not expire.
    Private,
    /// A public app's token pair.
    OAuth,
}

/// What a grant is good for at present.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectionState {
    /// In use.
    Active,
    /// The token has expired and could not be renewed.
    Expired,
    /// Drift refuses it.
    Revoked,
    /// Being given up: its tokens serve their own revocation and nothing else.
    Disconnecting,
    /// Given up by its owner.
    Disconnected,
}

impl ConnectionState {
    /// Whether somebody gave it up: nothing is to use it any more.
    #[must_use]
    pub const fn is_given_up(self) -> bool {
        matches!(self, Self::Disconnecting | Self::Disconnected)
    }
}

/// A grant, without its secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    /// Ours.
    pub connection_id: ConnectionId,
    /// The organization it acts for.
    pub org_id: OrgId,
    /// How it was obtained.
    pub kind: ConnectionKind,
    /// What it is good for.
    pub state: ConnectionState,
    /// What Drift said it may do, in Drift's order.
    pub scopes: Vec<String>,
    /// The API it was granted by.
    pub api_url: String,
    /// When it was granted.
    pub created_at: Millis,
    /// When it was last used, as far as noted.
    pub last_used_at: Option<Millis>,
    /// When the access token ends; `None` when it does not.
    pub expires_at: Option<Millis>,
}

impl Connection {
    /// For how long it has not been used at `now`, in milliseconds; since it was granted where it never was.
    #[must_use]
    pub fn unused_ms(&self, now: Millis) -> i64 {
        now.since(self.last_used_at.unwrap_or(self.created_at)).max(0)
    }
}

/// The tokens of a connection.
#[derive(Debug, Clone)]
pub struct Tokens {
    /// Sent with every call.
    pub access: Secret,
    /// Exchanged for the next pair; absent for private apps.
    pub refresh: Option<Secret>,
    /// When the access token ends; `None` when it does not.
    pub expires_at: Option<Millis>,
}

const ACCESS: &str = "access_token";
const REFRESH: &str = "refresh_token";

const INSERT: &str = "
    INSERT INTO connections (connection_id, org_id, kind, state, scopes, api_url, created_at, last_used_at, expires_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";

/// Store a new connection with its tokens.
///
/// # Errors
/// [`StoreError::Conflict`] when the id is taken, or the database's error.
pub async fn insert(tx: &mut Tx, new: &Connection, tokens: &Tokens, vault: &Vault) -> Result<(), StoreError> {
    on_tx!(tx, conn => sqlx::query(INSERT)
        .bind(&new.connection_id.0)
        .bind(new.org_id.0)
        .bind(new.kind.as_str())
        .bind(new.state.as_str())
        .bind(new.scopes.join(" "))
        .bind(&new.api_url)
        .bind(new.created_at.0)
        .bind(new.last_used_at.map(|at| at.0))
        .bind(tokens.expires_at.map(|at| at.0))
        .execute(conn)
        .await
        .map(drop))?;
    save_tokens(tx, &new.connection_id, tokens, vault, new.created_at).await
}

const OF_ORG: &str = "
    SELECT connection_id, org_id, kind, state, scopes, api_url, created_at, last_used_at, expires_at
    FROM connections
    WHERE org_id = $1
    ORDER BY CASE WHEN state IN ('disconnecting', 'disconnected') THEN 1 ELSE 0 END, created_at DESC, connection_id DESC
    LIMIT 1";

/// The connection to use for an organization: the newest that was not given up, else the newest.
///
/// # Errors
/// The database's error.
pub async fn get(db: &Db, org: OrgId) -> Result<Option<Connection>, StoreError> {
    let row: Option<ConnectionRow> =
        on_db!(db, pool => sqlx::query_as(OF_ORG).bind(org.0).fetch_optional(pool).await)?;
    row.map(Connection::try_from).transpose()
}

const OF_ID: &str = "
    SELECT connection_id, org_id, kind, state, scopes, api_url, created_at, last_used_at, expires_at
    FROM connections WHERE connection_id = $1";

/// The connection of that id.
///
/// # Errors
/// The database's error.
pub async fn of_id(db: &Db, connection: &ConnectionId) -> Result<Option<Connection>, StoreError> {
    let row: Option<ConnectionRow> =
        on_db!(db, pool => sqlx::query_as(OF_ID).bind(&connection.0).fetch_optional(pool).await)?;
    row.map(Connection::try_from).transpose()
}

const NOT_ENDED: &str = "
    SELECT connection_id, org_id, kind, state, scopes, api_url, created_at, last_used_at, expires_at
    FROM connections WHERE state <> 'disconnected' AND ($1 = 0 OR org_id = $1) AND connection_id > $2
    ORDER BY connection_id LIMIT $3";

/// A page of the connections that have not ended, of one organization or all, by id after `after` (empty: from the
/// beginning).
///
/// # Errors
/// The database's error.
pub async fn not_ended(
    db: &Db,
    org: Option<OrgId>,
    after: &ConnectionId,
    limit: u32,
) -> Result<Vec<Connection>, StoreError> {
    let rows: Vec<ConnectionRow> = on_db!(db, pool => sqlx::query_as(NOT_ENDED)
        .bind(org.map_or(0, |org| org.0))
        .bind(&after.0)
        .bind(i64::from(limit))
        .fetch_all(pool)
        .await)?;
    rows.into_iter().map(Connection::try_from).collect()
}

const OF_ORG_ALL: &str = "
    SELECT connection_id, org_id, kind, state, scopes, api_url, created_at, last_used_at, expires_at
    FROM connections WHERE org_id = $1 ORDER BY created_at DESC, connection_id DESC LIMIT 100";

/// The connections of an organization, newest first; at most a hundred.
///
/// # Errors
/// The database's error.
pub async fn of_org(db: &Db, org: OrgId) -> Result<Vec<Connection>, StoreError> {
    let rows: Vec<ConnectionRow> =
        on_db!(db, pool => sqlx::query_as(OF_ORG_ALL).bind(org.0).fetch_all(pool).await)?;
    rows.into_iter().map(Connection::try_from).collect()
}

const LIST: &str = "
    SELECT connection_id, org_id, kind, state, scopes, api_url, created_at, last_used_at, expires_at
    FROM connections ORDER BY created_at, connection_id LIMIT 1000";

/// All connections, oldest first; at most 1,000.
///
/// # Errors
/// The database's error.
pub async fn list(db: &Db) -> Result<Vec<Connection>, StoreError> {
    let rows: Vec<ConnectionRow> = on_db!(db, pool => sqlx::query_as(LIST).fetch_all(pool).await)?;
    rows.into_iter().map(Connection::try_from).collect()
}

const SET_EXPIRY: &str = "UPDATE connections SET expires_at = $2 WHERE connection_id = $1";

/// Replace a connection's tokens. A missing refresh token leaves the stored one.
///
/// # Errors
/// [`StoreError::NotFound`] when there is no such connection, or the database's error.
pub async fn save_tokens(
    tx: &mut Tx,
    connection: &ConnectionId,
    tokens: &Tokens,
    vault: &Vault,
    now: Millis,
) -> Result<(), StoreError> {
    put_secret(tx, connection, ACCESS, &tokens.access, vault, now).await?;
    if let Some(refresh) = &tokens.refresh {
        put_secret(tx, connection, REFRESH, refresh, vault, now).await?;
    }
    on_tx!(tx, conn => sqlx::query(SET_EXPIRY)
        .bind(&connection.0)
        .bind(tokens.expires_at.map(|at| at.0))
        .execute(conn)
        .await
        .map(drop))?;
    Ok(())
}

/// A connection's tokens in the clear; `None` when it has none.
///
/// # Errors
/// [`StoreError::Vault`] when they do not open, or the database's error.
pub async fn tokens(db: &Db, connection: &ConnectionId, vault: &Vault) -> Result<Option<Tokens>, StoreError> {
    let Some((access, expires_at)) = opened(db, connection, ACCESS, vault).await? else { return Ok(None) };
    let refresh = secret(db, connection, REFRESH, vault).await?;
    Ok(Some(Tokens { access, refresh, expires_at }))
}

const ORG_AND_VERSION: &str = "
    SELECT connections.org_id AS org_id, COALESCE(secrets.version, 0) AS version
    FROM connections LEFT JOIN secrets
      ON secrets.connection_id = connections.connection_id AND secrets.kind = $2
    WHERE connections.connection_id = $1";
const PUT: &str = "
    INSERT INTO secrets (connection_id, kind, version, sealed, saved_at, data_key_id)
    VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (connection_id, kind) DO UPDATE
    SET version = excluded.version, sealed = excluded.sealed, saved_at = excluded.saved_at,
        data_key_id = excluded.data_key_id";

/// Seal and store one secret of a connection, such as the app's client secret.
///
/// # Errors
/// [`StoreError::NotFound`] when there is no such connection, or the database's error.
pub async fn put_secret(
    tx: &mut Tx,
    connection: &ConnectionId,
    kind: &str,
    secret: &Secret,
    vault: &Vault,
    now: Millis,
) -> Result<(), StoreError> {
    let found: Option<(i64, i64)> = on_tx!(tx, conn => sqlx::query_as(ORG_AND_VERSION)
        .bind(&connection.0)
        .bind(kind)
        .fetch_optional(conn)
        .await)?;
    let (org, last) = found.ok_or(StoreError::NotFound { what: "connection" })?;
    let version = last + 1;
    let place = place(OrgId(org), &connection.0, kind, version);
    let plain = secret.expose().as_bytes();
    let (sealed, data_key) = vault.seal(tx, &connection.0, &place, plain, now).await?;
    on_tx!(tx, conn => sqlx::query(PUT)
        .bind(&connection.0)
        .bind(kind)
        .bind(version)
        .bind(sealed)
        .bind(now.0)
        .bind(data_key)
        .execute(conn)
        .await
        .map(drop))?;
    Ok(())
}

/// One secret of a connection in the clear.
///
/// # Errors
/// [`StoreError::Vault`] when it does not open, or the database's error.
pub async fn secret(
    db: &Db,
    connection: &ConnectionId,
    kind: &str,
    vault: &Vault,
) -> Result<Option<Secret>, StoreError> {
    Ok(opened(db, connection, kind, vault).await?.map(|(secret, _)| secret))
}

/// A secret and its data key are read in one statement: they fit each other, whatever replaces them meanwhile.
const SEALED: &str = "
    SELECT connections.connection_id AS connection_id, connections.org_id AS org_id,
           connections.expires_at AS expires_at, secrets.version AS version, secrets.sealed AS sealed,
           data_keys.data_key_id AS data_key_id, data_keys.owner AS owner, data_keys.wrapped AS wrapped,
           data_keys.key_id AS key_id, honey_tokens.honey_id AS honey_id
    FROM connections JOIN secrets ON secrets.connection_id = connections.connection_id
    LEFT JOIN data_keys ON data_keys.data_key_id = secrets.data_key_id
    LEFT JOIN honey_tokens ON honey_tokens.honey_id = connections.connection_id
    WHERE connections.connection_id = $1 AND secrets.kind = $2";

/// One secret in the clear, with the end of its connection's access token.
async fn opened(
    db: &Db,
    connection: &ConnectionId,
    kind: &str,
    vault: &Vault,
) -> Result<Option<(Secret, Option<Millis>)>, StoreError> {
    let mut is_second = false;
    loop {
        let row: Option<SealedRow> = on_db!(db, pool => sqlx::query_as(SEALED)
            .bind(&connection.0)
            .bind(kind)
            .fetch_optional(pool)
            .await)?;
        let Some(row) = row else { return Ok(None) };
        if row.honey_id.is_some() {
            honey::read(db, &row.connection_id).await?;
        }
        let expires_at = row.expires_at.map(Millis);
        match row.open(kind, vault).await {
            // Between the look at the row and at the keys a change of keys may have ended.
            Err(VaultError::WrongKey { .. }) if !is_second => is_second = true,
            opened => return Ok(Some((opened?, expires_at))),
        }
    }
}

/// Decoys were given up, and so are not among these.
const OF_KIND: &str = "
    SELECT connections.connection_id AS connection_id, connections.org_id AS org_id,
           connections.expires_at AS expires_at, secrets.version AS version, secrets.sealed AS sealed,
           data_keys.data_key_id AS data_key_id, data_keys.owner AS owner, data_keys.wrapped AS wrapped,
           data_keys.key_id AS key_id, CAST(NULL AS TEXT) AS honey_id
    FROM connections JOIN secrets ON secrets.connection_id = connections.connection_id
    LEFT JOIN data_keys ON data_keys.data_key_id = secrets.data_key_id
    WHERE secrets.kind = $1 AND connections.state NOT IN ('disconnecting', 'disconnected')
    ORDER BY connections.created_at, connections.connection_id LIMIT 1000";

/// One kind of secret of every connection that was not given up, in the clear; at most 1,000.
///
/// # Errors
/// [`StoreError::Vault`] when one does not open, or the database's error.
pub async fn secrets_of_kind(
    db: &Db,
    kind: &str,
    vault: &Vault,
) -> Result<Vec<(ConnectionId, OrgId, Secret)>, StoreError> {
    let rows: Vec<SealedRow> = on_db!(db, pool => sqlx::query_as(OF_KIND).bind(kind).fetch_all(pool).await)?;
    let mut secrets = Vec::with_capacity(rows.len());
    for row in rows {
        let (id, org) = (ConnectionId(row.connection_id.clone()), OrgId(row.org_id));
        let secret = match row.open(kind, vault).await {
            // The keys were changed since the rows were read, or the connection was ended.
            Err(VaultError::WrongKey { .. }) => match self::secret(db, &id, kind, vault).await? {
                Some(secret) => secret,
                None => continue,
            },
            opened => opened?,
        };
        secrets.push((id, org, secret));
    }
    Ok(secrets)
}

/// What was given up stays so, whatever is noted of it.
const SET_STATE: &str = "
    UPDATE connections SET state = $2 WHERE connection_id = $1
        AND (state NOT IN ('disconnecting', 'disconnected') OR $2 = 'disconnected')";

/// Note what a connection is good for; of one that was given up nothing else is noted any more. Once it is disconnected its
/// secrets and their data key are destroyed.
///
/// # Errors
/// The database's error.
pub async fn set_state(
    tx: &mut Tx,
    connection: &ConnectionId,
    state: ConnectionState,
) -> Result<(), StoreError> {
    set_state_counting(tx, connection, state).await.map(drop)
}

/// The same; answers how many data keys were destroyed.
pub(crate) async fn set_state_counting(
    tx: &mut Tx,
    connection: &ConnectionId,
    state: ConnectionState,
) -> Result<u64, StoreError> {
    on_tx!(tx, conn => sqlx::query(SET_STATE)
        .bind(&connection.0)
        .bind(state.as_str())
        .execute(conn)
        .await
        .map(drop))?;
    if state == ConnectionState::Disconnected { vault::destroy(tx, connection).await } else { Ok(0) }
}

const HOLD: &str = "
    UPDATE connections SET last_used_at = $2 WHERE connection_id = $1 AND state <> 'disconnected'";

/// Note that a connection was used, and keep others from ending it until this transaction ends; answers whether it had not
/// ended before. Whoever writes tokens asks first: what was destroyed stays destroyed.
///
/// # Errors
/// The database's error.
pub async fn hold(tx: &mut Tx, connection: &ConnectionId, now: Millis) -> Result<bool, StoreError> {
    let held = on_tx!(tx, conn => sqlx::query(HOLD)
        .bind(&connection.0)
        .bind(now.0)
        .execute(conn)
        .await
        .map(|done| done.rows_affected()))?;
    Ok(held > 0)
}

/// How coarsely the last use of a connection is noted, in milliseconds.
pub const USE_MS: i64 = 60_000;

const NOTE_USE: &str = "
    UPDATE connections SET last_used_at = $2
    WHERE connection_id = $1 AND state NOT IN ('disconnecting', 'disconnected')
        AND (last_used_at IS NULL OR last_used_at <= $3)";

/// Note that a connection is used now, unless that was noted less than [`USE_MS`] ago, by whichever process.
///
/// # Errors
/// The database's error.
pub async fn note_use(db: &Db, connection: &ConnectionId, now: Millis) -> Result<(), StoreError> {
    let mut tx = db.begin().await?;
    on_tx!(&mut tx, conn => sqlx::query(NOTE_USE)
        .bind(&connection.0)
        .bind(now.0)
        .bind(now.plus(-USE_MS).0)
        .execute(conn)
        .await
        .map(drop))?;
    tx.commit().await
}

const TOUCH: &str = "UPDATE connections SET last_used_at = $2 WHERE connection_id = $1";

/// Note that a connection was used.
///
/// # Errors
/// The database's error.
pub async fn touch(tx: &mut Tx, connection: &ConnectionId, now: Millis) -> Result<(), StoreError> {
    on_tx!(tx, conn => sqlx::query(TOUCH).bind(&connection.0).bind(now.0).execute(conn).await.map(drop))?;
    Ok(())
}

row! {
    struct SealedRow {
        connection_id: String,
        org_id: i64,
        expires_at: Option<i64>,
        version: i64,
        sealed: Vec<u8>,
        data_key_id: Option<String>,
        owner: Option<String>,
        wrapped: Option<Vec<u8>>,
        key_id: Option<String>,
        honey_id: Option<String>,
    }
}

impl SealedRow {
    async fn open(self, kind: &str, vault: &Vault) -> Result<Secret, VaultError> {
        let Self { sealed, data_key_id, owner, wrapped, key_id, .. } = self;
        let place = place(OrgId(self.org_id), &self.connection_id, kind, self.version);
        vault.open_secret(&place, Found { sealed, data_key_id, owner, wrapped, key_id }).await
    }
}

/// Where a secret of a connection lies.
pub(crate) fn place<'a>(org: OrgId, connection: &'a str, kind: &'a str, version: i64) -> Place<'a> {
    Place { org, connection, kind, subject: "", version }
}

row! {
    struct ConnectionRow {
        connection_id: String,
        org_id: i64,
        kind: String,
        state: String,
        scopes: String,
        api_url: String,
        created_at: i64,
        last_used_at: Option<i64>,
        expires_at: Option<i64>,
    }
}

impl TryFrom<ConnectionRow> for Connection {
    type Error = StoreError;
    fn try_from(row: ConnectionRow) -> Result<Self, StoreError> {
        Ok(Self {
            connection_id: ConnectionId(row.connection_id),
            org_id: OrgId(row.org_id),
            kind: ConnectionKind::parse_stored(&row.kind)?,
            state: ConnectionState::parse_stored(&row.state)?,
            scopes: row.scopes.split_whitespace().map(str::to_owned).collect(),
            api_url: row.api_url,
            created_at: Millis(row.created_at),
            last_used_at: row.last_used_at.map(Millis),
            expires_at: row.expires_at.map(Millis),
        })
    }
}

impl ConnectionKind {
    /// The stored word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Private => "private",
            Self::OAuth => "oauth",
        }
    }

    fn parse_stored(word: &str) -> Result<Self, StoreError> {
        match word {
            "private" => Ok(Self::Private),
            "oauth" => Ok(Self::OAuth),
            _ => Err(StoreError::Stored { what: "connection kind" }),
        }
    }
}

impl ConnectionState {
    /// The stored word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
            Self::Disconnecting => "disconnecting",
            Self::Disconnected => "disconnected",
        }
    }

    fn parse_stored(word: &str) -> Result<Self, StoreError> {
        match word {
            "active" => Ok(Self::Active),
            "expired" => Ok(Self::Expired),
            "revoked" => Ok(Self::Revoked),
            "disconnecting" => Ok(Self::Disconnecting),
            "disconnected" => Ok(Self::Disconnected),
            _ => Err(StoreError::Stored { what: "connection state" }),
        }
    }
}

pub(crate) const STATEMENTS: &[(&str, &str)] = &[
    ("connections::INSERT", INSERT),
    ("connections::OF_ORG", OF_ORG),
    ("connections::OF_ID", OF_ID),
    ("connections::NOT_ENDED", NOT_ENDED),
    ("connections::OF_ORG_ALL", OF_ORG_ALL),
    ("connections::LIST", LIST),
    ("connections::SET_EXPIRY", SET_EXPIRY),
    ("connections::ORG_AND_VERSION", ORG_AND_VERSION),
    ("connections::PUT", PUT),
    ("connections::SEALED", SEALED),
    ("connections::OF_KIND", OF_KIND),
    ("connections::SET_STATE", SET_STATE),
    ("connections::HOLD", HOLD),
    ("connections::NOTE_USE", NOTE_USE),
    ("connections::TOUCH", TOUCH),
];

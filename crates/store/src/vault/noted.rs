//! The wrapping keys that the database knows, by name alone. One is current: every new data key is wrapped with it,
//! whichever keys the process at hand holds.
//!
//! So a change of keys is one update, and holds for all processes at once: whoever wraps reads the name in the transaction
//! that stores what it wrapped, and the update waits for those transactions (PostgreSQL: `FOR SHARE`).

use model::Millis;

use crate::db::{Db, Tx};
use crate::error::StoreError;
use crate::mirror::state::Pair;
use crate::vault::{KeyId, Vault, VaultError};

const NOTED: &str = "SELECT key_id FROM wrapping_keys WHERE state = 'current'";
const FOR_WRAPPING: Pair = Pair {
    sqlite: "SELECT key_id FROM wrapping_keys WHERE state = 'current'",
    postgres: "SELECT key_id FROM wrapping_keys WHERE state = 'current' FOR SHARE",
};
const NOTE: &str = "
    INSERT INTO wrapping_keys (key_id, state, first_used_at) VALUES ($1, 'current', $2)
    ON CONFLICT DO NOTHING";
/// How often the current key is looked for while another process changes it.
const TRIES_MAX: u32 = 3;

/// What a wrapping key is to a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyState {
    /// New data keys are wrapped with it.
    Current,
    /// Another is current, and some data keys may still be wrapped with this one.
    Retiring,
    /// Nothing is wrapped with it.
    Retired,
}

/// A wrapping key that the database has known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotedKey {
    /// Its name.
    pub key_id: KeyId,
    /// What it is to the database.
    pub state: KeyState,
    /// When it became current.
    pub first_used_at: Millis,
    /// When nothing was wrapped with it any more.
    pub retired_at: Option<Millis>,
    /// Data keys that it wraps.
    pub data_keys: i64,
}

row! {
    struct NotedRow {
        key_id: String,
        state: String,
        first_used_at: i64,
        retired_at: Option<i64>,
        data_keys: i64,
    }
}

const ALL: &str = "
    SELECT key_id, state, first_used_at, retired_at,
           (SELECT COUNT(*) FROM data_keys WHERE data_keys.key_id = wrapping_keys.key_id) AS data_keys
    FROM wrapping_keys ORDER BY first_used_at DESC, key_id LIMIT 1000";

/// The wrapping keys that the database has known, the newest first; at most 1,000.
///
/// # Errors
/// The database's error.
pub(super) async fn all(db: &Db) -> Result<Vec<NotedKey>, StoreError> {
    let rows: Vec<NotedRow> = on_db!(db, pool => sqlx::query_as(ALL).fetch_all(pool).await)?;
    rows.into_iter().map(NotedKey::try_from).collect()
}

const RETIRING: &str = "UPDATE wrapping_keys SET state = 'retiring' WHERE state = 'current' AND key_id <> $1";
const SWITCH: &str = "
    INSERT INTO wrapping_keys (key_id, state, first_used_at) VALUES ($1, 'current', $2)
    ON CONFLICT (key_id) DO NOTHING";
const RETIRED: &str = "UPDATE wrapping_keys SET state = 'retired', retired_at = $2 WHERE key_id = $1";

/// Make a key that is not known yet the current one. Waits for whoever is just wrapping with the one before.
pub(super) async fn switch(tx: &mut Tx, to: &KeyId, now: Millis) -> Result<(), StoreError> {
    on_tx!(tx, conn => sqlx::query(RETIRING).bind(to.as_str()).execute(conn).await.map(drop))?;
    on_tx!(tx, conn => sqlx::query(SWITCH).bind(to.as_str()).bind(now.0).execute(conn).await.map(drop))?;
    Ok(())
}

/// Note that nothing is wrapped with a key any more.
pub(super) async fn retired(tx: &mut Tx, key: &KeyId, now: Millis) -> Result<(), StoreError> {
    on_tx!(tx, conn => sqlx::query(RETIRED).bind(key.as_str()).bind(now.0).execute(conn).await.map(drop))?;
    Ok(())
}

/// The name of the wrapping key that the database was last used with; `None` for one that has sealed nothing yet.
///
/// # Errors
/// The database's error.
pub async fn noted(db: &Db) -> Result<Option<KeyId>, StoreError> {
    let found: Option<String> = on_db!(db, pool => sqlx::query_scalar(NOTED).fetch_optional(pool).await)?;
    Ok(found.map(KeyId::named))
}

/// The key to wrap with, held until the transaction ends. The first one ever is noted.
pub(super) async fn for_wrapping(tx: &mut Tx, vault: &Vault, now: Millis) -> Result<KeyId, StoreError> {
    for _ in 0..TRIES_MAX {
        let text = FOR_WRAPPING.of(tx);
        let found: Option<String> = on_tx!(tx, conn => sqlx::query_scalar(text).fetch_optional(conn).await)?;
        if let Some(found) = found {
            return Ok(KeyId::named(found));
        }
        let newest = newest(vault).await?;
        on_tx!(tx, conn => sqlx::query(NOTE).bind(newest.as_str()).bind(now.0).execute(conn).await.map(drop))?;
    }
    Err(StoreError::Contention)
}

/// The newest key at hand.
pub(super) async fn newest(vault: &Vault) -> Result<KeyId, VaultError> {
    let mut ids = vault.keys.ids().await?;
    ids.pop().ok_or_else(|| VaultError::KeyCount { place: vault.keys.name(), count: 0 })
}

impl TryFrom<NotedRow> for NotedKey {
    type Error = StoreError;
    fn try_from(row: NotedRow) -> Result<Self, StoreError> {
        Ok(Self {
            key_id: KeyId::named(row.key_id),
            state: KeyState::parse_stored(&row.state)?,
            first_used_at: Millis(row.first_used_at),
            retired_at: row.retired_at.map(Millis),
            data_keys: row.data_keys,
        })
    }
}

impl KeyState {
    /// The stored word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::Retiring => "retiring",
            Self::Retired => "retired",
        }
    }

    fn parse_stored(word: &str) -> Result<Self, StoreError> {
        match word {
            "current" => Ok(Self::Current),
            "retiring" => Ok(Self::Retiring),
            "retired" => Ok(Self::Retired),
            _ => Err(StoreError::Stored { what: "key state" }),
        }
    }
}

pub(crate) const STATEMENTS: &[(&str, &str)] = &[
    ("noted::NOTED", NOTED),
    ("noted::NOTE", NOTE),
    ("noted::ALL", ALL),
    ("noted::RETIRING", RETIRING),
    ("noted::SWITCH", SWITCH),
    ("noted::RETIRED", RETIRED),
];
pub(crate) const PAIRS: &[(&str, &Pair)] = &[("noted::FOR_WRAPPING", &FOR_WRAPPING)];

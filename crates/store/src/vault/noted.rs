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

pub(crate) const STATEMENTS: &[(&str, &str)] = &[("noted::NOTED", NOTED), ("noted::NOTE", NOTE)];
pub(crate) const PAIRS: &[(&str, &Pair)] = &[("noted::FOR_WRAPPING", &FOR_WRAPPING)];

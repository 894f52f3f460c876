//! The key that pseudonyms are made with: one for each organization, made once and sealed by the vault.
//!
//! As long as it stays the same, a person is the same pseudonym in every export, so that joins still work. Once it is erased,
//! what was exported can be led back to nobody by hashing guesses.

use model::{Millis, OrgId};
use zeroize::Zeroizing;

use crate::db::Db;
use crate::error::StoreError;
use crate::vault::Vault;

/// What the key is to the vault.
const KIND: &str = "mask_key";
const KEY_BYTES: usize = 32;

/// What pseudonyms are made with. Wiped when dropped, never shown.
pub struct MaskKey(Zeroizing<Vec<u8>>);

impl MaskKey {
    /// A key of these bytes.
    #[must_use]
    pub const fn of(bytes: Zeroizing<Vec<u8>>) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    #[must_use]
    pub fn reveal(&self) -> &[u8] {
        &self.0
    }
}

impl std::fmt::Debug for MaskKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MaskKey")
    }
}

const KEY: &str = "SELECT sealed FROM mask_keys WHERE org_id = $1";
const INSERT: &str =
    "INSERT INTO mask_keys (org_id, sealed, created_at) VALUES ($1, $2, $3) ON CONFLICT (org_id) DO NOTHING";

/// The organization's key, made when there is none yet.
///
/// # Errors
/// [`StoreError::Vault`] when it does not open, or the database's error.
pub async fn mask_key(db: &Db, vault: &Vault, org: OrgId, now: Millis) -> Result<MaskKey, StoreError> {
    let subject = org.0.to_string();
    let place = (KIND, subject.as_str());
    if sealed(db, org).await?.is_none() {
        let mut bytes = Zeroizing::new(vec![0; KEY_BYTES]);
        vault.entropy().fill(&mut bytes);
        let mut tx = db.begin().await?;
        let sealed = vault.seal_instance(&mut tx, place, &bytes, now).await?;
        on_tx!(&mut tx, conn => sqlx::query(INSERT)
            .bind(org.0)
            .bind(sealed)
            .bind(now.0)
            .execute(conn)
            .await
            .map(drop))?;
        tx.commit().await?;
    }
    // Somebody else may have been faster: theirs is the one.
    let sealed = sealed(db, org).await?.ok_or(StoreError::Stored { what: "mask key" })?;
    Ok(MaskKey(vault.open_instance_bytes(db, place, &sealed).await?))
}

async fn sealed(db: &Db, org: OrgId) -> Result<Option<Vec<u8>>, StoreError> {
    Ok(on_db!(db, pool => sqlx::query_scalar(KEY).bind(org.0).fetch_optional(pool).await)?)
}

pub(crate) const STATEMENTS: &[(&str, &str)] = &[("mask_keys::KEY", KEY), ("mask_keys::INSERT", INSERT)];

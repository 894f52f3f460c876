//! The key that signs checkpoints: Ed25519, made once, its private half sealed by the vault.
//!
//! It is a key of its own and not derived from the vault's, so that it outlives a change of that one, and so that whoever
//! checks needs only the public half.

use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use model::Millis;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::append;
use super::checkpoint::Checkpoint;
use crate::db::{Db, Tx};
use crate::error::StoreError;
use crate::hash::Encoder;
use crate::vault::{Vault, VaultError};

const SEED_BYTES: usize = 32;
/// What the private half is to the vault; the key's id is whose it is.
const KIND: &str = "audit_key";
/// What a signed file begins with, and a checkpoint does not.
const FILE: &[u8] = b"longshore file 1\n";
/// An Ed25519 public key.
pub type PublicKey = [u8; 32];

/// What signs checkpoints. Wiped when dropped, never shown.
pub struct Signer(SigningKey);

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Signer({})", key_id(&self.public_key()))
    }
}

impl Signer {
    /// The half that others check with.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        self.0.verifying_key().to_bytes()
    }

    /// Sign what a file says. No checkpoint can be taken for it, nor it for a checkpoint.
    #[must_use]
    pub fn attest(&self, text: &[u8]) -> Vec<u8> {
        self.0.sign(&statement(text)).to_bytes().to_vec()
    }

    /// Sign a statement of how far the log has come.
    pub(super) fn sign(&self, mut unsigned: Checkpoint) -> Checkpoint {
        unsigned.public_key = self.public_key().to_vec();
        let signature = self.0.sign(Encoder::default().audit_checkpoint(&unsigned));
        unsigned.signature = signature.to_bytes().to_vec();
        unsigned
    }
}

/// Whether a key signed by [`Signer::attest`] just this.
#[must_use]
pub fn attested(public_key: &PublicKey, text: &[u8], signature: &[u8]) -> bool {
    let key = VerifyingKey::from_bytes(public_key).ok();
    let signature = Signature::from_slice(signature).ok();
    let (Some(key), Some(signature)) = (key, signature) else { return false };
    key.verify_strict(&statement(text), &signature).is_ok()
}

fn statement(text: &[u8]) -> Vec<u8> {
    [FILE, text].concat()
}

/// The name of a public key: the first 16 digits of its hash.
#[must_use]
pub fn key_id(public_key: &[u8]) -> String {
    hex::encode(Sha256::digest(public_key))[..16].to_owned()
}

const NEWEST_KEY: &str = "
    SELECT key_id, public_key, sealed FROM audit_keys ORDER BY created_at DESC, key_id DESC LIMIT 1";
const INSERT_KEY: &str =
    "INSERT INTO audit_keys (key_id, public_key, sealed, created_at) VALUES ($1, $2, $3, $4)";
const LIST_KEYS: &str =
    "SELECT key_id, public_key, sealed FROM audit_keys ORDER BY created_at, key_id LIMIT 1000";

row! {
    struct KeyRow {
        key_id: String,
        public_key: Vec<u8>,
        sealed: Vec<u8>,
    }
}

impl KeyRow {
    async fn open(&self, db: &Db, vault: &Vault) -> Result<Signer, StoreError> {
        let seed = vault.open_instance_bytes(db, (KIND, &self.key_id), &self.sealed).await?;
        let seed: &[u8; SEED_BYTES] = seed.as_slice().try_into().map_err(|_| VaultError::Damaged)?;
        let signer = Signer(SigningKey::from_bytes(seed));
        // Somebody who put a public key of their own into the row has no private half that the vault would open.
        if signer.public_key().as_slice() != self.public_key {
            return Err(VaultError::Damaged.into());
        }
        Ok(signer)
    }
}

/// The key that signs, made when there is none yet.
///
/// # Errors
/// [`StoreError::Vault`] when it does not open or is not the one whose public half is stored, or the database's error.
pub async fn signer(db: &Db, vault: &Vault, now: Millis) -> Result<Signer, StoreError> {
    let known: Option<KeyRow> = on_db!(db, pool => sqlx::query_as(NEWEST_KEY).fetch_optional(pool).await)?;
    if let Some(known) = known {
        return known.open(db, vault).await;
    }
    let mut tx = db.begin().await?;
    // Of two processes that make one at once, the second waits here and then finds the first's.
    append::take_head(&mut tx).await?;
    let known: Option<KeyRow> = on_tx!(tx, conn => sqlx::query_as(NEWEST_KEY).fetch_optional(conn).await)?;
    let signer = match known {
        Some(known) => known.open(db, vault).await?,
        None => make(&mut tx, vault, now).await?,
    };
    tx.commit().await?;
    Ok(signer)
}

async fn make(tx: &mut Tx, vault: &Vault, now: Millis) -> Result<Signer, StoreError> {
    let mut seed = Zeroizing::new([0; SEED_BYTES]);
    vault.entropy().fill(seed.as_mut_slice());
    let signer = Signer(SigningKey::from_bytes(&seed));
    let public_key = signer.public_key();
    let id = key_id(&public_key);
    let sealed = vault.seal_instance(tx, (KIND, &id), seed.as_slice(), now).await?;
    on_tx!(tx, conn => sqlx::query(INSERT_KEY)
        .bind(id)
        .bind(public_key.as_slice())
        .bind(sealed)
        .bind(now.0)
        .execute(conn)
        .await
        .map(drop))?;
    Ok(signer)
}

/// The public halves of all keys that ever signed, as stored.
///
/// # Errors
/// The database's error.
pub async fn public_keys(db: &Db) -> Result<Vec<Vec<u8>>, StoreError> {
    let rows: Vec<KeyRow> = on_db!(db, pool => sqlx::query_as(LIST_KEYS).fetch_all(pool).await)?;
    Ok(rows.into_iter().map(|row| row.public_key).collect())
}

/// Hold every stored public key against the private half that the vault opens; answers how many there are.
///
/// # Errors
/// [`StoreError::Vault`] when one does not open, or is another's; or the database's error.
pub async fn check_keys(db: &Db, vault: &Vault) -> Result<usize, StoreError> {
    let rows: Vec<KeyRow> = on_db!(db, pool => sqlx::query_as(LIST_KEYS).fetch_all(pool).await)?;
    for row in &rows {
        row.open(db, vault).await?;
    }
    Ok(rows.len())
}

pub(crate) const STATEMENTS: &[(&str, &str)] =
    &[("audit::NEWEST_KEY", NEWEST_KEY), ("audit::INSERT_KEY", INSERT_KEY), ("audit::LIST_KEYS", LIST_KEYS)];

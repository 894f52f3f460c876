//! Secrets at rest, sealed in two layers: a secret with the data key of its connection, the data key with a wrapping key
//! that lies outside the database.
//!
//! So wrapping keys are changed without touching secrets, a connection's secrets end with its data key, and a key management
//! service can hold what opens all of them ([`Wrapping`]). Ciphertexts carry their format and the name of their data key,
//! wrapped data keys the name of their wrapping key: a wrong key is named at once instead of looking like damage.
//! What is inside comes out as a [`Secret`], to whoever names the place it lies at.

mod data_key;
mod error;
mod instance;
mod key;
mod key_file;
mod key_text;
mod noted;
mod overview;
mod ring;
mod rotate;
mod rotate_rows;
mod sealed;
mod wrapping;

use std::sync::Arc;

use model::{Entropy, Millis, Secret};
use zeroize::Zeroizing;

pub use data_key::destroy;
pub use error::VaultError;
pub use key::{KEY_BYTES, Key, KeyId};
pub use key_file::{KeyFile, parse as parse_keys};
pub use key_text::KeyText;
pub use noted::{KeyState, NotedKey, noted};
pub use overview::{Overview, SecretState, overview, secrets_of};
pub use ring::Ring;
pub use rotate::{Chosen, ROTATE_BATCH, ROTATE_BATCH_MAX, RotateOptions, Rotated, Rotation};
pub use wrapping::{KeySource, Removed, Wrapping};

use crate::db::{Db, Tx};
use crate::error::StoreError;
use crate::mirror::state::Pair;
use data_key::DataKeyRow;
pub(crate) use data_key::INSTANCE;
pub(crate) use sealed::Place;
use sealed::{NONCE_BYTES, SealedWith};

/// Wrapping keys at hand at once: one, or two while they are changed; more only by mistake.
pub const KEYS_MAX: usize = 16;

/// Wrapping keys with the randomness that sealing needs: what the functions of [`crate::connections`] take. Clones share it.
#[derive(Clone)]
pub struct Vault {
    keys: Arc<dyn Wrapping>,
    entropy: Arc<dyn Entropy>,
    instance: Arc<tokio::sync::Mutex<Option<instance::Kept>>>,
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Vault").field("keys", &self.keys.name()).finish_non_exhaustive()
    }
}

impl Vault {
    /// A vault of one wrapping key.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "whoever makes a vault gives its key away")]
    pub fn new(key: Key, entropy: Arc<dyn Entropy>) -> Self {
        let ring = Ring::of(&key, Arc::clone(&entropy));
        Self::over(Arc::new(ring), entropy)
    }

    /// A vault over whatever wraps.
    #[must_use]
    pub fn over(keys: Arc<dyn Wrapping>, entropy: Arc<dyn Entropy>) -> Self {
        Self { keys, entropy, instance: Arc::default() }
    }

    /// Where its wrapping keys are, for a person.
    #[must_use]
    pub fn name(&self) -> String {
        self.keys.name()
    }

    /// Hold the keys against the database: the first one is noted, and one that it was sealed with must be at hand. Call it
    /// right after opening, so that a wrong key file is named at once and not when the first token is needed.
    ///
    /// # Errors
    /// [`VaultError::WrongKey`] as [`StoreError::Vault`], or the database's error.
    pub async fn check(&self, db: &Db, now: Millis) -> Result<(), StoreError> {
        if let Some(expected) = noted(db).await? {
            let found = self.keys.ids().await?;
            if !found.contains(&expected) {
                let found = noted::newest(self).await?;
                return Err(VaultError::WrongKey { expected, found }.into());
            }
        }
        self.instance_key(db, now).await.map(drop)
    }

    /// Seal bytes with the data key of `owner`; answers them with the data key's name.
    pub(crate) async fn seal(
        &self,
        tx: &mut Tx,
        owner: &str,
        place: &Place<'_>,
        plain: &[u8],
        now: Millis,
    ) -> Result<(Vec<u8>, String), StoreError> {
        let (id, key) = self.sealing_key(tx, owner, now).await?;
        Ok((sealed::seal((id, &key), place, plain, self.entropy.as_ref()), id.to_text()))
    }

    /// Open bytes of either format; `row` is the data key that lies beside them.
    async fn open(
        &self,
        place: &Place<'_>,
        sealed: &[u8],
        row: Option<DataKeyRow>,
    ) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        match sealed::sealed_with(sealed)? {
            SealedWith::Wrapping(id) => {
                let key = self.keys.first_format(&id).await?;
                sealed::open(&key, place, sealed)
            }
            SealedWith::Data(id) => {
                let row = row.ok_or(VaultError::Destroyed)?;
                if row.data_key_id != id.to_text() {
                    return Err(VaultError::Damaged);
                }
                sealed::open(&self.unwrap(&row).await?, place, sealed)
            }
        }
    }

    /// Open a secret of the table `secrets`, read with its data key.
    pub(crate) async fn open_secret(&self, place: &Place<'_>, row: Found) -> Result<Secret, VaultError> {
        let key = match (row.data_key_id, row.owner, row.wrapped, row.key_id) {
            (Some(data_key_id), Some(owner), Some(wrapped), Some(key_id)) => {
                Some(DataKeyRow { data_key_id, owner, wrapped, key_id })
            }
            _ => None,
        };
        secret(&self.open(place, &row.sealed, key).await?)
    }
}

/// A sealed text as it was found beside its data key, where that is still there.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) sealed: Vec<u8>,
    pub(crate) data_key_id: Option<String>,
    pub(crate) owner: Option<String>,
    pub(crate) wrapped: Option<Vec<u8>>,
    pub(crate) key_id: Option<String>,
}

fn secret(plain: &[u8]) -> Result<Secret, VaultError> {
    std::str::from_utf8(plain).map(Secret::new).map_err(|_| VaultError::Damaged)
}

/// Statements of the vault in one text for both engines.
pub(crate) const STATEMENTS: &[&[(&str, &str)]] = &[
    data_key::STATEMENTS,
    instance::STATEMENTS,
    noted::STATEMENTS,
    overview::STATEMENTS,
    rotate_rows::STATEMENTS,
];
/// Statements of the vault in each engine's words.
pub(crate) const PAIRS: &[&[(&str, &Pair)]] = &[data_key::PAIRS, noted::PAIRS, rotate::PAIRS];

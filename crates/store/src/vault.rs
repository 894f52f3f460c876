//! Secrets at rest: sealed with XChaCha20-Poly1305, each bound to where it lies.
//!
//! A ciphertext carries its format version and the id of its key, so that keys can be changed one day and a wrong
//! one is named at once instead of looking like damage. The associated data binds organization, connection,
//! kind and version: a sealed text moved to another row, or an older one put back, does not open.
//! The nonce is 24 random bytes, long enough to be drawn without a counter.
//!
//! Layout: `1 byte format | 8 bytes key id | 24 bytes nonce | ciphertext and tag`.

mod key;

use std::path::PathBuf;
use std::sync::Arc;

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use model::{ConnectionId, Entropy, EventId, Millis, OrgId, Pii, Secret};
use zeroize::Zeroizing;

pub use key::{Key, KeyId};

use crate::db::Db;
use crate::error::StoreError;

const FORMAT: u8 = 1;
const NONCE_BYTES: usize = 24;
const HEAD_BYTES: usize = 1 + KeyId::BYTES + NONCE_BYTES;
/// What a sealed check holds: its only use is that the right key opens it.
const CHECK: &[u8] = b"longshore vault check";

/// What the vault refuses, and why.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The text was sealed with another key.
    #[error("the secrets were sealed with key {expected}, the key at hand is {found}")]
    WrongKey {
        /// The id of the key that sealed it.
        expected: KeyId,
        /// The id of the key at hand.
        found: KeyId,
    },
    /// The sealed text is damaged, or lies where it was not put.
    #[error("a sealed secret does not open: it is damaged, or not where it was put")]
    Damaged,
    /// The sealed text is of a format this program does not know.
    #[error("a sealed secret has format {0}, which this program does not know")]
    Format(u8),
    /// The key's text is not 32 bytes of hex or base64.
    #[error("the key is not 32 bytes in hexadecimal or base64")]
    KeyText,
    /// The key file may be read by others.
    #[error("the key file {path} may be read by others (mode {mode:o})")]
    KeyFileMode {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// The key file can be neither read nor made.
    #[error("the key file {path} cannot be read or made")]
    KeyFile {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
}

impl VaultError {
    /// What a person can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::WrongKey { .. } => {
                "use the key file or environment key with which this database was first connected"
            }
            Self::Damaged => "connect again: the stored token cannot be used",
            Self::Format(_) => "install the newer version of this program",
            Self::KeyText => "give 64 hexadecimal digits, or 32 bytes in base64",
            Self::KeyFileMode { .. } => "run chmod 600 on the key file",
            Self::KeyFile { .. } => "check that the folder exists and may be written by this user",
        })
    }
}

/// Where a secret lies; part of what is authenticated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Aad<'a> {
    /// The organization the secret acts for.
    pub org: OrgId,
    /// The connection it belongs to.
    pub connection: &'a ConnectionId,
    /// What it is, such as `access_token`.
    pub kind: &'a str,
    /// The how-manieth of its kind; rises with every save.
    pub version: i64,
}

impl Aad<'_> {
    /// Every part with its length before it: no two places have the same bytes.
    fn encode(&self, key: &KeyId) -> Vec<u8> {
        let mut bytes = vec![FORMAT];
        bytes.extend_from_slice(key.as_bytes());
        bytes.extend_from_slice(&self.org.0.to_le_bytes());
        bytes.extend_from_slice(&self.version.to_le_bytes());
        for text in [&self.connection.0, self.kind] {
            bytes.extend_from_slice(&(text.len() as u64).to_le_bytes());
            bytes.extend_from_slice(text.as_bytes());
        }
        bytes
    }
}

/// Seal a text for one place.
#[must_use]
pub fn seal(key: &Key, aad: &Aad<'_>, plain: &[u8], entropy: &dyn Entropy) -> Vec<u8> {
    let id = key.id();
    let mut nonce = [0; NONCE_BYTES];
    entropy.fill(&mut nonce);
    let cipher = XChaCha20Poly1305::new(&(*key.bytes()).into());
    let payload = Payload { msg: plain, aad: &aad.encode(&id) };
    let sealed =
        cipher.encrypt(&XNonce::from(nonce), payload).expect("a secret is far below the cipher's limit");
    let mut bytes = Vec::with_capacity(HEAD_BYTES + sealed.len());
    bytes.push(FORMAT);
    bytes.extend_from_slice(id.as_bytes());
    bytes.extend_from_slice(&nonce);
    bytes.extend_from_slice(&sealed);
    bytes
}

/// Open what [`seal`] made for the same place.
///
/// # Errors
/// [`VaultError::WrongKey`] when another key sealed it; [`VaultError::Damaged`] when a byte or the place differs.
pub fn open(key: &Key, aad: &Aad<'_>, sealed: &[u8]) -> Result<Secret, VaultError> {
    let plain = Zeroizing::new(open_bytes(key, aad, sealed)?);
    let text = std::str::from_utf8(&plain).map_err(|_| VaultError::Damaged)?;
    Ok(Secret::new(text))
}

fn open_bytes(key: &Key, aad: &Aad<'_>, sealed: &[u8]) -> Result<Vec<u8>, VaultError> {
    let (head, body) = sealed.split_at_checked(HEAD_BYTES).ok_or(VaultError::Damaged)?;
    if head[0] != FORMAT {
        return Err(VaultError::Format(head[0]));
    }
    let (id, nonce) = head[1..].split_at(KeyId::BYTES);
    let expected = KeyId::from_slice(id);
    let found = key.id();
    if expected != found {
        return Err(VaultError::WrongKey { expected, found });
    }
    let nonce: [u8; NONCE_BYTES] = nonce.try_into().expect("split at the nonce's length");
    let cipher = XChaCha20Poly1305::new(&(*key.bytes()).into());
    let payload = Payload { msg: body, aad: &aad.encode(&found) };
    cipher.decrypt(&XNonce::from(nonce), payload).map_err(|_| VaultError::Damaged)
}

/// A key with the randomness that sealing needs: what the functions of [`crate::connections`] take.
#[derive(Clone)]
pub struct Vault {
    key: Arc<Key>,
    entropy: Arc<dyn Entropy>,
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Vault").field("key", &self.key).finish_non_exhaustive()
    }
}

impl Vault {
    /// Join a key with a source of randomness.
    #[must_use]
    pub fn new(key: Key, entropy: Arc<dyn Entropy>) -> Self {
        Self { key: Arc::new(key), entropy }
    }

    /// Which key it holds.
    #[must_use]
    pub fn key_id(&self) -> KeyId {
        self.key.id()
    }

    /// Hold this key against the database: the first one is noted, any other is refused. Call it right after
    /// opening, so that a wrong key file is named at once and not when the first token is needed.
    ///
    /// # Errors
    /// [`VaultError::WrongKey`] as [`StoreError::Vault`], or the database's error.
    pub async fn check(&self, db: &Db, now: Millis) -> Result<(), StoreError> {
        let known: Option<VaultKey> =
            on_db!(db, pool => sqlx::query_as(FIRST_KEY).fetch_optional(pool).await)?;
        let known = match known {
            Some(known) => known,
            None => self.note(db, now).await?,
        };
        open_bytes(&self.key, &check_place(), &known.sealed_check)?;
        Ok(())
    }

    /// Note this key as the database's, unless another process was faster; answers what is noted.
    async fn note(&self, db: &Db, now: Millis) -> Result<VaultKey, StoreError> {
        let mut tx = db.begin().await?;
        let sealed = seal(&self.key, &check_place(), CHECK, self.entropy.as_ref());
        let id = self.key.id().to_string();
        on_tx!(tx, conn => sqlx::query(NOTE_KEY).bind(id).bind(sealed).bind(now.0).execute(conn).await.map(drop))?;
        let known: VaultKey = on_tx!(tx, conn => sqlx::query_as(FIRST_KEY).fetch_one(conn).await)?;
        tx.commit().await?;
        Ok(known)
    }

    /// Seal the body of a received event, for this event of this organization alone.
    #[must_use]
    pub fn seal_event(&self, org: OrgId, event: &EventId, body: &[u8]) -> Vec<u8> {
        let place = ConnectionId(event.0.clone());
        seal(&self.key, &event_place(org, &place), body, self.entropy.as_ref())
    }

    /// Open what [`Vault::seal_event`] made for the same event.
    ///
    /// # Errors
    /// [`VaultError::WrongKey`] when another key sealed it; [`VaultError::Damaged`] when a byte or the event differs.
    pub fn open_event(&self, org: OrgId, event: &EventId, sealed: &[u8]) -> Result<Pii<Vec<u8>>, VaultError> {
        let place = ConnectionId(event.0.clone());
        open_bytes(&self.key, &event_place(org, &place), sealed).map(Pii::new)
    }

    /// Seal the private half of a key that signs the audit log's checkpoints, for that key alone.
    pub(crate) fn seal_audit_key(&self, key_id: &str, seed: &[u8]) -> Vec<u8> {
        let place = ConnectionId(key_id.to_owned());
        seal(&self.key, &audit_key_place(&place), seed, self.entropy.as_ref())
    }

    /// Open what [`Vault::seal_audit_key`] made for the same key.
    pub(crate) fn open_audit_key(
        &self,
        key_id: &str,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let place = ConnectionId(key_id.to_owned());
        open_bytes(&self.key, &audit_key_place(&place), sealed).map(Zeroizing::new)
    }

    /// Where its randomness comes from.
    pub(crate) fn entropy(&self) -> &dyn Entropy {
        self.entropy.as_ref()
    }

    pub(crate) fn seal(&self, aad: &Aad<'_>, secret: &Secret) -> Vec<u8> {
        seal(&self.key, aad, secret.expose().as_bytes(), self.entropy.as_ref())
    }

    pub(crate) fn open(&self, aad: &Aad<'_>, sealed: &[u8]) -> Result<Secret, VaultError> {
        open(&self.key, aad, sealed)
    }
}

/// An event's body lies under the event's own id, where other secrets have their connection's.
fn event_place(org: OrgId, event: &ConnectionId) -> Aad<'_> {
    Aad { org, connection: event, kind: "event", version: 1 }
}

/// A signing key belongs to no organization, and lies under its own id.
fn audit_key_place(key: &ConnectionId) -> Aad<'_> {
    Aad { org: OrgId(0), connection: key, kind: "audit_key", version: 1 }
}

/// The check belongs to no connection.
fn check_place() -> Aad<'static> {
    static NOWHERE: ConnectionId = ConnectionId(String::new());
    Aad { org: OrgId(0), connection: &NOWHERE, kind: "check", version: 1 }
}

row! {
    struct VaultKey {
        sealed_check: Vec<u8>,
    }
}

/// The one key of the database: `id` is always 1, so two processes cannot note two.
const NOTE_KEY: &str = "
    INSERT INTO vault_keys (id, key_id, sealed_check, first_used_at)
    VALUES (1, $1, $2, $3)
    ON CONFLICT (id) DO NOTHING";
const FIRST_KEY: &str = "SELECT sealed_check FROM vault_keys WHERE id = 1";

pub(crate) const STATEMENTS: &[(&str, &str)] =
    &[("vault::NOTE_KEY", NOTE_KEY), ("vault::FIRST_KEY", FIRST_KEY)];

#[cfg(test)]
mod tests {
    use super::*;
    use model::SeededEntropy;

    fn key(seed: u64) -> Key {
        Key::generate(&SeededEntropy::new(seed))
    }

    fn place(connection: &ConnectionId, version: i64) -> Aad<'_> {
        Aad { org: OrgId(7), connection, kind: "access_token", version }
    }

    #[test]
    fn what_was_sealed_opens_only_in_its_place_and_with_its_key() {
        let connection = ConnectionId("c1".to_owned());
        let sealed = seal(&key(1), &place(&connection, 1), b"at-canary", &SeededEntropy::new(9));
        assert!(!sealed.windows(9).any(|window| window == b"at-canary"));
        assert_eq!(open(&key(1), &place(&connection, 1), &sealed).unwrap().expose(), "at-canary");

        let elsewhere = ConnectionId("c2".to_owned());
        assert!(matches!(open(&key(1), &place(&elsewhere, 1), &sealed), Err(VaultError::Damaged)));
        assert!(matches!(open(&key(1), &place(&connection, 2), &sealed), Err(VaultError::Damaged)));
        let other_org = Aad { org: OrgId(8), ..place(&connection, 1) };
        assert!(matches!(open(&key(1), &other_org, &sealed), Err(VaultError::Damaged)));
        let other_kind = Aad { kind: "refresh_token", ..place(&connection, 1) };
        assert!(matches!(open(&key(1), &other_kind, &sealed), Err(VaultError::Damaged)));
        assert!(matches!(open(&key(2), &place(&connection, 1), &sealed), Err(VaultError::WrongKey { .. })));
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        let connection = ConnectionId("c1".to_owned());
        let sealed = seal(&key(1), &place(&connection, 1), b"at-canary", &SeededEntropy::new(9));
        for index in 0..sealed.len() {
            let mut damaged = sealed.clone();
            damaged[index] ^= 1;
            assert!(open(&key(1), &place(&connection, 1), &damaged).is_err(), "byte {index}");
        }
        assert!(matches!(open(&key(1), &place(&connection, 1), &sealed[..20]), Err(VaultError::Damaged)));
    }
}

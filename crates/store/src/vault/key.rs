//! Keys and their names. A key is wiped when dropped and never shown; its name tells nothing about it.

use std::fmt;

use base64::Engine as _;
use model::{Entropy, Secret};
use sha2::{Digest as _, Sha256};
use zeroize::{Zeroize as _, Zeroizing};

use crate::vault::VaultError;

/// Bytes of a key.
pub const KEY_BYTES: usize = 32;

/// Thirty-two random bytes. Wiped when dropped, never shown.
pub struct Key(Box<[u8; KEY_BYTES]>);

/// The name of a wrapping key. Of one that this program holds it is the beginning of a hash, in hexadecimal; of one that
/// others keep it is whatever they call it.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(String);

impl Key {
    /// A new random key.
    #[must_use]
    pub fn generate(entropy: &dyn Entropy) -> Self {
        let mut bytes = Box::new([0; KEY_BYTES]);
        entropy.fill(bytes.as_mut_slice());
        Self(bytes)
    }

    /// Read the key from a text of 64 hexadecimal digits or 32 bytes in base64 (either alphabet).
    ///
    /// # Errors
    /// [`VaultError::KeyText`].
    pub fn from_env(text: &Secret) -> Result<Self, VaultError> {
        Self::from_text(text.expose())
    }

    pub(super) fn from_text(text: &str) -> Result<Self, VaultError> {
        let text = text.trim();
        let engines = [
            base64::engine::general_purpose::STANDARD,
            base64::engine::general_purpose::STANDARD_NO_PAD,
            base64::engine::general_purpose::URL_SAFE,
            base64::engine::general_purpose::URL_SAFE_NO_PAD,
        ];
        let decoded =
            hex::decode(text).ok().or_else(|| engines.iter().find_map(|engine| engine.decode(text).ok()));
        let decoded = Zeroizing::new(decoded.ok_or(VaultError::KeyText)?);
        Self::from_bytes(&decoded).ok_or(VaultError::KeyText)
    }

    /// The key of these bytes, for whoever keeps keys elsewhere; `None` unless there are exactly 32. The caller wipes its
    /// own copy.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut key = Box::new([0; KEY_BYTES]);
        if bytes.len() != KEY_BYTES {
            return None;
        }
        key.copy_from_slice(bytes);
        Some(Self(key))
    }

    /// The key's name.
    #[must_use]
    pub fn id(&self) -> KeyId {
        let mut hash = Sha256::new();
        hash.update(b"longshore key id v1\0");
        hash.update(self.0.as_slice());
        KeyId::from_hash(&hash.finalize()[..KeyId::HASH_BYTES])
    }

    /// The bytes themselves, for whoever must wrap them elsewhere.
    #[must_use]
    pub fn expose(&self) -> &[u8; KEY_BYTES] {
        &self.0
    }

    pub(super) fn copy(&self) -> Self {
        Self(self.0.clone())
    }

    /// As a line of a key file.
    pub(super) fn to_text(&self) -> Zeroizing<String> {
        Zeroizing::new(hex::encode(self.0.as_slice()))
    }
}

impl KeyId {
    pub(super) const HASH_BYTES: usize = 8;

    /// The name of a key that others keep.
    #[must_use]
    pub fn named(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    pub(super) fn from_hash(bytes: &[u8]) -> Self {
        Self(hex::encode(bytes))
    }

    /// The stored word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.id())
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::SeededEntropy;

    #[test]
    fn a_key_is_read_from_hex_and_both_base64_alphabets() {
        let key = Key::generate(&SeededEntropy::new(3));
        let standard = base64::engine::general_purpose::STANDARD.encode(key.expose());
        let url = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(key.expose());
        for text in [hex::encode(key.expose()), format!(" {standard}\n"), url] {
            assert_eq!(Key::from_env(&Secret::new(text)).unwrap().id(), key.id());
        }
        for text in ["", "short", &"0".repeat(62), &"z".repeat(64)] {
            assert!(matches!(Key::from_env(&Secret::new(text)), Err(VaultError::KeyText)), "{text}");
        }
    }

    #[test]
    fn a_key_shows_its_name_only() {
        let key = Key::generate(&SeededEntropy::new(3));
        assert!(!format!("{key:?}").contains(&hex::encode(key.expose())[..16]));
    }
}

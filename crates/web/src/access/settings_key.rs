//! The key of the settings, which opens everything: known by its hash, so that a node's memory does not hold it.

use model::{Secret, wiping};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// The key, by its hash.
#[derive(Debug, Clone)]
pub struct SettingsKey([u8; 32]);

impl SettingsKey {
    /// Of its text, which is not kept.
    #[must_use]
    pub fn of(text: &Secret) -> Self {
        Self(hash(text.expose()))
    }

    /// Whether this is the key. Hashes are compared, so that neither the content nor the length shows in the time.
    pub(super) fn is(&self, given: &str) -> bool {
        self.0.ct_eq(&hash(given)).into()
    }
}

fn hash(text: &str) -> [u8; 32] {
    wiping(|| Sha256::digest(text.as_bytes()).into())
}

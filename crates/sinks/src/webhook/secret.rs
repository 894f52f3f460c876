//! The secret that an endpoint and its receiver share: `whsec_` and 24 to 64 bytes in base64.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use model::{Entropy, Secret};

/// What a secret's text begins with.
pub const PREFIX: &str = "whsec_";
/// The shortest and the longest key, in bytes (Standard Webhooks: "Signature scheme").
pub const KEY_BYTES_MIN: usize = 24;
/// See [`KEY_BYTES_MIN`].
pub const KEY_BYTES_MAX: usize = 64;
/// The length of the keys we make, in bytes.
const KEY_BYTES: usize = 32;

/// A text that is no signing secret. The text itself stays unsaid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// What follows the prefix is not base64.
    #[error("the signing secret is not \"whsec_\" and base64")]
    Text,
    /// The key is too short or too long.
    #[error("the signing secret holds {0} bytes, not 24 to 64")]
    Length(usize),
}

/// A key that signs. Wiped when dropped, never printed.
#[derive(Clone, Debug)]
pub struct SigningSecret(Secret);

impl SigningSecret {
    /// A new key of 32 random bytes.
    #[must_use]
    pub fn generate(entropy: &dyn Entropy) -> Self {
        let mut key = [0; KEY_BYTES];
        entropy.fill(&mut key);
        Self(Secret::new(format!("{PREFIX}{}", STANDARD.encode(key))))
    }

    /// The secret of that text, with or without its prefix.
    ///
    /// # Errors
    /// [`SecretError`] says what is wrong with it.
    pub fn parse(text: &Secret) -> Result<Self, SecretError> {
        let text = text.expose().trim();
        let encoded = text.strip_prefix(PREFIX).unwrap_or(text);
        let key = STANDARD.decode(encoded).map_err(|_| SecretError::Text)?;
        if !(KEY_BYTES_MIN..=KEY_BYTES_MAX).contains(&key.len()) {
            return Err(SecretError::Length(key.len()));
        }
        Ok(Self(Secret::new(format!("{PREFIX}{encoded}"))))
    }

    /// The text that the receiver is given, prefix included.
    #[must_use]
    pub const fn text(&self) -> &Secret {
        &self.0
    }

    /// The key itself.
    pub(super) fn key(&self) -> zeroize::Zeroizing<Vec<u8>> {
        let encoded = self.0.expose().strip_prefix(PREFIX).unwrap_or_default();
        zeroize::Zeroizing::new(STANDARD.decode(encoded).expect("parsed when it was made"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::SeededEntropy;

    #[test]
    fn a_secret_is_24_to_64_bytes_and_never_shown() {
        let check = |key: usize, expected: Result<(), SecretError>| {
            let text = Secret::new(format!("{PREFIX}{}", STANDARD.encode(vec![7; key])));
            assert_eq!(SigningSecret::parse(&text).map(drop), expected);
        };
        check(23, Err(SecretError::Length(23)));
        check(24, Ok(()));
        check(64, Ok(()));
        check(65, Err(SecretError::Length(65)));
        assert_eq!(SigningSecret::parse(&Secret::new("whsec_ä")).unwrap_err(), SecretError::Text);
        let made = SigningSecret::generate(&SeededEntropy::new(1));
        assert_eq!(made.key().len(), KEY_BYTES);
        assert_eq!(SigningSecret::parse(made.text()).unwrap().key(), made.key());
        assert_eq!(format!("{made:?}"), "SigningSecret(Secret(***))");
    }
}

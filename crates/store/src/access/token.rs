//! Texts that open something: 256 random bits, shown once, kept as a hash.
//!
//! A plain hash is enough, for nobody guesses 256 bits; and looking for a hash instead of the text means that the time the
//! search takes tells nothing of the text.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use model::{Entropy, Secret, wiping};
use sha2::{Digest as _, Sha256};

const BYTES: usize = 32;
/// A longer text is not looked for.
const CHARACTERS_MAX: usize = 128;

/// What a token is known by in the database.
pub(crate) type TokenHash = Vec<u8>;

/// A text that opens something.
#[derive(Debug, Clone)]
pub struct Token(Secret);

impl Token {
    /// Draw one; `prefix` tells people and scanners what it is.
    #[must_use]
    pub fn generate(prefix: &str, entropy: &dyn Entropy) -> Self {
        let mut bytes = zeroize::Zeroizing::new([0; BYTES]);
        entropy.fill(bytes.as_mut());
        Self(Secret::new(format!("{prefix}{}", URL_SAFE_NO_PAD.encode(bytes.as_ref()))))
    }

    /// Take one as it was sent; `None` when it cannot be one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let fits = !text.is_empty() && text.len() <= CHARACTERS_MAX;
        let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        (fits && plain).then(|| Self(Secret::new(text)))
    }

    /// The text itself, for whoever it is given to.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    pub(crate) fn hash(&self) -> TokenHash {
        wiping(|| Sha256::digest(self.expose().as_bytes()).to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::SeededEntropy;

    #[test]
    fn a_token_is_read_back_and_never_printed() {
        let token = Token::generate("lsk_", &SeededEntropy::new(1));
        assert_eq!(token.expose().len(), 4 + 43);
        assert_eq!(Token::parse(token.expose()).unwrap().hash(), token.hash());
        assert!(!format!("{token:?}").contains(token.expose()));
        for odd in ["", "a b", "a\r\nb", "é", &"x".repeat(129)] {
            assert!(Token::parse(odd).is_none(), "{odd:?}");
        }
    }
}

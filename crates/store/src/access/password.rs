//! Passwords: argon2id, with the parameters beside each hash, so that they can be raised one day.
//!
//! Hashing takes 19 MiB and some ten milliseconds on purpose: callers bound how many run at once, and keep it out of
//! transactions and off the threads that answer.

use argon2::password_hash::phc::PasswordHash as Phc;
use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier as _, Version};
use model::{Entropy, Secret, UserName, wiping};

use crate::error::StoreError;

/// A password has at least so many characters.
pub const CHARACTERS_MIN: usize = 12;
/// A longer one is refused, in bytes.
pub const BYTES_MAX: usize = 1_024;
const SALT_BYTES: usize = 16;
/// Memory in KiB, passes, lanes (OWASP: "Password Storage Cheat Sheet").
const COST: (u32, u32, u32) = (19 * 1_024, 2, 1);

/// Why a new password is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Too short.
    #[error("a password has at least {CHARACTERS_MIN} characters")]
    Short,
    /// Too long.
    #[error("a password has at most {BYTES_MAX} bytes")]
    Long,
    /// The first that anybody would try.
    #[error("this password is too easy to guess")]
    Easy,
}

/// A hashed password.
#[derive(Debug, Clone)]
pub struct PasswordHash(Secret);

/// Whether a new password may be set.
///
/// # Errors
/// What is wrong with it.
pub fn check(password: &Secret, name: &UserName) -> Result<(), PasswordError> {
    let text = password.expose();
    if text.chars().count() < CHARACTERS_MIN {
        return Err(PasswordError::Short);
    }
    if text.len() > BYTES_MAX {
        return Err(PasswordError::Long);
    }
    let folded = text.to_lowercase();
    let mut distinct: Vec<char> = folded.chars().collect();
    distinct.sort_unstable();
    distinct.dedup();
    if distinct.len() < 5 || folded.contains(name.expose()) && name.expose().len() > 3 {
        return Err(PasswordError::Easy);
    }
    Ok(())
}

impl PasswordHash {
    /// Hash a password under a salt of its own. Takes tens of milliseconds.
    #[must_use]
    pub fn of(password: &Secret, entropy: &dyn Entropy) -> Self {
        let mut salt = [0; SALT_BYTES];
        entropy.fill(&mut salt);
        let hashed = wiping(|| hasher().hash_password_with_salt(password.expose().as_bytes(), &salt));
        Self(Secret::new(hashed.expect("the parameters and the salt are of the right form").to_string()))
    }

    /// A hash that no password has: checking against it takes the time of checking against a real one.
    #[must_use]
    pub fn of_nobody() -> Self {
        // The parameters must be those of COST: a test holds that. The hash is of nothing that is known.
        let text =
            "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5J3Mgc2FsdC4u$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        Self(Secret::new(text))
    }

    /// Whether it is the hash of this password. Takes tens of milliseconds; compares in constant time.
    #[must_use]
    pub fn is_of(&self, password: &Secret) -> bool {
        if password.expose().len() > BYTES_MAX {
            return false;
        }
        let Ok(phc) = Phc::new(self.0.expose()) else { return false };
        wiping(|| hasher().verify_password(password.expose().as_bytes(), &phc).is_ok())
    }

    pub(crate) fn stored(&self) -> &str {
        self.0.expose()
    }

    pub(crate) fn parse_stored(text: String) -> Result<Self, StoreError> {
        let valid = Phc::new(&text).is_ok();
        valid.then(|| Self(Secret::new(text))).ok_or(StoreError::Stored { what: "password hash" })
    }
}

fn hasher() -> Argon2<'static> {
    let (memory, passes, lanes) = COST;
    let params = Params::new(memory, passes, lanes, None).expect("the constants are valid parameters");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::SeededEntropy;

    #[test]
    fn a_hash_is_of_its_password_alone_and_is_never_printed() {
        let (right, wrong) = (Secret::new("correct horse battery"), Secret::new("correct horse batterz"));
        let hash = PasswordHash::of(&right, &SeededEntropy::new(1));
        assert!(hash.stored().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hash.stored());
        assert!(hash.is_of(&right) && !hash.is_of(&wrong));
        assert_ne!(hash.stored(), PasswordHash::of(&right, &SeededEntropy::new(2)).stored(), "salted");
        assert!(!format!("{hash:?}").contains("argon2id"));
        assert!(PasswordHash::parse_stored("plain".into()).is_err());
    }

    #[test]
    fn nobodys_hash_costs_what_a_real_one_costs() {
        let (nobody, real) =
            (PasswordHash::of_nobody(), PasswordHash::of(&Secret::new("x"), &SeededEntropy::new(1)));
        let head = |hash: &PasswordHash| hash.stored().split('$').take(4).collect::<Vec<_>>().join("$");
        assert_eq!(head(&nobody), head(&real));
        assert!(
            !nobody.is_of(&Secret::new("")) && PasswordHash::parse_stored(nobody.stored().into()).is_ok()
        );
    }

    #[test]
    fn a_password_that_is_short_long_or_easy_is_refused() {
        let name = UserName::parse("ada@example.test").unwrap();
        let check =
            |text: &str, expected| assert_eq!(super::check(&Secret::new(text), &name), expected, "{text}");
        check("hunter2", Err(PasswordError::Short));
        check(&"correct horse ".repeat(100), Err(PasswordError::Long));
        check("aaaaaaaaaaaaaaa", Err(PasswordError::Easy));
        check("Ada@Example.test1", Err(PasswordError::Easy));
        check("correct horse battery", Ok(()));
        check("пароль из слов", Ok(()));
    }
}

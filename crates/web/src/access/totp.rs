//! Codes of authenticators (RFC 6238): six digits, thirty seconds, one step to either side.

use model::{Entropy, Millis, Secret};
use totp_rs::{Builder, Totp};

const SECRET_BYTES: usize = 20;

/// A new secret, in base32, as people type it into an authenticator.
pub(crate) fn generate(entropy: &dyn Entropy) -> Secret {
    let mut bytes = [0; SECRET_BYTES];
    entropy.fill(&mut bytes);
    Secret::new(totp_rs::Secret::new_stack(bytes).to_base32())
}

/// The address that authenticators read from a link.
pub(crate) fn address(secret: &Secret, name: &str) -> Secret {
    let name: String = url::form_urlencoded::byte_serialize(name.as_bytes()).collect();
    Secret::new(format!("otpauth://totp/Longshore:{name}?secret={}&issuer=Longshore", secret.expose()))
}

/// The time step whose code this is, if it is one of now.
pub(crate) fn step(secret: &Secret, code: &str, now: Millis) -> Option<i64> {
    let digits: String = code.chars().filter(|one| !one.is_whitespace()).collect();
    if digits.len() != 6 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let seconds = u64::try_from(now.0 / 1_000).ok()?;
    totp(secret)?.check(&digits, seconds).and_then(|step| i64::try_from(step).ok())
}

fn totp(secret: &Secret) -> Option<Totp> {
    let secret = totp_rs::Secret::try_from_base32(secret.expose()).ok()?;
    Builder::new().with_secret(secret).build().ok()
}

#[cfg(test)]
pub(crate) fn code(secret: &Secret, now: Millis) -> String {
    totp(secret).unwrap().generate(u64::try_from(now.0 / 1_000).unwrap()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::SeededEntropy;

    #[test]
    fn codes_are_those_of_the_standard() {
        // RFC 6238, appendix B: the SHA-1 rows, cut to six digits.
        let secret = Secret::new(totp_rs::Secret::new_stack(*b"12345678901234567890").to_base32());
        for (seconds, expected) in [(59, "287082"), (1_111_111_109, "081804"), (2_000_000_000, "279037")] {
            assert_eq!(code(&secret, Millis(seconds * 1_000)), expected);
            assert_eq!(step(&secret, expected, Millis(seconds * 1_000)), Some(seconds / 30));
        }
    }

    #[test]
    fn a_code_counts_a_step_early_and_late_and_no_further() {
        let (secret, now) = (generate(&SeededEntropy::new(1)), Millis(1_750_000_000_000));
        let code = code(&secret, now);
        for steps in [-1, 0, 1] {
            assert!(step(&secret, &code, now.plus(steps * 30_000)).is_some(), "{steps}");
        }
        assert_eq!(step(&secret, &code, now.plus(90_000)), None);
        for odd in ["", "12345", "1234567", "abcdef", "１２３４５６"] {
            assert_eq!(step(&secret, odd, now), None, "{odd}");
        }
        assert!(step(&secret, &format!("{} {}", &code[..3], &code[3..]), now).is_some());
    }
}

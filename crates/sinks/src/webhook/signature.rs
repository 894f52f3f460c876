//! Signing and verifying, after Standard Webhooks 1.0.
//!
//! Signed is `id.timestamp.body`, with HMAC-SHA256; the header holds one `v1,<base64>` for each secret, divided by
//! blanks, so that both the old and the new secret verify while one is rotated. A receiver takes a webhook
//! when any signature fits and the timestamp is not far from its own clock.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use model::Millis;
use sha2::Sha256;

use super::secret::SigningSecret;

/// The header with the message's id: the same for each attempt.
pub const ID_HEADER: &str = "webhook-id";
/// The header with the attempt's time, in seconds since the Unix epoch.
pub const TIMESTAMP_HEADER: &str = "webhook-timestamp";
/// The header with the signatures.
pub const SIGNATURE_HEADER: &str = "webhook-signature";
/// How far a timestamp may lie from the receiver's clock, in seconds.
pub const TOLERANCE_S: i64 = 5 * 60;

const VERSION: &str = "v1";
/// Signatures looked at in one header: more than ever sign at once.
const SIGNATURES_MAX: usize = 16;

/// Why a webhook is not taken for what it says it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// The timestamp is no number of seconds.
    #[error("the timestamp is not a number of seconds")]
    Timestamp,
    /// The timestamp lies too far from now: an old webhook sent again, or a clock that is wrong.
    #[error("the timestamp is {0} seconds away from now")]
    Stale(i64),
    /// No signature fits.
    #[error("no signature fits")]
    Signature,
}

/// What the three headers say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Headers<'a> {
    /// `webhook-id`.
    pub id: &'a str,
    /// `webhook-timestamp`.
    pub timestamp: &'a str,
    /// `webhook-signature`.
    pub signature: &'a str,
}

/// The signature header for a message: one signature for each secret, in their order.
#[must_use]
pub fn sign(secrets: &[SigningSecret], id: &str, timestamp_s: i64, body: &[u8]) -> String {
    let timestamp = timestamp_s.to_string();
    let one = |secret: &SigningSecret| {
        let tag = mac(secret, id, &timestamp, body).finalize().into_bytes();
        format!("{VERSION},{}", STANDARD.encode(tag))
    };
    secrets.iter().map(one).collect::<Vec<_>>().join(" ")
}

/// Verify a message by any of the secrets, in constant time for each signature.
///
/// # Errors
/// [`VerifyError`] says what does not hold.
pub fn verify(
    secrets: &[SigningSecret],
    headers: Headers<'_>,
    body: &[u8],
    now: Millis,
) -> Result<(), VerifyError> {
    let timestamp_s: i64 = headers.timestamp.parse().map_err(|_| VerifyError::Timestamp)?;
    let away_s = (now.0.div_euclid(1_000)).saturating_sub(timestamp_s);
    if away_s.saturating_abs() > TOLERANCE_S {
        return Err(VerifyError::Stale(away_s));
    }
    let mut told = headers.signature.split(' ').take(SIGNATURES_MAX).filter_map(|one| {
        let (version, encoded) = one.split_once(',')?;
        if version == VERSION { STANDARD.decode(encoded).ok() } else { None }
    });
    let fits = |tag: Vec<u8>| {
        let each = secrets.iter().map(|secret| mac(secret, headers.id, headers.timestamp, body));
        each.map(|mac| mac.verify_slice(&tag)).any(|verified| verified.is_ok())
    };
    if told.any(fits) { Ok(()) } else { Err(VerifyError::Signature) }
}

fn mac(secret: &SigningSecret, id: &str, timestamp: &str, body: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(&secret.key()).expect("HMAC takes keys of every length");
    for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", body] {
        mac.update(part);
    }
    mac
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{Secret, SeededEntropy};
    use proptest::prelude::*;

    fn secret(text: &str) -> SigningSecret {
        SigningSecret::parse(&Secret::new(text)).unwrap()
    }

    /// The vector that the reference libraries test against (standard-webhooks and svix-webhooks, their `sign` tests).
    #[test]
    fn the_published_vector_is_signed_alike() {
        let secret = secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
        let body = br#"{"test": 2432232314}"#;
        let signature = sign(std::slice::from_ref(&secret), id, 1_614_265_330, body);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        let headers = Headers { id, timestamp: "1614265330", signature: &signature };
        assert_eq!(verify(&[secret], headers, body, Millis(1_614_265_330_000)), Ok(()));
    }

    #[test]
    fn what_does_not_hold_is_told() {
        let (ours, other) = (
            SigningSecret::generate(&SeededEntropy::new(1)),
            SigningSecret::generate(&SeededEntropy::new(2)),
        );
        let signature = sign(std::slice::from_ref(&ours), "msg_1", 1_000, b"{}");
        let check = |secret: &SigningSecret, headers: Headers<'_>, body: &[u8], now_s: i64, expected| {
            let secrets = std::slice::from_ref(secret);
            assert_eq!(verify(secrets, headers, body, Millis(now_s * 1_000)), expected);
        };
        let headers = Headers { id: "msg_1", timestamp: "1000", signature: &signature };
        check(&ours, headers, b"{}", 1_300, Ok(()));
        check(&ours, headers, b"{}", 1_301, Err(VerifyError::Stale(301)));
        check(&ours, headers, b"{}", 699, Err(VerifyError::Stale(-301)));
        check(&ours, headers, b"{ }", 1_000, Err(VerifyError::Signature));
        check(&other, headers, b"{}", 1_000, Err(VerifyError::Signature));
        check(&ours, Headers { id: "msg_2", ..headers }, b"{}", 1_000, Err(VerifyError::Signature));
        check(&ours, Headers { timestamp: "x", ..headers }, b"{}", 1_000, Err(VerifyError::Timestamp));
        let asymmetric = signature.replace("v1,", "v1a,");
        check(
            &ours,
            Headers { signature: &asymmetric, ..headers },
            b"{}",
            1_000,
            Err(VerifyError::Signature),
        );
        check(&ours, Headers { signature: "", ..headers }, b"{}", 1_000, Err(VerifyError::Signature));
    }

    proptest! {
        #[test]
        fn whatever_is_signed_verifies_by_each_of_its_secrets(
            seed in 0_u64..1_000_000,
            id in "[a-z0-9_]{1,40}",
            at in 0_i64..4_000_000_000,
            body in proptest::collection::vec(any::<u8>(), 0..200),
            flip in 0_usize..200,
        ) {
            let entropy = SeededEntropy::new(seed);
            let secrets = [SigningSecret::generate(&entropy), SigningSecret::generate(&entropy)];
            let signature = sign(&secrets, &id, at, &body);
            let timestamp = at.to_string();
            let headers = Headers { id: &id, timestamp: &timestamp, signature: &signature };
            for secret in &secrets {
                prop_assert_eq!(verify(std::slice::from_ref(secret), headers, &body, Millis(at * 1_000)), Ok(()));
            }
            if let Some(byte) = body.get(flip) {
                let mut changed = body.clone();
                changed[flip] = byte ^ 1;
                let verified = verify(&secrets, headers, &changed, Millis(at * 1_000));
                prop_assert_eq!(verified, Err(VerifyError::Signature));
            }
        }
    }
}

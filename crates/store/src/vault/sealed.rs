//! Sealed texts: their layout, what they are bound to, and how they are made and opened.
//!
//! Format 2, which is written: `1 byte format | 16 bytes data key id | 24 bytes nonce | ciphertext and tag`. Format 1,
//! which is only read: `1 byte format | 8 bytes wrapping key id | 24 bytes nonce | ciphertext and tag`, sealed with the
//! wrapping key itself. Both are XChaCha20-Poly1305: its nonce is long enough to be drawn without a counter.
//!
//! The associated data binds organization, connection, kind, subject and version: a sealed text moved to another row, or an
//! older one put back, does not open.

use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use model::{Entropy, OrgId};
use zeroize::Zeroizing;

use crate::vault::data_key::DataKeyId;
use crate::vault::{Key, KeyId, VaultError};

pub(super) const FIRST: u8 = 1;
pub(super) const SECOND: u8 = 2;
pub(super) const NONCE_BYTES: usize = 24;

/// Where a secret lies; part of what is authenticated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place<'a> {
    /// The organization the secret acts for; 0 for none.
    pub(crate) org: OrgId,
    /// The connection it belongs to; empty for none.
    pub(crate) connection: &'a str,
    /// What it is, such as `access_token`.
    pub(crate) kind: &'a str,
    /// Whose it is, where that is no connection: an endpoint, an event.
    pub(crate) subject: &'a str,
    /// The how-manieth of its kind; rises with every save.
    pub(crate) version: i64,
}

impl Place<'_> {
    /// Every part with its length before it: no two places have the same bytes.
    fn encode(&self, key: DataKeyId) -> Vec<u8> {
        let mut bytes = vec![SECOND];
        bytes.extend_from_slice(key.as_bytes());
        self.encode_rest(&mut bytes, &[self.connection, self.kind, self.subject]);
        bytes
    }

    /// As format 1 had it: the subject stood where there was no connection.
    fn encode_first(&self, key: &[u8]) -> Vec<u8> {
        let place = if self.connection.is_empty() { self.subject } else { self.connection };
        let mut bytes = vec![FIRST];
        bytes.extend_from_slice(key);
        self.encode_rest(&mut bytes, &[place, self.kind]);
        bytes
    }

    fn encode_rest(&self, bytes: &mut Vec<u8>, texts: &[&str]) {
        bytes.extend_from_slice(&self.org.0.to_le_bytes());
        bytes.extend_from_slice(&self.version.to_le_bytes());
        for text in texts {
            bytes.extend_from_slice(&(text.len() as u64).to_le_bytes());
            bytes.extend_from_slice(text.as_bytes());
        }
    }
}

/// Which key a sealed text needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum SealedWith {
    /// Format 1: the wrapping key of that name.
    Wrapping(KeyId),
    /// Format 2: the data key of that name.
    Data(DataKeyId),
}

/// Read which key a sealed text needs.
pub(super) fn sealed_with(sealed: &[u8]) -> Result<SealedWith, VaultError> {
    match sealed.split_first().ok_or(VaultError::Damaged)? {
        (&FIRST, rest) => {
            let id = rest.get(..KeyId::HASH_BYTES).ok_or(VaultError::Damaged)?;
            Ok(SealedWith::Wrapping(KeyId::from_hash(id)))
        }
        (&SECOND, rest) => {
            let id = rest.first_chunk().ok_or(VaultError::Damaged)?;
            Ok(SealedWith::Data(DataKeyId(*id)))
        }
        (&format, _) => Err(VaultError::Format(format)),
    }
}

/// Seal bytes for one place, in format 2.
pub(super) fn seal(
    (id, key): (DataKeyId, &Key),
    place: &Place<'_>,
    plain: &[u8],
    entropy: &dyn Entropy,
) -> Vec<u8> {
    let mut nonce = [0; NONCE_BYTES];
    entropy.fill(&mut nonce);
    let cipher = XChaCha20Poly1305::new(&(*key.expose()).into());
    let payload = Payload { msg: plain, aad: &place.encode(id) };
    let body =
        cipher.encrypt(&XNonce::from(nonce), payload).expect("a secret is far below the cipher's limit");
    [&[SECOND][..], id.as_bytes(), &nonce, &body].concat()
}

/// Open a text of either format with the key that [`sealed_with`] named, for the same place.
///
/// # Errors
/// [`VaultError::Damaged`] when a byte, the key or the place differs.
pub(super) fn open(key: &Key, place: &Place<'_>, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, VaultError> {
    let (aad, head) = match sealed_with(sealed)? {
        SealedWith::Data(id) => (place.encode(id), 1 + DataKeyId::BYTES),
        SealedWith::Wrapping(_) => {
            let head = 1 + KeyId::HASH_BYTES;
            (place.encode_first(&sealed[1..head]), head)
        }
    };
    let (nonce, body) = sealed[head..].split_first_chunk::<NONCE_BYTES>().ok_or(VaultError::Damaged)?;
    let cipher = XChaCha20Poly1305::new(&(*key.expose()).into());
    let plain = cipher.decrypt(&XNonce::from(*nonce), Payload { msg: body, aad: &aad });
    plain.map(Zeroizing::new).map_err(|_| VaultError::Damaged)
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::SeededEntropy;
    use proptest::prelude::*;

    fn key(seed: u64) -> Key {
        Key::generate(&SeededEntropy::new(seed))
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        let place = Place { org: OrgId(7), connection: "c1", kind: "access_token", subject: "", version: 1 };
        let sealed = seal((DataKeyId([5; 16]), &key(1)), &place, b"at-canary", &SeededEntropy::new(9));
        assert!(!sealed.windows(9).any(|window| window == b"at-canary"));
        assert_eq!(open(&key(1), &place, &sealed).unwrap().as_slice(), b"at-canary");
        for bit in 0..sealed.len() * 8 {
            let mut damaged = sealed.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(open(&key(1), &place, &damaged).is_err(), "bit {bit}");
        }
        for length in 0..sealed.len() {
            assert!(open(&key(1), &place, &sealed[..length]).is_err(), "{length} bytes");
        }
        assert!(matches!(open(&key(2), &place, &sealed), Err(VaultError::Damaged)));
    }

    proptest! {
        /// Texts are short and of few letters, so that parts that run into each other would be found.
        #[test]
        fn two_places_are_alike_only_when_every_part_is(
            one in (0..3_i64, "[ab]{0,2}", "[ab]{0,2}", "[ab]{0,2}", 0..3_i64),
            other in (0..3_i64, "[ab]{0,2}", "[ab]{0,2}", "[ab]{0,2}", 0..3_i64),
        ) {
            let place = |(org, connection, kind, subject, version): &(i64, String, String, String, i64)| {
                let (connection, kind, subject) = (connection.clone(), kind.clone(), subject.clone());
                (OrgId(*org), connection, kind, subject, *version)
            };
            let ((a, b), key) = ((place(&one), place(&other)), key(1));
            let as_place = |parts: &(OrgId, String, String, String, i64)| -> Vec<u8> {
                let place = Place { org: parts.0, connection: &parts.1, kind: &parts.2, subject: &parts.3, version: parts.4 };
                place.encode(DataKeyId([5; 16]))
            };
            prop_assert_eq!(as_place(&a) == as_place(&b), one == other);
            let at = Place { org: a.0, connection: &a.1, kind: &a.2, subject: &a.3, version: a.4 };
            let there = Place { org: b.0, connection: &b.1, kind: &b.2, subject: &b.3, version: b.4 };
            let sealed = seal((DataKeyId([5; 16]), &key), &at, b"secret", &SeededEntropy::new(9));
            prop_assert_eq!(open(&key, &there, &sealed).is_ok(), one == other);
        }
    }
}

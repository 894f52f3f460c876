//! Data keys that were unwrapped a moment ago, so that not every use of a secret is a call.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Mutex, PoisonError};

use model::Millis;
use store::vault::Key;

/// How long a data key is kept, in milliseconds.
const KEPT_MS: i64 = 300_000;
/// Data keys kept at once; when there are more, all are forgotten.
const KEPT_MAX: usize = 4_096;

/// What was unwrapped, by what it was unwrapped from.
#[derive(Default)]
pub(super) struct Kept {
    hasher: RandomState,
    keys: Mutex<HashMap<u64, Entry>>,
}

struct Entry {
    place: Vec<u8>,
    wrapped: Vec<u8>,
    key: Key,
    at: Millis,
}

impl Kept {
    pub(super) fn find(&self, place: &[u8], wrapped: &[u8], now: Millis) -> Option<Key> {
        let keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = keys.get(&self.hasher.hash_one((place, wrapped)))?;
        let is_it = entry.place == place && entry.wrapped == wrapped;
        let is_fresh = (0..KEPT_MS).contains(&now.since(entry.at));
        (is_it && is_fresh).then(|| Key::from_bytes(entry.key.expose())).flatten()
    }

    pub(super) fn keep(&self, place: &[u8], wrapped: &[u8], key: &Key, now: Millis) {
        let Some(key) = Key::from_bytes(key.expose()) else { return };
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        if keys.len() >= KEPT_MAX {
            keys.clear();
        }
        let entry = Entry { place: place.to_vec(), wrapped: wrapped.to_vec(), key, at: now };
        keys.insert(self.hasher.hash_one((place, wrapped)), entry);
    }
}

#[cfg(test)]
mod tests {
    use model::SeededEntropy;

    use super::*;

    #[test]
    fn a_data_key_is_kept_for_what_it_was_unwrapped_from_and_for_a_while() {
        let (kept, key) = (Kept::default(), Key::generate(&SeededEntropy::new(1)));
        kept.keep(b"place", b"wrapped", &key, Millis(0));
        let id = |place: &[u8], wrapped: &[u8], at| kept.find(place, wrapped, Millis(at)).map(|key| key.id());
        assert_eq!(id(b"place", b"wrapped", KEPT_MS - 1), Some(key.id()));
        assert_eq!(id(b"place", b"wrapped", KEPT_MS), None);
        assert_eq!(id(b"place", b"other", 1), None);
        assert_eq!(id(b"other", b"wrapped", 1), None);
        for number in 0..KEPT_MAX {
            kept.keep(b"more", &number.to_le_bytes(), &key, Millis(0));
        }
        assert!(kept.keys.lock().unwrap().len() <= KEPT_MAX);
    }
}

//! The chain: an entry's hash covers the hash before it and every other field.
//!
//! Fields go in with their length or their presence before them, in one order, under a version, so no two entries
//! have the same bytes. Pure, so that a log can be checked wherever it lies.

use super::entry::Entry;
use crate::hash::Encoder;

/// A SHA-256.
pub type Hash = [u8; 32];

/// What stands before the first entry.
pub const GENESIS: Hash = [0; 32];

/// The hash that an entry must have when it follows the one of hash `before`.
#[must_use]
pub fn hash(before: &Hash, entry: &Entry) -> Hash {
    Encoder::default().audit_entry(before, entry)
}

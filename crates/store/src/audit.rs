//! Who did what: a log that only grows, each entry hashed with the one before it.
//!
//! An entry belongs to the transaction of what it tells: [`append`] hands it to the transaction, and [`crate::Tx::commit`]
//! numbers, hashes and writes all of a transaction's entries as the last thing before the commit. Both last, or neither.
//! The one row that holds the last number and hash is locked only from there on, so transactions wait for each other as
//! short as can be, and never in a circle: nothing is locked after it. Numbers are dense.
//!
//! Entries hold ids and closed words. What is not shaped like an id goes in as its hash, so neither a secret nor personal
//! data can come in by way of a name somebody chose. The tables refuse changes by triggers; whoever can drop those can
//! still not hide a change from the chain, nor the whole chain's replacement from the signed checkpoints, of which
//! copies lie in a second place.

mod action;
mod append;
mod chain;
mod checkpoint;
mod entry;
mod fault;
mod file;
mod hexed;
mod key;
mod read;
mod second_place;
mod verify;
mod witness;

pub use action::{Action, ActorKind, ObjectKind, Outcome};
pub use append::append;
pub use chain::{GENESIS, Hash, hash};
pub use checkpoint::{Checkpoint, checkpoint, checkpoints};
pub use entry::{Actor, Entry, NewEntry, Object, Who};
pub use fault::{AuditError, Fault};
pub use file::{Exported, Range, VerifiedFile, export, verify_file};
pub use key::{PublicKey, Signer, attested, check_keys, key_id, public_keys, signer};
pub use read::{Filter, head, list, page, span};
pub use second_place::{Followed, follow, read as read_second_place};
pub use verify::{Verified, verify};
pub use witness::{Witnesses, parse_public_key};

pub(crate) use append::flush;

pub(crate) const STATEMENTS: &[&[(&str, &str)]] =
    &[append::STATEMENTS, checkpoint::STATEMENTS, key::STATEMENTS, read::STATEMENTS];
pub(crate) const PAIRS: &[(&str, &crate::mirror::state::Pair)] = append::PAIRS;
pub(crate) const BULK: &[(&str, &crate::bulk::Texts)] = append::BULK;

//! Who did what: a log that only grows, each entry hashed with the one before it.
//!
//! An entry belongs to the transaction of what it tells: [`append`] hands it to the transaction, and [`Tx::commit`] numbers,
//! hashes and writes all of a transaction's entries as the last thing before the commit. Both last, or neither. The one
//! row that holds the last number and hash is locked only from there on, so transactions wait for each other as short as
//! can be, and never in a circle: nothing is locked after it. Numbers are dense.
//!
//! Entries hold ids and closed words. What is not shaped like an id goes in as its hash, so neither a secret nor personal
//! data can come in by way of a name somebody chose. The tables refuse changes by triggers; whoever can drop those can
//! still not hide a change from the chain.

mod action;
mod append;
mod chain;
mod entry;
mod read;

pub use action::{Action, ActorKind, ObjectKind, Outcome};
pub use append::append;
pub use chain::{GENESIS, Hash, hash};
pub use entry::{Actor, Entry, NewEntry, Object, Who};
pub use read::{Filter, head, list, page};

pub(crate) use append::flush;

pub(crate) const STATEMENTS: &[&[(&str, &str)]] = &[append::STATEMENTS, read::STATEMENTS];
pub(crate) const PAIRS: &[(&str, &crate::mirror::state::Pair)] = append::PAIRS;
pub(crate) const BULK: &[(&str, &crate::bulk::Texts)] = append::BULK;

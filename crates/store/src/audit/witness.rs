//! Who vouches for a log: checkpoints from wherever they lie, in the order of the entries they speak of.
//!
//! Every signature is checked as it comes in, and must be of a key that is trusted. Kept of each are 56 bytes or so: a
//! checkpoint an hour makes half a megabyte a year.

use std::sync::Arc;

use model::Millis;

use super::chain::Hash;
use super::checkpoint::{self, Checkpoint};
use super::fault::{AuditError, Fault};
use super::key::{self, PublicKey};
use crate::db::Db;

/// Where those of the database lie, for a person.
pub(super) const DATABASE: &str = "the database";
/// Checkpoints read at once.
const PAGE_ROWS: u32 = 1_000;

/// Checkpoints whose signatures hold.
#[derive(Debug, Clone, Default)]
pub struct Witnesses {
    trusted: Vec<Vec<u8>>,
    sorted: Vec<Witness>,
}

/// One checkpoint's word.
#[derive(Debug, Clone)]
pub(super) struct Witness {
    pub(super) seq: i64,
    pub(super) hash: Hash,
    pub(super) number: i64,
    pub(super) at: Millis,
    pub(super) place: Arc<str>,
}

impl Witness {
    /// Its name, for a person.
    pub(super) fn name(&self) -> String {
        format!("checkpoint {} of {}", self.number, self.place)
    }
}

impl Witnesses {
    /// Nobody.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Nobody yet; checkpoints of these keys will be believed.
    #[must_use]
    pub fn trusting(keys: Vec<Vec<u8>>) -> Self {
        Self { trusted: keys, sorted: Vec::new() }
    }

    /// Those of the database, by its own keys or by the only one that is trusted.
    ///
    /// # Errors
    /// [`AuditError::Fault`] when one was changed or is missing; the database's error.
    pub async fn of(db: &Db, only: Option<PublicKey>) -> Result<Self, AuditError> {
        let keys = match only {
            Some(key) => vec![key.to_vec()],
            None => key::public_keys(db).await?,
        };
        let (mut witnesses, place, mut last) = (Self::trusting(keys), Arc::<str>::from(DATABASE), 0);
        loop {
            let page = checkpoint::checkpoints(db, last, PAGE_ROWS).await?;
            if page.is_empty() {
                return Ok(witnesses);
            }
            for checkpoint in page {
                last += 1;
                if checkpoint.number != last {
                    return Err(Fault::CheckpointMissing { place, number: last }.into());
                }
                witnesses.add(&place, &checkpoint)?;
            }
        }
    }

    /// Believe this key, too.
    pub fn trust(&mut self, key: Vec<u8>) {
        self.trusted.push(key);
    }

    /// Hear one more.
    ///
    /// # Errors
    /// [`Fault::Signature`] when it is not signed by a trusted key.
    pub fn add(&mut self, place: &Arc<str>, checkpoint: &Checkpoint) -> Result<(), Fault> {
        let fault = Fault::Signature { place: Arc::clone(place), number: checkpoint.number };
        if !self.trusted.contains(&checkpoint.public_key) || !checkpoint.is_signed() {
            return Err(fault);
        }
        let hash = checkpoint.stated().ok_or(fault)?;
        let Checkpoint { seq, number, at, .. } = *checkpoint;
        let witness = Witness { seq, hash, number, at, place: Arc::clone(place) };
        let at = self.sorted.partition_point(|one| one.seq <= witness.seq);
        self.sorted.insert(at, witness);
        Ok(())
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.sorted.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sorted.is_empty()
    }

    /// The keys that are believed.
    #[must_use]
    pub fn trusted(&self) -> &[Vec<u8>] {
        &self.trusted
    }

    /// Take out those that speak of entries after this one and were signed after that instant; answers the last entry that
    /// they know of.
    pub(super) fn without_later(&mut self, seq: i64, at: Millis) -> Option<i64> {
        let later = |one: &Witness| one.seq > seq && one.at > at;
        let last = self.sorted.iter().filter(|one| later(one)).map(|one| one.seq).max();
        self.sorted.retain(|one| !later(one));
        last
    }

    /// All of them, by the entries they speak of.
    pub(super) fn into_sorted(self) -> Vec<Witness> {
        self.sorted
    }
}

/// A public key as people pass it on: 64 hexadecimal digits.
#[must_use]
pub fn parse_public_key(text: &str) -> Option<PublicKey> {
    hex::decode(text.trim()).ok()?.try_into().ok()
}

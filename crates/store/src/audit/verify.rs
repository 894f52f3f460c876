//! Checking: every entry must follow from the one before it, and every checkpoint must have signed what stands there.
//!
//! Entries are read in pages, the next one while this one is hashed, so memory stays flat however long the log is.
//! Sketch: an entry is 150 bytes to hash, three blocks or a microsecond; reading its row costs several. A million take a few
//! seconds, and the reading is the limit.

use std::iter::Peekable;
use std::vec;

use tokio::task::JoinHandle;

use super::chain::{GENESIS, Hash};
use super::entry::Entry;
use super::fault::{AuditError, Fault};
use super::read;
use super::witness::{Witness, Witnesses};
use crate::db::Db;
use crate::error::StoreError;
use crate::hash::Encoder;

/// Entries read at once.
const PAGE_ROWS: u32 = 4_000;
/// What knows of more entries than there are, when it is no checkpoint.
pub(super) const HEAD: &str = "the log's head";

/// Where a check begins: with the entry after this number, which must follow from this hash.
#[derive(Debug, Clone, Copy)]
pub(super) struct Start {
    pub(super) after_seq: i64,
    pub(super) before: Hash,
}

/// A log that was found whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// How many entries were read.
    pub entries: i64,
    /// The last one's number.
    pub last_seq: i64,
    /// The last one's hash.
    pub hash: Vec<u8>,
    /// How many checkpoints signed what was found.
    pub checkpoints: usize,
    /// The last entry that a checkpoint vouches for; 0 for none.
    pub signed_seq: i64,
}

/// Check a database's whole log against these witnesses.
///
/// # Errors
/// [`AuditError::Fault`] names the first bad entry; the database's error.
pub async fn verify(db: &Db, witnesses: Witnesses) -> Result<Verified, AuditError> {
    check(db, Start { after_seq: 0, before: GENESIS }, witnesses).await
}

/// Check what stands after a start.
pub(super) async fn check(db: &Db, start: Start, witnesses: Witnesses) -> Result<Verified, AuditError> {
    let mut checker = Checker::new(start, witnesses)?;
    let mut next = Ahead::read(db, start.after_seq);
    // The log may grow meanwhile: its head is read once nothing more was found, and what it then knows is read, too.
    let mut known = 0;
    loop {
        let entries = next.taken().await?;
        if let Some(last) = entries.last() {
            next = Ahead::read(db, last.seq);
            entries.iter().try_for_each(|entry| checker.entry(entry))?;
            continue;
        }
        let (head_seq, head_hash) = read::head(db).await?;
        if head_seq > checker.seq && head_seq > known {
            known = head_seq;
            next = Ahead::read(db, checker.seq);
            continue;
        }
        return Ok(checker.end(HEAD, head_seq, &head_hash)?);
    }
}

/// A page that is being read.
struct Ahead(JoinHandle<Result<Vec<Entry>, StoreError>>);

impl Ahead {
    fn read(db: &Db, after_seq: i64) -> Self {
        let db = db.clone();
        Self(tokio::spawn(async move { read::page(&db, after_seq, PAGE_ROWS).await }))
    }

    async fn taken(&mut self) -> Result<Vec<Entry>, StoreError> {
        (&mut self.0).await.unwrap_or(Err(StoreError::ConnectionLost))
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Takes entries in their order.
pub(super) struct Checker {
    start_seq: i64,
    seq: i64,
    before: Hash,
    encoder: Encoder,
    witnesses: Peekable<vec::IntoIter<Witness>>,
    heard: usize,
    signed_seq: i64,
}

impl Checker {
    pub(super) fn new(start: Start, witnesses: Witnesses) -> Result<Self, Fault> {
        let mut sorted = witnesses.into_sorted();
        sorted.retain(|witness| witness.seq >= start.after_seq);
        let mut checker = Self {
            start_seq: start.after_seq,
            seq: start.after_seq,
            before: start.before,
            encoder: Encoder::default(),
            witnesses: sorted.into_iter().peekable(),
            heard: 0,
            signed_seq: 0,
        };
        checker.hear()?;
        Ok(checker)
    }

    /// The next entry.
    pub(super) fn entry(&mut self, entry: &Entry) -> Result<(), Fault> {
        let seq = self.seq + 1;
        if entry.seq != seq {
            return Err(Fault::Missing { seq, found: entry.seq });
        }
        self.before = self.encoder.audit_entry(&self.before, entry);
        if entry.hash != self.before {
            return Err(Fault::Changed { seq });
        }
        self.seq = seq;
        self.hear()
    }

    /// Hear those who speak of the entry that was just read.
    fn hear(&mut self) -> Result<(), Fault> {
        while let Some(witness) = self.witnesses.next_if(|one| one.seq <= self.seq) {
            if witness.hash != self.before {
                let (seq, signed_seq) = (self.signed_seq.max(self.start_seq) + 1, witness.seq);
                return Err(Fault::Replaced { seq, signed_seq, witness: witness.name() });
            }
            self.heard += 1;
            self.signed_seq = witness.seq;
        }
        Ok(())
    }

    /// There are no more entries; `name` knows the number and the hash of the last one.
    pub(super) fn end(mut self, name: &str, last_seq: i64, last_hash: &[u8]) -> Result<Verified, Fault> {
        let seq = self.seq + 1;
        let farthest = self.witnesses.by_ref().last();
        if let Some(witness) = farthest {
            return Err(Fault::Cut { seq, witness: witness.name(), known: witness.seq });
        }
        if last_seq > self.seq {
            return Err(Fault::Cut { seq, witness: name.to_owned(), known: last_seq });
        }
        if last_seq < self.seq {
            return Err(Fault::Added { seq: last_seq + 1 });
        }
        if last_hash != self.before {
            return Err(Fault::Head { seq: self.seq });
        }
        Ok(Verified {
            entries: self.seq - self.start_seq,
            last_seq: self.seq,
            hash: self.before.to_vec(),
            checkpoints: self.heard,
            signed_seq: self.signed_seq,
        })
    }
}

//! What is wrong with a log, beginning with the first bad entry.

use std::sync::Arc;

use crate::error::StoreError;

/// The first thing that does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// An entry's content, its hash, or what stood before it was changed.
    #[error("entry {seq} was changed: its hash does not follow from what it says and the entry before it")]
    Changed {
        /// The entry.
        seq: i64,
    },
    /// Another entry stands where one is expected.
    #[error("entry {seq} is missing: entry {found} stands in its place")]
    Missing {
        /// The entry that should stand there.
        seq: i64,
        /// The one that does.
        found: i64,
    },
    /// The log ends too early.
    #[error("entry {seq} is missing: the log ends before it, and {witness} knows {known} entries")]
    Cut {
        /// The first entry that is not there.
        seq: i64,
        /// Who knows of more.
        witness: String,
        /// How many it knows.
        known: i64,
    },
    /// The log goes on behind what was written last.
    #[error("entry {seq} was added behind the last one that was written")]
    Added {
        /// The first entry too many.
        seq: i64,
    },
    /// The log is whole in itself, and not the one that was signed.
    #[error("entry {seq} or one of those up to {signed_seq} was replaced: {witness} signed another content")]
    Replaced {
        /// The first entry that may be wrong: the one after the last that a checkpoint vouches for.
        seq: i64,
        /// The entry whose hash was signed.
        signed_seq: i64,
        /// Who signed.
        witness: String,
    },
    /// What is kept of the last entry does not belong to it.
    #[error("the log's head does not belong to its last entry, {seq}")]
    Head {
        /// The last entry.
        seq: i64,
    },
    /// A checkpoint's signature does not hold.
    #[error("checkpoint {number} of {place} was changed, or is signed by a key that this log does not have")]
    Signature {
        /// Where it lies.
        place: Arc<str>,
        /// Its number.
        number: i64,
    },
    /// A checkpoint of the database is not there.
    #[error("checkpoint {number} of {place} is missing")]
    CheckpointMissing {
        /// Where it should lie.
        place: Arc<str>,
        /// Its number.
        number: i64,
    },
    /// A line of a file is not one of ours.
    #[error("line {line} of {place} cannot be read: {reason}")]
    Line {
        /// The file.
        place: Arc<str>,
        /// Its number, 1 for the first.
        line: u64,
        /// What is wrong.
        reason: String,
    },
}

impl Fault {
    /// The first bad entry, where the fault is one of an entry.
    #[must_use]
    pub const fn seq(&self) -> Option<i64> {
        match self {
            Self::Changed { seq }
            | Self::Missing { seq, .. }
            | Self::Cut { seq, .. }
            | Self::Added { seq }
            | Self::Replaced { seq, .. }
            | Self::Head { seq } => Some(*seq),
            Self::Signature { .. } | Self::CheckpointMissing { .. } | Self::Line { .. } => None,
        }
    }
}

/// Why a log was not found whole.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// It is not.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// It could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file could not be read or written.
    #[error("the file {path} cannot be read or written")]
    File {
        /// The file.
        path: std::path::PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
}

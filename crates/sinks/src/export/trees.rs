//! Where transcripts and attachments are written to: the trees of a folder, or those of a run in a bucket.
//!
//! Whoever lays them out knows neither. Files are handed over in piles: small enough to be held, large enough for a bucket to
//! take many at once.

use std::fmt;

use bytes::Bytes;

use crate::SinkError;
use crate::export::files::Listed;

/// Files that are handed over together, at most: three times as many as a bucket takes at once.
const PILE_FILES_MAX: usize = 48;
/// Bytes that are handed over together; one file may have more.
const PILE_BYTES_MAX: usize = 8 * 1024 * 1024;

/// The trees of a run.
pub(crate) trait Trees: Send + Sync + fmt::Debug {
    /// What paths begin with, seen from the destination: nothing, or a folder with its last `/`.
    fn root(&self) -> &str;

    /// Write files; all are there when this returns. Only for threads that may block.
    ///
    /// # Errors
    /// Those of the destination, and when the run has been given up.
    fn put(&self, files: &[NewFile]) -> Result<(), SinkError>;
}

/// A file that is to be written.
#[derive(Debug)]
pub(crate) struct NewFile {
    /// Seen from the destination, with `/` between its parts.
    pub(crate) path: String,
    /// As the list names it.
    pub(crate) kind: &'static str,
    /// The conversation's or the attachment's.
    pub(crate) id: Option<i64>,
    pub(crate) content: Bytes,
}

/// Files that wait to be written together.
#[derive(Debug, Default)]
pub(crate) struct Pile {
    files: Vec<NewFile>,
    bytes: usize,
}

impl Pile {
    pub(crate) fn add(&mut self, file: NewFile) {
        self.bytes += file.content.len();
        self.files.push(file);
    }

    /// Whether it is to be written before more is added.
    pub(crate) fn is_full(&self) -> bool {
        self.files.len() >= PILE_FILES_MAX || self.bytes >= PILE_BYTES_MAX
    }

    /// Write them all, and forget them: what the list says of them, in their order. Only for threads that may block.
    pub(crate) fn put(&mut self, trees: &dyn Trees) -> Result<Vec<Listed>, SinkError> {
        trees.put(&self.files)?;
        self.bytes = 0;
        let listed = |file: NewFile| Listed::of(file.path, file.kind, file.id, &file.content);
        Ok(self.files.drain(..).map(listed).collect())
    }
}

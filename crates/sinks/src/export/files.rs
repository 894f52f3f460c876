//! `files.ndjson`: the size and hash of every transcript and attachment, one line each.
//!
//! They may be millions, so they have a list of their own; the manifest holds the list's hash, and so all of theirs.

use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::SinkError;
use crate::partial::{PartialFile, Whole};
use crate::sink::Subject;

/// Its name, in a folder and in a run's tree.
pub(crate) const FILES: &str = "files.ndjson";

/// The kinds of its files.
const KINDS: [&str; 3] = ["transcript", "index", "attachment"];

/// One file of an export that is no table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Listed {
    /// Where it lies, seen from the destination, with `/` between the parts.
    pub(crate) path: String,
    /// `transcript`, `index` or `attachment`.
    pub(crate) kind: &'static str,
    /// The conversation's or the attachment's id; null for pages of the index.
    pub(crate) id: Option<i64>,
    pub(crate) bytes: u64,
    pub(crate) sha256: String,
}

impl Listed {
    /// Describe a file with this content.
    pub(crate) fn of(path: String, kind: &'static str, id: Option<i64>, content: &[u8]) -> Self {
        let sha256 = hex::encode(Sha256::digest(content));
        Self { path, kind, id, bytes: content.len() as u64, sha256 }
    }

    /// A line of a list, read back; `None` for one that is none of ours.
    pub(crate) fn parse(line: &str) -> Option<Self> {
        /// The same with the kind as it stands.
        #[derive(Deserialize)]
        struct Line {
            path: String,
            kind: String,
            id: Option<i64>,
            bytes: u64,
            sha256: String,
        }
        let Line { path, kind, id, bytes, sha256 } = serde_json::from_str(line).ok()?;
        let kind = KINDS.into_iter().find(|known| *known == kind)?;
        Some(Self { path, kind, id, bytes, sha256 })
    }

    /// Whether it is about somebody who is to be erased.
    pub(crate) fn is_of(&self, subject: &Subject) -> bool {
        let column = if self.kind == "attachment" { "attachment_id" } else { "conversation_id" };
        self.id.is_some_and(|id| subject.has(column, id))
    }
}

/// The list being written.
#[derive(Debug)]
pub(crate) struct FileList<W = PartialFile> {
    path: PathBuf,
    file: W,
    rows: u64,
    listed_bytes: u64,
}

impl FileList {
    pub(crate) fn begin(root: &Path) -> Result<Self, SinkError> {
        let path = root.join(FILES);
        Ok(Self::over(PartialFile::begin(&path)?, path))
    }

    pub(crate) fn finish(self) -> Result<(Whole, u64), SinkError> {
        let (path, (file, rows)) = (self.path.clone(), self.end());
        Ok((file.finish().map_err(|error| SinkError::io("write", &path, error))?, rows))
    }
}

impl<W: Write> FileList<W> {
    /// A list written to `file`; `path` is what it is called when something fails.
    pub(crate) fn over(file: W, path: PathBuf) -> Self {
        Self { path, file, rows: 0, listed_bytes: 0 }
    }

    pub(crate) fn add(&mut self, listed: &Listed) -> Result<(), SinkError> {
        let mut line = serde_json::to_vec(listed).expect("a line of the list is JSON");
        line.push(b'\n');
        self.file.write_all(&line).map_err(|error| SinkError::io("write", &self.path, error))?;
        self.rows += 1;
        self.listed_bytes += listed.bytes;
        Ok(())
    }

    /// Bytes of all listed files together.
    pub(crate) fn listed_bytes(&self) -> u64 {
        self.listed_bytes
    }

    /// What it was written to, and its lines.
    pub(crate) fn end(self) -> (W, u64) {
        (self.file, self.rows)
    }
}

//! `files.ndjson`: the size and hash of every transcript and attachment, one line each.
//!
//! They may be millions, so they have a list of their own; the manifest holds the list's hash, and so all of theirs.

use std::io::Write;
use std::path::{Path, PathBuf};

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::SinkError;
use crate::partial::{PartialFile, Whole};

/// Its name in the directory.
pub(crate) const FILES: &str = "files.ndjson";

/// One file of an export that is no table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Listed {
    /// Where it lies, seen from the directory, with `/` between the parts.
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
}

/// The list being written.
#[derive(Debug)]
pub(crate) struct FileList {
    path: PathBuf,
    file: PartialFile,
    rows: u64,
    listed_bytes: u64,
}

impl FileList {
    pub(crate) fn begin(root: &Path) -> Result<Self, SinkError> {
        let path = root.join(FILES);
        let file = PartialFile::create(&path).map_err(|error| SinkError::io("create", &path, error))?;
        Ok(Self { path, file, rows: 0, listed_bytes: 0 })
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

    pub(crate) fn finish(self) -> Result<(Whole, u64), SinkError> {
        let rows = self.rows;
        let whole = self.file.finish().map_err(|error| SinkError::io("write", &self.path, error))?;
        Ok((whole, rows))
    }
}

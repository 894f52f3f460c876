//! `manifest.json`: what an export holds, so that a reader can check it without us.
//!
//! It is the last file that gets its name. While it says `"complete": false` the files beside it may belong to
//! two runs; when it says true, every table has exactly the rows, bytes and hash it names.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use model::{Millis, OrgId, RunId};
use serde::{Deserialize, Serialize};
use store::tables::Basis;

use crate::format::Compression;
use crate::partial::PartialFile;
use crate::proof::Proof;
use crate::selection::Selection;
use crate::sink::{PartFile, Plan};
use crate::{Format, SinkError};

/// Its name in the directory.
pub const MANIFEST: &str = "manifest.json";
/// The name of its signature: 128 hexadecimal digits.
pub const SIGNATURE: &str = "manifest.sig";
/// What `kind` says; how a directory is known to be ours.
const KIND: &str = "longshore-export";
/// The version of the manifest's own shape. Additions do not raise it.
const VERSION: u32 = 1;
/// The largest manifest that is read back; ours have a kilobyte for each part.
pub(crate) const MANIFEST_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// The manifest of one export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Always `longshore-export`.
    pub kind: String,
    /// The version of this shape.
    pub version: u32,
    /// Whether the files are what this manifest says.
    pub complete: bool,
    /// Whose data it is.
    pub org_id: OrgId,
    /// The row in `export_runs`.
    pub run_id: RunId,
    /// `ndjson`, `csv` or `parquet`.
    pub format: String,
    /// `delta` where a Delta log stands beside each table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table_format: Option<String>,
    /// How files of rows are compressed, `gzip` or `zstd`; absent where they are not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compression: Option<String>,
    /// Whether formulas were defused (CSV only): then texts may have a `'` before them.
    pub formulas_defused: bool,
    /// The version of the tables, as the store's migrations count it.
    pub schema_version: i64,
    /// The version of the program that wrote it.
    pub longshore_version: String,
    /// When the run began, Unix milliseconds.
    pub started_at: Millis,
    /// When it ended; null while it runs.
    pub finished_at: Option<Millis>,
    /// One entry for each table.
    pub tables: Vec<PartFile>,
    /// The list of transcripts and attachments with their sizes and hashes.
    pub files: Option<PartFile>,
    /// Which tables, columns and conversations went out, and what was masked of them; absent: everything, as it is.
    #[serde(default, skip_serializing_if = "Selection::is_default")]
    pub selection: Selection,
    /// How far the mirror had come: what an incremental export goes on from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basis: Option<Basis>,
    /// Files of the export before that go with the commit, while it is not complete.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replaces: Vec<String>,
    /// What was read back from the files, and how it compares with the mirror.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<Proof>,
    /// The key by which `manifest.sig` signs this file, hexadecimal; empty when there was none to sign with.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub public_key: String,
}

impl Manifest {
    /// The manifest of a run that has not written anything yet.
    #[must_use]
    pub fn begun(plan: &Plan, format: Format, formulas_defused: bool) -> Self {
        Self {
            kind: KIND.to_owned(),
            version: VERSION,
            complete: false,
            org_id: plan.org,
            run_id: plan.run.clone(),
            format: format.name().to_owned(),
            table_format: None,
            compression: None,
            formulas_defused,
            schema_version: plan.schema_version,
            longshore_version: env!("CARGO_PKG_VERSION").to_owned(),
            started_at: plan.started_at,
            finished_at: None,
            tables: Vec::new(),
            files: None,
            selection: plan.selection.clone(),
            // A handover reads single conversations and has none.
            basis: (plan.basis != Basis::default()).then(|| plan.basis.clone()),
            replaces: Vec::new(),
            proof: None,
            public_key: String::new(),
        }
    }

    /// The same of files that are compressed.
    pub(crate) fn compressed(mut self, compression: Compression) -> Self {
        self.compression = (compression != Compression::None).then(|| compression.name().to_owned());
        self
    }

    /// Whether it is the manifest of an export of ours.
    pub(crate) fn is_export(&self) -> bool {
        self.kind == KIND
    }

    /// The manifest in this directory; `None` when there is none, or one that is not ours.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn read(directory: &Path) -> Result<Option<Self>, SinkError> {
        let path = directory.join(MANIFEST);
        let readable = match fs::metadata(&path) {
            Ok(metadata) => metadata.is_file() && metadata.len() <= MANIFEST_BYTES_MAX,
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            Err(error) => return Err(SinkError::io("read", &path, error)),
        };
        if !readable {
            return Ok(None);
        }
        let bytes = fs::read(&path).map_err(|error| SinkError::io("read", &path, error))?;
        Ok(serde_json::from_slice::<Self>(&bytes).ok().filter(Self::is_export))
    }

    /// Put it into the directory, in place of an older one.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn write(&self, directory: &Path) -> Result<(), SinkError> {
        put(directory, MANIFEST, &self.text())
    }

    /// Its text, which is what is signed.
    #[must_use]
    pub fn text(&self) -> String {
        serde_json::to_string_pretty(self).expect("a manifest is JSON") + "\n"
    }

    /// Put a text of it into the directory, with its signature where there is one.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn seal(directory: &Path, text: &str, signature: Option<&[u8]>) -> Result<(), SinkError> {
        if let Some(signature) = signature {
            put(directory, SIGNATURE, &(hex::encode(signature) + "\n"))?;
        }
        put(directory, MANIFEST, text)
    }
}

/// Write a small file, in place of an older one.
fn put(directory: &Path, name: &str, text: &str) -> Result<(), SinkError> {
    let path = directory.join(name);
    let write = || {
        let mut file = PartialFile::create(&path)?;
        file.write_all(text.as_bytes())?;
        file.finish()?.rename()
    };
    write().map_err(|error| SinkError::io("write", &path, error))
}

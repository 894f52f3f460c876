//! What can go wrong with an SQLite file, and what a person can do about it.

use std::path::{Path, PathBuf};

use store::StoreError;

/// Why tables could not be brought into an SQLite file.
#[derive(Debug, thiserror::Error)]
pub enum SqliteError {
    /// What should be the file is a folder, or has no name.
    #[error("{} is not a file's name", path.display())]
    NotAFile {
        /// What was named.
        path: PathBuf,
    },
    /// There is a file, and no export of ours wrote it.
    #[error("{} is there and is not an export", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The file is another organization's export.
    #[error("{} holds the export of organization {found}", path.display())]
    OtherOrg {
        /// The file.
        path: PathBuf,
        /// The organization whose export it is.
        found: i64,
    },
    /// Another program is in the middle of a change to the file.
    #[error("another program is writing to {}", path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// Only what changed was to come, and there is nothing it changed from.
    #[error("{} holds no whole export of the organization that changes could be added to", path.display())]
    NothingToAddTo {
        /// The file.
        path: PathBuf,
    },
    /// The database failed.
    #[error("could not {doing} {}", path.display())]
    Database {
        /// A verb, with what goes before the file's name.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: StoreError,
    },
}

impl SqliteError {
    /// What a person can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::NotAFile { .. } => "name a file, such as archive.sqlite",
            Self::Foreign { .. } => "choose another name: an export only ever replaces an export of its own",
            Self::OtherOrg { .. } => "choose another name: one organization, one file",
            Self::InUse { .. } => {
                "close the program that has the file open; its changes lie in the file beside it that ends in -wal or -journal"
            }
            Self::NothingToAddTo { .. } => "export in full once",
            Self::Database { source: StoreError::DiskFull, .. } => {
                "free some space or choose another disk, then run the export again"
            }
            Self::Database { source, .. } => return source.hint(),
        })
    }

    /// Sort what the driver says.
    pub(super) fn database(doing: &'static str, path: &Path) -> impl FnOnce(sqlx::Error) -> Self + use<> {
        let path = path.to_path_buf();
        move |error| Self::Database { doing, path, source: error.into() }
    }
}

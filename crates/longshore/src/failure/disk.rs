//! Files that cannot be read or written.

use std::io;
use std::path::Path;

use super::Failure;
use crate::exit::Exit;

impl Failure {
    /// A file or folder that could not be read or written; `doing` is a verb (`write`, `read`, `create`).
    pub(crate) fn disk(doing: &str, path: &Path, error: &io::Error) -> Self {
        Self::new(Exit::Disk, format!("cannot {doing} {}: {}", path.display(), reason(error)))
            .hint(hint(error.kind(), path))
    }

    /// An input file named on the command line or in a setting that could not be read.
    pub(crate) fn input(path: &Path, error: &io::Error) -> Self {
        Self::usage(format!("cannot read {}: {}", path.display(), reason(error)))
            .hint("check the path and its permissions")
    }
}

/// The operating system's reason in plain words, without its number.
fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file or folder".into(),
        io::ErrorKind::PermissionDenied => "permission denied".into(),
        io::ErrorKind::StorageFull => "no space left on the disk".into(),
        io::ErrorKind::QuotaExceeded => "the disk quota is used up".into(),
        io::ErrorKind::ReadOnlyFilesystem => "the file system is read-only".into(),
        io::ErrorKind::NotADirectory => "a part of the path is not a folder".into(),
        io::ErrorKind::IsADirectory => "it is a folder".into(),
        io::ErrorKind::AlreadyExists => "it exists already".into(),
        _ => super::chain(error),
    }
}

fn hint(kind: io::ErrorKind, path: &Path) -> String {
    match kind {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "free some space, or choose a folder on another disk; then run the same command again".into()
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "choose a folder that can be written to".into()
        }
        io::ErrorKind::NotFound => "check the path".into(),
        _ => format!("check {}", path.display()),
    }
}

//! A file that is locked while a run writes beside it. It is empty and stays, so that two runs never lock two files.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;

use crate::SinkError;

/// Lock the file, which is made if need be. `target` is what it stands for. Unlocked when dropped.
///
/// # Errors
/// `Busy` when another run has it, and those of the file system.
pub(crate) fn lock(path: &Path, target: &Path) -> Result<File, SinkError> {
    let file = File::options().create(true).truncate(false).write(true).open(path);
    let file = file.map_err(|error| SinkError::io("write", path, error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(SinkError::Busy { path: target.to_path_buf() }),
        // Some network file systems have no locks; a second run at the same time is then the user's to avoid.
        Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => Ok(file),
        Err(TryLockError::Error(error)) => Err(SinkError::io("lock", path, error)),
    }
}

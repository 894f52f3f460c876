//! Bringing files to the disk beside the work: the next part is not kept waiting, the run's commit waits for all.
//!
//! A file that a dead process left unsynced is found by its hash, or not at all. It knows nothing of what is in the files.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::SinkError;
use crate::blocking::{joined, spawn};
use crate::directory::Directory;

/// Files that wait; whoever has one more waits for the disk.
const FILES_WAITING_MAX: usize = 16;
const STEP: &str = "directory";

/// The files of a run on their way.
#[derive(Debug)]
pub(super) struct Syncing {
    files: mpsc::Sender<(PathBuf, File)>,
    thread: JoinHandle<Result<(), SinkError>>,
}

impl Syncing {
    /// Begin without any; the directory stays held until the last is on the disk.
    pub(super) fn begin(directory: &Arc<Directory>) -> Self {
        let (files, mut waiting) = mpsc::channel::<(PathBuf, File)>(FILES_WAITING_MAX);
        let thread = spawn(directory, move || {
            while let Some((path, file)) = waiting.blocking_recv() {
                file.sync_all().map_err(|error| SinkError::io("sync", &path, error))?;
            }
            Ok(())
        });
        Self { files, thread }
    }

    /// One more, that `path` leads to. An error is told by [`Syncing::end`].
    pub(super) async fn add(&self, path: PathBuf, file: File) {
        let _ = self.files.send((path, file)).await;
    }

    /// Wait until all are on the disk.
    ///
    /// # Errors
    /// The file system's, about the first that could not be brought there.
    pub(super) async fn end(self) -> Result<(), SinkError> {
        drop(self.files);
        joined(STEP, self.thread).await
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_does_not_reach_the_disk_is_told_at_the_end_and_holds_nobody_up() {
        let folder = tempfile::tempdir().unwrap();
        let directory = Arc::new(Directory::claim(folder.path(), model::OrgId(1)).unwrap());
        let good = || File::create(folder.path().join("a.csv")).unwrap();
        let syncing = Syncing::begin(&directory);
        syncing.add("a.csv".into(), good()).await;
        syncing.end().await.unwrap();

        let syncing = Syncing::begin(&directory);
        // Nothing that is written there can be synced.
        syncing.add("b.csv".into(), File::open("/dev/null").unwrap()).await;
        for _ in 0..2 * FILES_WAITING_MAX {
            syncing.add("a.csv".into(), good()).await;
        }
        let error = syncing.end().await.unwrap_err();
        assert!(error.to_string().contains("b.csv"), "{error}");
    }
}

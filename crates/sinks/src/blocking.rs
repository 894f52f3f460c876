//! File work, done where it may block.
//!
//! A directory stays locked until the work in it is done, even when nobody waits for that any more: an export that was
//! given up must not write into the next one's files.

use std::sync::Arc;

use tokio::task::JoinHandle;

use crate::SinkError;
use crate::directory::Directory;

/// Do the work, and wait for it.
pub(crate) async fn blocking<T: Send + 'static>(
    directory: &Arc<Directory>,
    step: &'static str,
    work: impl FnOnce() -> Result<T, SinkError> + Send + 'static,
) -> Result<T, SinkError> {
    joined(step, spawn(directory, work)).await
}

/// Have the work begun.
pub(crate) fn spawn<T: Send + 'static>(
    directory: &Arc<Directory>,
    work: impl FnOnce() -> T + Send + 'static,
) -> JoinHandle<T> {
    let held = directory.clone();
    tokio::task::spawn_blocking(move || {
        let done = work();
        drop(held);
        done
    })
}

/// Wait for work that was begun.
pub(crate) async fn joined<T>(
    step: &'static str,
    work: JoinHandle<Result<T, SinkError>>,
) -> Result<T, SinkError> {
    work.await.unwrap_or(Err(SinkError::WriterStopped { step }))
}

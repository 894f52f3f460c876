//! File work, done where it may block.
//!
//! What is worked in is held until the work is done, even when nobody waits for that any more: a directory stays locked, so that
//! an export that was given up does not write into the next one's files.

use std::sync::Arc;

use tokio::task::JoinHandle;

use crate::SinkError;

/// Do the work, and wait for it.
pub(crate) async fn blocking<T: Send + 'static, H: ?Sized + Send + Sync + 'static>(
    held: &Arc<H>,
    step: &'static str,
    work: impl FnOnce() -> Result<T, SinkError> + Send + 'static,
) -> Result<T, SinkError> {
    joined(step, spawn(held, work)).await
}

/// Have the work begun.
pub(crate) fn spawn<T: Send + 'static, H: ?Sized + Send + Sync + 'static>(
    held: &Arc<H>,
    work: impl FnOnce() -> T + Send + 'static,
) -> JoinHandle<T> {
    let held = held.clone();
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

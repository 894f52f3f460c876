//! The tree of a run in a bucket: transcripts and attachments, each an object of its own, and their list, which goes up while
//! they do.
//!
//! Threads lay out and wait; of all their objects 16 are on their way at once. Memory holds the piles that the threads have at
//! hand, and of the list what an upload holds. A tree is the run's own and named by nobody before the commit, so an
//! object may be put again. What is under way is given up with the run: its threads notice that it is gone.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use crate::SinkError;
use crate::blocking::joined;
use crate::export::{FILES, FileList, NewFile, Trees};
use crate::objects::ObjectSink;
use crate::objects::bucket::Bucket;
use crate::objects::error::ObjectError;
use crate::objects::place;
use crate::objects::upload::{PIECE_BYTES, PieceWriter, ended, pieces, put_whole, upload};
use crate::sink::PartFile;

/// Objects on their way at once.
const PUTS_AT_ONCE: usize = 16;
/// The word for it in failures.
const STEP: &str = "files";

/// What a run writes beside its tables.
#[derive(Debug)]
pub(super) struct Files {
    list: String,
    /// One task, which ends when it is dropped.
    upload: JoinSet<Result<bool, ObjectError>>,
    /// Threads that still write end when it does.
    _alive: watch::Sender<()>,
}

/// A tree being filled.
#[derive(Debug)]
struct BucketTrees {
    bucket: Bucket,
    root: String,
    /// Where uploads in pieces are noted.
    notes: String,
    uploads: AtomicU64,
    puts: Semaphore,
    runtime: Handle,
    run: watch::Receiver<()>,
}

impl ObjectSink {
    /// The run's tree, and its list.
    pub(crate) fn begin_files(&mut self) -> (Arc<dyn Trees>, FileList<PieceWriter>) {
        let bucket = self.bucket.clone();
        let run = self.running();
        let (root, notes) = (place::folder(&run.tree), place::uploads(&run.name));
        let list = format!("{root}{FILES}");
        let (writer, mut pieces) = pieces();
        let mut upload = JoinSet::new();
        let (into, name, note) = (bucket.clone(), list.clone(), format!("{notes}/{STEP}.json"));
        upload.spawn(async move { self::upload(&into, &name, &note, &mut pieces).await });
        let (alive, told) = watch::channel(());
        run.files = Some(Files { list: list.clone(), upload, _alive: alive });
        let trees = BucketTrees {
            bucket,
            root,
            notes,
            uploads: AtomicU64::new(0),
            puts: Semaphore::new(PUTS_AT_ONCE),
            runtime: Handle::current(),
            run: told,
        };
        (Arc::new(trees), FileList::over(writer, PathBuf::from(list)))
    }

    /// Do work that takes long, and keep the run's claim meanwhile.
    ///
    /// # Errors
    /// Those of the work, and of the claim.
    pub(crate) async fn keeping<T>(
        &mut self,
        work: impl Future<Output = Result<T, SinkError>>,
    ) -> Result<T, SinkError> {
        self.running().held.keeping(work).await
    }

    /// Have the list, and so all that it names, committed with the run.
    ///
    /// # Errors
    /// Those of the store.
    pub(crate) async fn end_files(&mut self, list: FileList<PieceWriter>) -> Result<(), SinkError> {
        let run = self.running();
        let files = run.files.take().expect("files are begun before they are ended");
        let (writer, rows) = list.end();
        let path = PathBuf::from(&files.list);
        let writing = tokio::task::spawn_blocking(move || {
            writer.finish().map_err(|error| SinkError::io("write", &path, error))
        });
        let written = ended(STEP, files.upload, joined(STEP, writing)).await?;
        run.export.files = Some(PartFile {
            table: STEP.to_owned(),
            period: None,
            file: files.list,
            rows,
            bytes: written.bytes,
            sha256: written.sha256,
            digest: String::new(),
        });
        Ok(())
    }

    /// Give the files up; why, for their list may be what failed: then its writer knows only that nobody takes its bytes.
    pub(crate) async fn fail_files(&mut self, error: SinkError) -> SinkError {
        let Some(files) = self.running().files.take() else { return error };
        let failed: Result<(), SinkError> = ended(STEP, files.upload, async { Err(error) }).await;
        failed.expect_err("it has failed")
    }
}

impl Trees for BucketTrees {
    fn root(&self) -> &str {
        &self.root
    }

    fn put(&self, files: &[NewFile]) -> Result<(), SinkError> {
        let putting = stream::iter(files).map(|file| self.put_one(file)).buffer_unordered(PUTS_AT_ONCE);
        let mut run = self.run.clone();
        self.runtime.block_on(async {
            tokio::select! {
                put = putting.try_collect::<()>() => put.map_err(SinkError::from),
                // It only ever ends: nothing is sent.
                _ = run.changed() => Err(SinkError::WriterStopped { step: STEP }),
            }
        })
    }
}

impl BucketTrees {
    async fn put_one(&self, file: &NewFile) -> Result<(), ObjectError> {
        let _one_of_few = self.puts.acquire().await.expect("it is never closed");
        if file.content.len() > PIECE_BYTES {
            let number = self.uploads.fetch_add(1, Ordering::Relaxed);
            let note = format!("{}/{STEP}-{number}.json", self.notes);
            return put_whole(&self.bucket, &file.path, &note, file.content.clone()).await;
        }
        match file.kind {
            // What strangers have sent is not for browsers to open.
            "attachment" => self.bucket.put(&file.path, file.content.clone()).await,
            _ => self.bucket.put_page(&file.path, file.content.clone()).await,
        }
    }
}

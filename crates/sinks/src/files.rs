//! Tables as files in a directory: the sink of local exports.
//!
//! A part is written by a thread of its own, under a partial name, and waits there until the run is committed. What else an
//! export puts into the directory (transcripts, attachments and their list) joins the same commit.

mod erase;
mod place;
mod rows;
mod syncing;
mod table;
mod trees;

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use model::Millis;
use store::tables::Batch;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::SinkError;
use crate::blocking::{blocking, joined, spawn};
use crate::directory::{Directory, Finished, TABLES};
pub(crate) use crate::files::place::{is_file_of_ours, is_ours};
use crate::files::syncing::Syncing;
pub(crate) use crate::files::table::TableFile;
pub(crate) use crate::files::trees::FolderTrees;
use crate::format::{Compression, Format, Formulas};
use crate::manifest::Manifest;
use crate::partial::{PartialFile, Whole};
use crate::sink::{Doing, Erased, Layout, Part, PartFile, Period, Plan, Sink, Subject};

/// Pages that wait for the writer.
const PAGES_WAITING_MAX: usize = 3;

/// A directory that tables are written into.
#[derive(Debug)]
pub struct FileSink {
    root: PathBuf,
    format: Format,
    compression: Compression,
    formulas: Formulas,
    run: Option<Run>,
}

/// A run that has been let in.
#[derive(Debug)]
struct Run {
    directory: Arc<Directory>,
    manifest: Manifest,
    plan: Plan,
    /// The parts that are whole; those in a tree have their names, the others wait for theirs.
    parts: Finished,
    open: Option<Open>,
    /// Parts on their way to the disk.
    syncing: Syncing,
    extras: Extras,
}

/// The part that is being written.
#[derive(Debug)]
struct Open {
    part: Part,
    pages: mpsc::Sender<Step>,
    writer: JoinHandle<Result<Ended, SinkError>>,
}

/// What its writer leaves.
#[derive(Debug)]
struct Ended {
    whole: Whole,
    file: File,
    path: PathBuf,
    rows: u64,
}

/// What a run puts beside the tables.
#[derive(Debug, Default)]
pub(crate) struct Extras {
    /// The list of its files.
    pub(crate) list: Option<(PartFile, Whole)>,
    /// The directories that were filled under partial names.
    pub(crate) trees: Vec<&'static str>,
}

/// What the writer of a part is told.
#[derive(Debug)]
pub(crate) enum Step {
    Rows(Batch),
    End,
}

impl FileSink {
    /// Tables of this format into this directory, which is looked at by [`Sink::check`] and not before.
    #[must_use]
    pub fn new(root: PathBuf, format: Format, formulas: Formulas) -> Self {
        Self { root, format, compression: Compression::None, formulas, run: None }
    }

    /// The same with files of rows compressed.
    #[must_use]
    pub fn compressed(mut self, compression: Compression) -> Self {
        self.compression = compression;
        self
    }

    /// The directory of the run, once it has been let in.
    pub(crate) fn directory(&self) -> Option<&Arc<Directory>> {
        self.run.as_ref().map(|run| &run.directory)
    }

    /// The manifest of the run, as far as it has come.
    pub(crate) fn manifest(&self) -> Option<&Manifest> {
        self.run.as_ref().map(|run| &run.manifest)
    }

    /// Put a manifest with its signature beside what was committed.
    pub(crate) async fn seal(&self, text: &str, signature: Option<&[u8]>) -> Result<(), SinkError> {
        let directory = self.directory().expect("a run is sealed after its commit");
        let (root, text, signature) =
            (directory.root().to_path_buf(), text.to_owned(), signature.map(<[u8]>::to_vec));
        blocking(directory, "directory", move || Manifest::seal(&root, &text, signature.as_deref())).await
    }

    /// Have more than tables committed with the run.
    pub(crate) fn add(&mut self, extras: Extras) {
        self.running().extras = extras;
    }

    /// Clear away what a run that failed has begun, but for its parts that are whole: they wait for it to go on. What this
    /// cannot remove the next run will.
    pub(crate) async fn give_up(&mut self) {
        if let Some(run) = self.run.take() {
            if let Some(open) = run.open {
                drop(open.pages);
                let _ = open.writer.await;
            }
            let _ = run.syncing.end().await;
            let kept: Vec<String> = run.parts.into_iter().map(|(entry, _)| entry.file).collect();
            let clear = run.directory.clone();
            let _ = blocking(&run.directory, "directory", move || clear.remove_partials(&kept)).await;
        }
    }

    fn running(&mut self) -> &mut Run {
        self.run.as_mut().expect("a run is checked before it begins")
    }
}

impl Sink for FileSink {
    fn layout(&self) -> Layout {
        match self.format {
            Format::Ndjson | Format::Csv => Layout::Whole,
            Format::Parquet => Layout::Months,
        }
    }

    fn check<'a>(&'a mut self, plan: &'a Plan) -> Doing<'a, ()> {
        Box::pin(async move {
            let defused = self.format == Format::Csv && self.formulas == Formulas::Defuse;
            let manifest = Manifest::begun(plan, self.format, defused).compressed(self.compression);
            let (root, begun, recorded) = (self.root.clone(), manifest.clone(), plan.recorded.clone());
            let is_tree = self.format == Format::Parquet;
            let claim = tokio::task::spawn_blocking(move || {
                let (directory, parts) = Directory::go_on(&root, &begun, recorded)?;
                if is_tree {
                    directory.refuse_tables()?;
                }
                directory.begin(&begun)?;
                if is_tree {
                    directory.begin_tree(TABLES)?;
                }
                Ok((Arc::new(directory), parts))
            });
            let (directory, parts) = joined("directory", claim).await?;
            let (plan, extras, syncing) = (plan.clone(), Extras::default(), Syncing::begin(&directory));
            self.run = Some(Run { directory, manifest, plan, parts, open: None, syncing, extras });
            Ok(())
        })
    }

    fn begin<'a>(&'a mut self, part: &'a Part) -> Doing<'a, ()> {
        Box::pin(async move {
            let (format, formulas) = ((self.format, self.compression), self.formulas);
            let run = self.running();
            run.forget(format, part).await;
            let place = place::path(format, run.manifest.org_id, part);
            let (sender, receiver) = mpsc::channel(PAGES_WAITING_MAX);
            let (table, directory) = (part.table, run.directory.clone());
            let writer = spawn(&run.directory, move || {
                let path = directory.part_path(&place)?;
                let file = PartialFile::begin(&path)?;
                let (file, rows) = drain(
                    TableFile::begin(file, path.clone(), table, format, formulas)?,
                    table.name,
                    receiver,
                )?;
                let (whole, file) = file.end().map_err(|error| SinkError::io("write", &path, error))?;
                // In a tree, which nobody sees before the commit, a file gets its name at once.
                if format.0 == Format::Parquet {
                    whole.rename().map_err(|error| SinkError::io("rename", &path, error))?;
                }
                Ok(Ended { whole, file, path, rows })
            });
            run.open = Some(Open { part: *part, pages: sender, writer });
            Ok(())
        })
    }

    fn write(&mut self, batch: Batch) -> Doing<'_, ()> {
        Box::pin(async move {
            let open = self.running().open.as_mut().expect("rows come after their part was begun");
            if open.pages.send(Step::Rows(batch)).await.is_ok() {
                return Ok(());
            }
            // A writer that has gone has failed, and says why itself.
            let step = open.part.table.name;
            let open = self.running().open.take().expect("it is there");
            Err(joined(step, open.writer).await.err().unwrap_or(SinkError::WriterStopped { step }))
        })
    }

    fn commit_part(&mut self) -> Doing<'_, PartFile> {
        Box::pin(async move {
            let format = (self.format, self.compression);
            let run = self.running();
            let open = run.open.take().expect("a part is begun before it is committed");
            let _ = open.pages.send(Step::End).await;
            let Ended { whole, file, path, rows } = joined(open.part.table.name, open.writer).await?;
            let entry = PartFile {
                table: open.part.table.name.to_owned(),
                period: (open.part.period != Period::All).then(|| open.part.period.to_string()),
                file: place::path(format, run.manifest.org_id, &open.part),
                rows,
                bytes: whole.written.bytes,
                sha256: whole.written.sha256.clone(),
                digest: String::new(),
            };
            run.syncing.add(path, file).await;
            run.parts.push((entry.clone(), (format.0 != Format::Parquet).then_some(whole)));
            Ok(entry)
        })
    }

    fn commit(&mut self, finished_at: Millis) -> Doing<'_, ()> {
        Box::pin(async move {
            let is_tree = self.format == Format::Parquet;
            let run = self.running();
            std::mem::replace(&mut run.syncing, Syncing::begin(&run.directory)).end().await?;
            let mut wholes = run.list_parts();
            let Extras { list, mut trees } = std::mem::take(&mut run.extras);
            trees.extend(is_tree.then_some(TABLES));
            if let Some((entry, whole)) = list {
                run.manifest.files = Some(entry);
                wholes.push(whole);
            }
            run.manifest.complete = true;
            run.manifest.finished_at = Some(finished_at);
            let (directory, manifest) = (run.directory.clone(), run.manifest.clone());
            blocking(&run.directory, "directory", move || directory.commit(&wholes, &trees, &manifest)).await
        })
    }

    fn erase<'a>(&'a mut self, subject: &'a Subject) -> Doing<'a, Erased> {
        Box::pin(async move {
            // A run of this sink that has ended holds the directory until then.
            self.run = None;
            let (root, subject) = (self.root.clone(), subject.clone());
            joined("erasure", tokio::task::spawn_blocking(move || erase::erase(&root, &subject))).await
        })
    }
}

impl Run {
    /// Give up what was written of a part, under way or whole.
    async fn forget(&mut self, format: (Format, Compression), part: &Part) {
        if let Some(open) = self.open.take() {
            drop(open.pages);
            let _ = open.writer.await;
        }
        let place = place::path(format, self.manifest.org_id, part);
        self.parts.retain(|(entry, _)| entry.file != place);
    }

    /// Put what stands after the commit into the manifest; answers the files that wait for their names.
    fn list_parts(&mut self) -> Vec<Whole> {
        let (parts, wholes): (Vec<_>, Vec<_>) = std::mem::take(&mut self.parts).into_iter().unzip();
        self.manifest.tables = self.plan.listed(self.directory.standing(), parts);
        wholes.into_iter().flatten().collect()
    }
}

/// Write what comes until the end is told: a channel that closes without it says that the run was given up.
pub(crate) fn drain<W: Write + Send>(
    mut file: TableFile<W>,
    step: &'static str,
    mut pages: mpsc::Receiver<Step>,
) -> Result<(W, u64), SinkError> {
    let mut rows = 0;
    loop {
        match pages.blocking_recv() {
            Some(Step::Rows(batch)) => {
                rows += batch.rows() as u64;
                file.batch(batch)?;
            }
            Some(Step::End) => return Ok((file.finish()?, rows)),
            None => return Err(SinkError::WriterStopped { step }),
        }
    }
}

/// The manifest's line about a file of rows.
pub(crate) fn entry(table: &str, format: Format, whole: &Whole, rows: u64) -> PartFile {
    PartFile {
        table: table.to_owned(),
        period: None,
        file: place::rows(table, format),
        rows,
        bytes: whole.written.bytes,
        sha256: whole.written.sha256.clone(),
        digest: String::new(),
    }
}

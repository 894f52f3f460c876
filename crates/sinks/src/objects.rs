//! Tables as objects in an object store, transcripts and attachments beside them: S3 and what speaks as it does, Google Cloud
//! Storage, Azure Blob Storage.
//!
//! Object stores have no rename, and readers no lock. So every object carries the run that wrote it in its name, none that a
//! manifest names is written again, and `manifest.json` is swapped by a conditional put over the version that was read at
//! [`Sink::check`]: readers who go by it find the export before or the new one, and of two writers one is told. What the
//! manifest no longer names stays for an hour, and is removed by the next run's `check`, together with what dead runs left.
//!
//! The sink knows nothing of the store that feeds it, and no credential but through the client that it was given.

mod address;
mod bucket;
mod carrier;
mod connect;
mod current;
pub(crate) mod delta;
mod erase;
mod error;
mod place;
mod probe;
mod read;
mod state;
mod sweep;
mod trees;
mod upload;

use std::path::PathBuf;

use model::{Millis, OrgId, RunId};
use object_store::UpdateVersion;
use store::export_runs::ExportMode;
use store::tables::Batch;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};

pub use crate::objects::address::{ObjectAddress, Provider};
pub use crate::objects::bucket::Bucket;
pub use crate::objects::carrier::Network;
pub use crate::objects::connect::{ObjectOptions, Retry};
pub use crate::objects::error::ObjectError;
pub(crate) use crate::objects::read::failed;

use crate::SinkError;
use crate::blocking::joined;
use crate::files::{Step, TableFile, drain};
use crate::format::{Compression, Format, Formulas};
use crate::manifest::Manifest;
use crate::objects::state::Held;
use crate::objects::trees::Files;
use crate::objects::upload::{PieceWriter, ended, pieces, upload};
use crate::partial::Written;
use crate::sink::{Doing, Erased, Layout, Part, PartFile, Plan, Sink, Subject};

/// Pages that wait for the writer.
const PAGES_WAITING_MAX: usize = 3;

/// Whose claim it is while what was given up is cleared away.
const CLEARING: &str = "clearing";

/// A prefix of a bucket that exports are written under.
#[derive(Debug)]
pub struct ObjectSink {
    bucket: Bucket,
    format: Format,
    compression: Compression,
    formulas: Formulas,
    /// Whether a Delta log is kept beside each table.
    delta: bool,
    run: Option<Run>,
    /// What was committed last, and its version: its proof and signature are still to come.
    committed: Option<(Manifest, UpdateVersion)>,
}

/// A run that has been let in, and holds the claim.
#[derive(Debug)]
struct Run {
    name: String,
    org: OrgId,
    held: Held,
    /// The manifest that readers go by, and its version.
    before: Option<(Manifest, UpdateVersion)>,
    /// The manifest that this run is to commit, as far as it has come.
    export: Manifest,
    mode: ExportMode,
    /// The tables in the order of the manifest.
    order: Vec<&'static str>,
    uploads: u64,
    open: Option<Open>,
    /// What its tree is called, and what is written there now.
    tree: String,
    files: Option<Files>,
}

/// The part that is being written.
#[derive(Debug)]
struct Open {
    part: Part,
    object: String,
    pages: mpsc::Sender<Step>,
    writer: JoinHandle<Result<(Written, u64), SinkError>>,
    /// One task, which ends when it is dropped.
    upload: JoinSet<Result<bool, ObjectError>>,
}

impl ObjectSink {
    /// Tables of this format into this bucket, which is asked by [`Sink::check`] and not before.
    #[must_use]
    pub fn new(bucket: Bucket, format: Format, formulas: Formulas) -> Self {
        let (compression, delta) = (Compression::None, false);
        Self { bucket, format, compression, formulas, delta, run: None, committed: None }
    }

    /// The same with objects of rows compressed.
    #[must_use]
    pub fn compressed(mut self, compression: Compression) -> Self {
        self.compression = compression;
        self
    }

    /// The same, with a Delta log beside each table.
    #[must_use]
    pub fn with_delta(mut self, delta: bool) -> Self {
        self.delta = delta;
        self
    }

    fn running(&mut self) -> &mut Run {
        self.run.as_mut().expect("a run is checked before it begins")
    }

    /// Let a run in: look, try, claim, and clear away.
    async fn let_in(&self, plan: &Plan) -> Result<Run, SinkError> {
        let bucket = &self.bucket;
        let place = || bucket.place().to_owned();
        let found = current::read(bucket).await?;
        if let Some((found, _)) = found.as_ref().filter(|(found, _)| found.org_id != plan.org) {
            return Err(ObjectError::OtherOrg { place: place(), found: found.org_id.0 }.into());
        }
        let is_ours = state::look(bucket, plan.org, &plan.run).await? || found.is_some();
        // The list is asked for even where it is not needed: a run must be able to clear away.
        let any = bucket.any().await?;
        if let Some(found) = any.filter(|name| !is_ours && !name.starts_with(place::OWN)) {
            return Err(ObjectError::Foreign { place: place(), found }.into());
        }
        let name = place::run_name(&plan.run);
        self.see_recorded(plan, &name).await?;
        probe::probe(bucket, &name).await?;
        let mut held = Held::claim(bucket, plan.org, &plan.run).await?;
        // What was committed between the look and the claim counts.
        let before = current::read(bucket).await?;
        // What a process that died between the two has not told is told before what it speaks of is cleared away.
        let is_behind = |before: &Manifest| delta::is_beside(before) && !held.has_logs_of(before);
        if let Some((before, _)) = before.as_ref().filter(|(before, _)| is_behind(before)) {
            held.keeping(delta::bring(bucket, before, None)).await?;
            held.note_logs_of(before);
        }
        let tree = place::tree(&name, &bucket.folders(place::FILES).await?);
        let (named, state) = (before.as_ref().map(|(manifest, _)| manifest), held.state().clone());
        held.keeping(sweep::sweep(bucket, named, &state, &plan.recorded)).await?;
        let defused = self.format == Format::Csv && self.formulas == Formulas::Defuse;
        let mut export = Manifest::begun(plan, self.format, defused).compressed(self.compression);
        export.table_format = self.delta.then(|| delta::DELTA.to_owned());
        export.tables.clone_from(&plan.recorded);
        let order = plan.tables.iter().map(|table| table.name).collect();
        let (org, mode) = (plan.org, plan.mode);
        let (uploads, open, files) = (0, None, None);
        Ok(Run { name, org, held, before, export, mode, order, uploads, open, tree, files })
    }

    /// See that the parts that an earlier process finished are there as they were written.
    async fn see_recorded(&self, plan: &Plan, run: &str) -> Result<(), SinkError> {
        for part in &plan.recorded {
            let is_own = place::run_of(&part.file) == Some(run);
            if !is_own || self.bucket.size(&part.file).await? != Some(part.bytes) {
                return Err(SinkError::PartLost { file: part.file.clone() });
            }
        }
        Ok(())
    }

    /// The manifest that was committed.
    pub(crate) fn manifest(&self) -> Option<&Manifest> {
        self.committed.as_ref().map(|(manifest, _)| manifest)
    }

    /// Put a manifest with its signature in place of the one that was committed.
    pub(crate) async fn seal(&self, text: &str, signature: Option<&[u8]>) -> Result<(), SinkError> {
        let (_, version) = self.committed.as_ref().expect("a run is sealed after its commit");
        put_sealed(&self.bucket, (text, signature), version).await
    }

    /// Give the claim back, so that the next run need not wait. What this run has written the next one clears away.
    pub(crate) async fn give_up(&mut self) {
        let Some(mut run) = self.run.take() else { return };
        if let Some(mut open) = run.open.take() {
            open.upload.shutdown().await;
        }
        drop(run.files);
        run.held.release().await;
    }
}

impl Sink for ObjectSink {
    fn layout(&self) -> Layout {
        Layout::Months
    }

    fn check<'a>(&'a mut self, plan: &'a Plan) -> Doing<'a, ()> {
        Box::pin(async move {
            self.run = Some(self.let_in(plan).await?);
            Ok(())
        })
    }

    fn begin<'a>(&'a mut self, part: &'a Part) -> Doing<'a, ()> {
        Box::pin(async move {
            self.running().held.renew().await?;
            let (format, formulas) = ((self.format, self.compression), self.formulas);
            let bucket = self.bucket.clone();
            let run = self.running();
            if let Some(mut open) = run.open.take() {
                open.upload.shutdown().await;
            }
            let object = run.free_name(part, format);
            let period = part.period.name();
            run.export
                .tables
                .retain(|entry| (entry.table.as_str(), &entry.period) != (part.table.name, &period));
            let note = format!("{}/{}.json", place::uploads(&run.name), run.uploads);
            run.uploads += 1;
            let (file, mut pieces) = pieces();
            let mut upload = JoinSet::new();
            let name = object.clone();
            upload.spawn(async move { self::upload(&bucket, &name, &note, &mut pieces).await });
            let (sender, receiver) = mpsc::channel(PAGES_WAITING_MAX);
            let (table, path) = (part.table, PathBuf::from(&object));
            let writer = tokio::task::spawn_blocking(move || {
                let file = TableFile::begin(file, path.clone(), table, format, formulas)?;
                let (file, rows): (PieceWriter, u64) = drain(file, table.name, receiver)?;
                Ok((file.finish().map_err(|error| SinkError::io("write", &path, error))?, rows))
            });
            run.open = Some(Open { part: *part, object, pages: sender, writer, upload });
            Ok(())
        })
    }

    fn write(&mut self, batch: Batch) -> Doing<'_, ()> {
        Box::pin(async move {
            self.running().held.renew().await?;
            let open = self.running().open.as_mut().expect("rows come after their part was begun");
            if open.pages.send(Step::Rows(batch)).await.is_ok() {
                return Ok(());
            }
            let open = self.running().open.take().expect("it is there");
            Err(open.end().await.err().unwrap_or(SinkError::WriterStopped { step: "object" }))
        })
    }

    fn commit_part(&mut self) -> Doing<'_, PartFile> {
        Box::pin(async move {
            let run = self.running();
            let open = run.open.take().expect("a part is begun before it is committed");
            let _ = open.pages.send(Step::End).await;
            let (part, object) = (open.part, open.object.clone());
            let (written, rows) = open.end().await?;
            let entry = PartFile {
                table: part.table.name.to_owned(),
                period: part.period.name(),
                file: object,
                rows,
                bytes: written.bytes,
                sha256: written.sha256,
                digest: String::new(),
            };
            run.export.tables.push(entry.clone());
            run.held.renew().await?;
            Ok(entry)
        })
    }

    fn commit(&mut self, finished_at: Millis) -> Doing<'_, ()> {
        Box::pin(async move {
            let bucket = self.bucket.clone();
            let mut run = self.run.take().expect("a run is checked before it begins");
            run.export.complete = true;
            run.export.finished_at = Some(finished_at);
            let (before, version) = run.before.take().unzip();
            run.list_parts(before.as_ref());
            let now = bucket.clock.now();
            let told = before.as_ref().filter(|before| run.held.has_logs_of(before));
            let retire = |state: &mut state::State| {
                state.logs_of = None;
                if let Some(before) = &before {
                    state.retire(before, &run.export, now);
                }
            };
            let text = run.export.text();
            let committed = async {
                run.held.change(retire).await?;
                // The signature is of the manifest before, and the next comes with the seal.
                bucket.delete(place::SIGNATURE).await?;
                let version = current::swap(&bucket, place::MANIFEST, text, version.as_ref()).await?;
                if self.delta || before.as_ref().is_some_and(delta::is_beside) {
                    run.held.keeping(delta::bring(&bucket, &run.export, told)).await?;
                    run.held.note_logs_of(&run.export);
                }
                Ok::<_, SinkError>(version)
            };
            let committed = committed.await;
            run.held.release().await;
            self.committed = Some((run.export, committed?));
            Ok(())
        })
    }

    fn erase<'a>(&'a mut self, subject: &'a Subject) -> Doing<'a, Erased> {
        Box::pin(async move {
            self.give_up().await;
            erase::erase(&self.bucket, subject).await
        })
    }
}

/// A run that is given up before its commit gives its claim back, if there is still somebody to do it.
impl Drop for ObjectSink {
    fn drop(&mut self) {
        let Some(run) = self.run.take() else { return };
        if let Ok(runtime) = Handle::try_current() {
            drop((run.open, run.files));
            runtime.spawn(run.held.release());
        }
    }
}

/// The manifest of what was committed, where something was.
pub(crate) async fn manifest(bucket: &Bucket) -> Result<Option<Manifest>, SinkError> {
    Ok(current::read(bucket).await?.map(|(manifest, _)| manifest))
}

/// Its text as it lies there, where there is one of a size that ours have.
///
/// # Errors
/// Those of a store that cannot be asked.
pub(crate) async fn manifest_text(bucket: &Bucket) -> Result<Option<String>, SinkError> {
    match bucket.get(place::MANIFEST, current::OWN_BYTES_MAX).await {
        Ok(found) => Ok(found.and_then(|(bytes, _)| String::from_utf8(bytes.to_vec()).ok())),
        Err(ObjectError::Damaged { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Whether an object is called as exports call theirs.
pub(crate) fn is_ours(name: &str) -> bool {
    place::run_of(name).is_some()
}

/// Put a manifest in place of the one that lies there, with its signature. Whoever does holds the destination.
pub(crate) async fn seal(bucket: &Bucket, text: &str, signature: Option<&[u8]>) -> Result<(), SinkError> {
    let Some((_, version)) = current::read(bucket).await? else { return Ok(()) };
    put_sealed(bucket, (text, signature), &version).await
}

async fn put_sealed(
    bucket: &Bucket,
    (text, signature): (&str, Option<&[u8]>),
    over: &UpdateVersion,
) -> Result<(), SinkError> {
    if let Some(signature) = signature {
        bucket.put(place::SIGNATURE, (hex::encode(signature) + "\n").into()).await?;
    }
    current::swap(bucket, place::MANIFEST, text.to_owned(), Some(over)).await?;
    Ok(())
}

/// Clear away what a run that was given up had begun; what was committed stays.
///
/// # Errors
/// `Busy` as long as it holds its claim, and those of the store.
pub(crate) async fn clear(bucket: &Bucket, org: OrgId) -> Result<(), SinkError> {
    let busy = |error| match error {
        ObjectError::Busy { place, .. } => SinkError::Busy { path: place.into() },
        error => error.into(),
    };
    let mut held = Held::claim(bucket, org, &RunId(CLEARING.to_owned())).await.map_err(busy)?;
    let state = held.state().clone();
    let clearing = async {
        let found = current::read(bucket).await?;
        sweep::sweep(bucket, found.as_ref().map(|(found, _)| found), &state, &[]).await
    };
    let cleared = held.keeping(clearing).await;
    held.release().await;
    Ok(cleared.map(drop)?)
}

impl Run {
    /// What a part's object is called: never as one that readers go by, which a run that goes on may have committed itself.
    fn free_name(&self, part: &Part, format: (Format, Compression)) -> String {
        let mut name = place::part(self.org, part, &self.name, format);
        while self.before.iter().flat_map(|(before, _)| &before.tables).any(|part| part.file == name) {
            name = place::next(&name);
        }
        name
    }

    /// Put the parts in order, in whichever they came; a run of what has changed leaves those of the export before that did
    /// not come as they are.
    fn list_parts(&mut self, before: Option<&Manifest>) {
        if let Some(before) = before.filter(|_| self.mode == ExportMode::Incremental) {
            let came = |part: &&PartFile| self.export.tables.iter().any(|new| new.is_same_part(part));
            let left: Vec<PartFile> = before.tables.iter().filter(|part| !came(part)).cloned().collect();
            self.export.tables.extend(left);
            self.export.files = self.export.files.take().or_else(|| before.files.clone());
        }
        let place = |table: &str| self.order.iter().position(|name| *name == table);
        self.export.tables.sort_by_cached_key(|part| {
            let period = part.period.clone().filter(|period| period != "none");
            (place(&part.table), period.unwrap_or_default())
        });
    }
}

impl Open {
    /// Wait for the part's end.
    async fn end(self) -> Result<(Written, u64), SinkError> {
        let step = self.part.table.name;
        drop(self.pages);
        ended(step, self.upload, joined(step, self.writer)).await
    }
}

//! Removing a person from what has been committed to an object store.
//!
//! Each object that can hold rows of somebody is read through; one that does is written anew under another name without them. Of
//! transcripts and attachments the list is, and theirs go; pages of the index keep their names, which all transcripts link to. Then
//! the manifest is swapped, and what it no longer names goes at once, also what an export before had left for its readers: a
//! person's rows do not wait for them. Cut off in between it is to be repeated: the list that still holds tells what is to go, or
//! nothing is left.

use std::io::{self, BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use model::RunId;
use store::tables::{self, Table};
use tokio::runtime::Handle;

use crate::SinkError;
use crate::blocking::joined;
use crate::export::{FileList, Listed};
use crate::format::{Compression, Format, Records};
use crate::manifest::Manifest;
use crate::objects::bucket::Bucket;
use crate::objects::current;
use crate::objects::delta;
use crate::objects::error::ObjectError;
use crate::objects::place;
use crate::objects::read::{ObjectBytes, ObjectReader, failed};
use crate::objects::state::Held;
use crate::objects::sweep;
use crate::objects::upload::{PieceWriter, pieces, upload};
use crate::parquet::{self, ParquetFile};
use crate::partial::Written;
use crate::rewrite;
use crate::sink::{Erased, PartFile, Subject};
use crate::transcript::index;

/// Whose claim it is while an erasure is under way; one that was cut off is taken over by the next at once.
const ERASURE: &str = "erasure";

/// Erase under this prefix. One that holds no export has nothing to erase.
pub(super) async fn erase(bucket: &Bucket, subject: &Subject) -> Result<Erased, SinkError> {
    let Some((found, _)) = current::read(bucket).await? else { return Ok(Erased::default()) };
    if found.org_id != subject.org {
        let place = bucket.place().to_owned();
        return Err(ObjectError::OtherOrg { place, found: found.org_id.0 }.into());
    }
    let mut held = Held::claim(bucket, subject.org, &RunId(ERASURE.to_owned())).await?;
    let erased = rewrite_all(bucket, &mut held, subject).await;
    held.release().await;
    erased
}

async fn rewrite_all(bucket: &Bucket, held: &mut Held, subject: &Subject) -> Result<Erased, SinkError> {
    let Some((mut manifest, version)) = current::read(bucket).await? else { return Ok(Erased::default()) };
    let Some(format) = Format::named(&manifest.format) else { return Ok(Erased::default()) };
    let mut erased = Erased::default();
    let Manifest { tables, selection, .. } = &mut manifest;
    for part in tables {
        let table = tables::table(&part.table).and_then(|table| selection.narrow(table).ok());
        let Some(table) = table else { continue };
        if Subject::columns(table).is_empty() || place::run_of(&part.file).is_none() {
            continue;
        }
        erased.rows += held.keeping(rewrite_part(bucket, part, (table, format), subject)).await?;
    }
    if let Some(files) = manifest.files.take() {
        let (files, left) = held.keeping(relist(bucket, files, subject)).await?;
        held.keeping(left.clear(bucket, subject)).await?;
        erased.files = left.gone.len() as u64;
        manifest.files = Some(files);
    }
    // What was proved and signed is no longer what is there.
    (manifest.proof, manifest.public_key) = (None, String::new());
    held.change(|state| {
        state.retired.clear();
        state.logs_of = None;
    })
    .await?;
    bucket.delete(place::SIGNATURE).await?;
    current::swap(bucket, place::MANIFEST, manifest.text(), Some(&version)).await?;
    if delta::is_beside(&manifest) {
        held.keeping(delta::bring(bucket, &manifest, None)).await?;
        held.note_logs_of(&manifest);
    }
    let state = held.state().clone();
    held.keeping(sweep::sweep(bucket, Some(&manifest), &state, &[])).await?;
    Ok(erased)
}

/// Write a part anew without the subject's rows, when it has some; how many.
async fn rewrite_part(
    bucket: &Bucket,
    part: &mut PartFile,
    (table, format): (&'static Table, Format),
    subject: &Subject,
) -> Result<u64, SinkError> {
    let from = bucket.bytes_of(part);
    let name = PathBuf::from(&part.file);
    let (from_once, subject_once, name_once) = (from.clone(), subject.clone(), name.clone());
    let counted =
        tokio::task::spawn_blocking(move || count(from_once, &name_once, (table, format), &subject_once));
    let removed = joined(table.name, counted).await?;
    if removed == 0 {
        return Ok(0);
    }
    let (subject, (_, compression)) = (subject.clone(), Compression::of(&part.file));
    let (object, written) = put_anew(bucket, &part.file, table.name, move |into| {
        let failed = |error| failed("rewrite", &name, error);
        match Records::of(format) {
            Some(records) => {
                let rewritten = || {
                    let from = compression.unpack(ObjectReader::new(from))?;
                    let mut into = compression.pack(into)?;
                    rewrite::rows(from, &mut into, records, table, &subject)?;
                    into.finish()?.finish()
                };
                rewritten().map_err(failed)
            }
            None => {
                let mut file = ParquetFile::begin(into, name.clone(), table)?;
                rewrite::columns(from, &mut file, table, &subject, failed)?;
                file.finish()?.finish().map_err(failed)
            }
        }
    })
    .await?;
    part.rows = part.rows.saturating_sub(removed);
    (part.file, part.bytes, part.sha256) = (object, written.bytes, written.sha256);
    part.digest = String::new();
    Ok(removed)
}

/// How many of a part's rows are the subject's.
fn count(
    from: ObjectBytes,
    name: &Path,
    (table, format): (&'static Table, Format),
    subject: &Subject,
) -> Result<u64, SinkError> {
    let mut removed = 0;
    let read = match Records::of(format) {
        Some(records) => {
            let (_, compression) = Compression::of(&name.to_string_lossy());
            let from = compression.unpack(ObjectReader::new(from));
            from.and_then(|from| rewrite::rows(from, &mut io::sink(), records, table, subject))
                .map(|rows| removed = rows)
        }
        None => parquet::read(from, table, subject.org, |batch| {
            let before = batch.rows();
            removed += (before - rewrite::without(batch, subject).rows()) as u64;
            Ok(())
        }),
    };
    read.map_err(|error| failed("rewrite", name, error))?;
    Ok(removed)
}

/// Write the object that takes another's place: its name, and what it holds.
async fn put_anew(
    bucket: &Bucket,
    name: &str,
    step: &'static str,
    write: impl FnOnce(PieceWriter) -> Result<Written, SinkError> + Send + 'static,
) -> Result<(String, Written), SinkError> {
    let object = place::next(name);
    let note = format!("{}/{ERASURE}.json", place::uploads(ERASURE));
    let (into, mut pieces) = pieces();
    let writing = tokio::task::spawn_blocking(move || write(into));
    let uploaded = upload(bucket, &object, &note, &mut pieces).await;
    drop(pieces);
    let written = joined(step, writing).await;
    match uploaded? {
        true => Ok((object, written?)),
        false => Err(written.err().unwrap_or(SinkError::WriterStopped { step })),
    }
}

/// What of a tree is to follow its new list.
#[derive(Debug, Default)]
struct Left {
    /// The subject's files.
    gone: Vec<String>,
    /// Pages of the index that show the subject's conversations.
    pages: Vec<String>,
}

/// Write the list of files without the subject's, pages of the index as they will be: the list as the manifest names it from now
/// on, and what is to follow it.
async fn relist(
    bucket: &Bucket,
    mut files: PartFile,
    subject: &Subject,
) -> Result<(PartFile, Left), SinkError> {
    let Some(folder) = place::folder_of_list(&files.file) else { return Ok((files, Left::default())) };
    let (folder, runtime) = (folder.to_owned(), Handle::current());
    let from = bucket.reader_of(&files);
    let (told, left) = tokio::sync::oneshot::channel();
    let (pages, subject, name) = (bucket.clone(), subject.clone(), PathBuf::from(&files.file));
    let (object, written) = put_anew(bucket, &files.file, "files", move |into| {
        let mut list = FileList::over(into, name.clone());
        let mut left = Left::default();
        for line in BufReader::new(from).lines() {
            let line = line.map_err(|error| failed("rewrite", &name, error))?;
            let Some(listed) = Listed::parse(&line).filter(|listed| listed.path.starts_with(&folder)) else {
                continue;
            };
            if listed.is_of(&subject) {
                left.gone.push(listed.path);
                continue;
            }
            let page = match listed.kind {
                "index" => runtime.block_on(reindexed(&pages, &listed.path, &subject))?,
                _ => None,
            };
            let Some(Page { without, is_as_it_was }) = page else {
                list.add(&listed)?;
                continue;
            };
            // Also of one that is as it was: an erasure that was cut off may have written it.
            list.add(&Listed::of(listed.path.clone(), listed.kind, listed.id, without.as_bytes()))?;
            left.pages.extend((!is_as_it_was).then_some(listed.path));
        }
        let (into, rows) = list.end();
        let _ = told.send((left, rows));
        into.finish().map_err(|error| failed("rewrite", &name, error))
    })
    .await?;
    let (left, rows) = left.await.unwrap_or_default();
    if written.sha256 == files.sha256 {
        // Nothing of the subject was on it: it keeps its name.
        bucket.delete(&object).await?;
        return Ok((files, left));
    }
    files.rows = rows;
    (files.file, files.bytes, files.sha256) = (object, written.bytes, written.sha256);
    Ok((files, left))
}

impl Left {
    /// Remove the subject's files, and write pages of the index without them.
    async fn clear(&self, bucket: &Bucket, subject: &Subject) -> Result<(), ObjectError> {
        for path in &self.pages {
            if let Some(page) = reindexed(bucket, path, subject).await? {
                bucket.put_page(path, page.without.into()).await?;
            }
        }
        bucket.delete_all(&self.gone).await.map(drop)
    }
}

/// A page of the index.
struct Page {
    /// Without the subject's conversations.
    without: String,
    is_as_it_was: bool,
}

/// A page of the index without the subject's conversations; `None` when it is not there.
async fn reindexed(bucket: &Bucket, path: &str, subject: &Subject) -> Result<Option<Page>, ObjectError> {
    const PAGE_BYTES_MAX: u64 = 16 * 1024 * 1024;
    let Some((page, _)) = bucket.get(path, PAGE_BYTES_MAX).await? else { return Ok(None) };
    let page = String::from_utf8_lossy(&page);
    let without = index::without(&page, &subject.conversations);
    Ok(Some(Page { is_as_it_was: without == page, without }))
}

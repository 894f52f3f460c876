//! Removing a person from an export that has been written.
//!
//! Each table's file that can hold rows of somebody is read as a stream and written anew without theirs, beside its
//! place. Then the manifest is marked incomplete, the files get their names, transcripts and attachments go, and the
//! manifest is written with the new hashes. Cut off in between it is to be repeated, and finds less.

use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};

use store::tables::{self, Table};

use crate::SinkError;
use crate::directory::Directory;
use crate::export::{FILES, FileList, Listed};
use crate::files::{entry, is_ours};

use crate::format::{Compression, Format, Records};
use crate::manifest::Manifest;
use crate::parquet::ParquetFile;
use crate::partial::{PartialFile, Whole};
use crate::rewrite;
use crate::sink::{Erased, PartFile, Subject};
use crate::transcript::index;

/// Erase in this directory. One that holds no export has nothing to erase.
pub(super) fn erase(root: &Path, subject: &Subject) -> Result<Erased, SinkError> {
    if Manifest::read(root)?.is_none() {
        return Ok(Erased::default());
    }
    let directory = Directory::claim(root, subject.org)?;
    let Some(mut manifest) = Manifest::read(root)? else { return Ok(Erased::default()) };
    let Some(format) = Format::named(&manifest.format) else { return Ok(Erased::default()) };
    let mut erased = Erased::default();
    let (mut wholes, selection) = (Vec::new(), manifest.selection.clone());
    for file in &mut manifest.tables {
        let table = tables::table(&file.table).and_then(|table| selection.narrow(table).ok());
        let Some(table) = table else { continue };
        if Subject::columns(table).is_empty() || !is_ours(file, subject.org) {
            continue;
        }
        let path = root.join(&file.file);
        let (whole, removed) = match Records::of(format) {
            Some(records) => rewrite(&path, table, records, subject)?,
            None => rewrite_parquet(path, table, subject)?,
        };
        erased.rows += removed;
        file.rows = file.rows.saturating_sub(removed);
        file.bytes = whole.written.bytes;
        file.sha256.clone_from(&whole.written.sha256);
        wholes.push(whole);
    }
    let Relisted { list, gone } = relist(root, subject)?;
    erased.files = gone.len() as u64;
    if let Some((entry, whole)) = list {
        manifest.files = Some(entry);
        wholes.push(whole);
    }
    directory.amend(&wholes, &gone, &manifest)?;
    Ok(erased)
}

/// Write a table's file anew without the subject's rows.
fn rewrite(
    path: &Path,
    table: &'static Table,
    records: Records,
    subject: &Subject,
) -> Result<(Whole, u64), SinkError> {
    let failed = |error| SinkError::io("rewrite", path, error);
    let (_, compression) = Compression::of(&path.to_string_lossy());
    let from = File::open(path).and_then(|from| compression.unpack(from)).map_err(failed)?;
    let into = PartialFile::create(path).and_then(|into| compression.pack(into));
    let mut into = into.map_err(failed)?;
    let removed = rewrite::rows(from, &mut into, records, table, subject).map_err(failed)?;
    let whole = into.finish().and_then(PartialFile::finish).map_err(failed)?;
    Ok((whole, removed))
}

/// The same of a Parquet file.
fn rewrite_parquet(
    path: PathBuf,
    table: &'static Table,
    subject: &Subject,
) -> Result<(Whole, u64), SinkError> {
    let failed = |error| SinkError::io("rewrite", &path, error);
    let from = File::open(&path).map_err(failed)?;
    let mut into = ParquetFile::begin(PartialFile::begin(&path)?, path.clone(), table)?;
    let removed = rewrite::columns(from, &mut into, table, subject, failed)?;
    Ok((into.finish()?.finish().map_err(failed)?, removed))
}

/// The list of files written anew, unless there is none.
#[derive(Default)]
struct Relisted {
    list: Option<(PartFile, Whole)>,
    /// The paths to be removed.
    gone: Vec<String>,
}

/// Write the list of files without the subject's, and the pages of the index without their lines.
fn relist(root: &Path, subject: &Subject) -> Result<Relisted, SinkError> {
    let path = root.join(FILES);
    let lines = match File::open(&path) {
        Ok(file) => BufReader::new(file).lines(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Relisted::default()),
        Err(error) => return Err(SinkError::io("read", &path, error)),
    };
    let mut list = FileList::begin(root)?;
    let mut gone = Vec::new();
    for line in lines {
        let line = line.map_err(|error| SinkError::io("read", &path, error))?;
        let Some(listed) = Listed::parse(&line) else { continue };
        if listed.is_of(subject) {
            gone.push(listed.path);
        } else if listed.kind == "index" {
            list.add(&reindex(root, listed, subject)?)?;
        } else {
            list.add(&listed)?;
        }
    }
    let (whole, rows) = list.finish()?;
    Ok(Relisted { list: Some((entry("files", Format::Ndjson, &whole, rows), whole)), gone })
}

/// Rewrite a page of the index without the subject's conversations.
fn reindex(root: &Path, listed: Listed, subject: &Subject) -> Result<Listed, SinkError> {
    if !Directory::is_in_tree(&listed.path) {
        return Ok(listed);
    }
    let place = root.join(&listed.path);
    let page = fs::read_to_string(&place).map_err(|error| SinkError::io("read", &place, error))?;
    let without = index::without(&page, &subject.conversations);
    // An erasure that was cut off may have written it, and the list knows nothing of that.
    let relisted = Listed::of(listed.path, "index", None, without.as_bytes());
    if without == page {
        return Ok(relisted);
    }
    let write = || {
        let mut file = PartialFile::create(&place)?;
        file.write_all(without.as_bytes())?;
        file.finish()?.rename()
    };
    write().map_err(|error| SinkError::io("write", &place, error))?;
    Ok(relisted)
}

//! The bytes of an export's files, held against what the manifest and the list of files say: in a folder and in a bucket alike.
//!
//! There may be millions of transcripts: the list is read a thousand lines at a time, and sixteen files are read at once, each hashed as
//! a stream.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use futures_util::{StreamExt as _, stream};
use serde::Deserialize;
use tokio::task::spawn_blocking;

use crate::SinkError;
use crate::blocking::joined;
use crate::destination::Destination;
use crate::directory::Directory;
use crate::export::FILES;
use crate::manifest::{MANIFEST, MANIFEST_BYTES_MAX, Manifest};
use crate::partial::{Written, hash};
use crate::sink::PartFile;
use crate::{files, objects};

/// Files that are read at once.
const FILES_AT_ONCE: usize = 16;
/// Lines of the list at hand.
const LINES_AT_ONCE: usize = 1_000;
/// So many files that cannot be read are told of; the rest would be no different.
const UNREADABLE_MAX: u64 = 100;
/// The word for it in failures.
const STEP: &str = "verification";

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Checked {
    /// Transcripts and attachments that were read.
    pub(super) files: u64,
    /// What is not as it was written, with why.
    pub(super) damaged: Vec<String>,
    unreadable: u64,
}

/// What is said of a file.
#[derive(Debug, Deserialize)]
struct Said {
    path: String,
    bytes: u64,
    sha256: String,
}

/// The manifest as it lies there, where it is of a size that ours have.
///
/// # Errors
/// Those of an object store that cannot be asked: each of its objects would be waited for otherwise.
pub(super) async fn text_of(destination: &Destination) -> Result<Option<String>, SinkError> {
    match destination {
        Destination::Folder { dir, .. } => Ok(text_in(dir).await),
        Destination::Objects { bucket, .. } => objects::manifest_text(bucket).await,
        Destination::Sqlite { .. } | Destination::Postgres { .. } => Ok(None),
    }
}

async fn text_in(dir: &Path) -> Option<String> {
    let path = dir.join(MANIFEST);
    let bytes = tokio::fs::metadata(&path).await.ok()?.len();
    if bytes > MANIFEST_BYTES_MAX {
        return None;
    }
    tokio::fs::read_to_string(&path).await.ok()
}

/// Hold every file that the manifest names, and every one that its list names, against what is said of it. A database has none.
///
/// # Errors
/// Those of threads; what is wrong with files is none.
pub(super) async fn check(destination: &Destination, manifest: &Manifest) -> Result<Checked, SinkError> {
    let mut checked = Checked::default();
    if !destination.has_files() {
        return Ok(checked);
    }
    for part in manifest.tables.iter().chain(&manifest.files) {
        if !is_ours(destination, manifest, part) {
            checked.damaged.push(format!("{} is no name of ours", part.file));
            continue;
        }
        let said = Said { path: part.file.clone(), bytes: part.bytes, sha256: part.sha256.clone() };
        checked.note(damage(destination, said).await);
    }
    if let Some(list) = manifest.files.as_ref().filter(|list| is_ours(destination, manifest, list))
        && let Err(error) = checked.check_listed(destination, list).await
    {
        checked.damaged.push(format!("{} cannot be read: {error}", list.file));
    }
    Ok(checked)
}

impl Checked {
    /// The same of transcripts and attachments, line by line of their list.
    async fn check_listed(&mut self, destination: &Destination, list: &PartFile) -> Result<(), SinkError> {
        let mut reader = open(destination, list).await?;
        loop {
            let (rest, lines) = joined(STEP, spawn_blocking(move || some_lines(reader))).await?;
            reader = rest;
            if lines.is_empty() || self.unreadable >= UNREADABLE_MAX {
                return Ok(());
            }
            self.files += lines.len() as u64;
            let found = stream::iter(lines).map(|line| async move {
                match serde_json::from_str::<Said>(&line) {
                    Ok(said) if is_in_tree(destination, list, &said.path) => damage(destination, said).await,
                    Ok(said) => Damage::Told(format!("{} is no name of ours", said.path)),
                    Err(error) => Damage::Unreadable(format!("a line of {} is none: {error}", list.file)),
                }
            });
            let found: Vec<Damage> = found.buffered(FILES_AT_ONCE).collect().await;
            found.into_iter().for_each(|damage| self.note(damage));
        }
    }

    fn note(&mut self, damage: Damage) {
        match damage {
            Damage::None => {}
            Damage::Told(told) => self.damaged.push(told),
            Damage::Unreadable(told) => {
                self.unreadable += 1;
                self.damaged.push(told);
            }
        }
    }
}

/// What is wrong with a file.
enum Damage {
    None,
    Told(String),
    Unreadable(String),
}

async fn damage(destination: &Destination, said: Said) -> Damage {
    let Said { path, bytes, sha256 } = said;
    match hash_of(destination, &path, bytes).await {
        Ok(Some(found)) if (found.bytes, &found.sha256) == (bytes, &sha256) => Damage::None,
        Ok(Some(_)) => Damage::Told(format!("{path} was changed")),
        Ok(None) => Damage::Told(format!("{path} is missing")),
        Err(error) => Damage::Unreadable(format!("{path} cannot be read: {error}")),
    }
}

async fn hash_of(destination: &Destination, file: &str, bytes: u64) -> Result<Option<Written>, SinkError> {
    match destination {
        Destination::Folder { dir, .. } => {
            let path = dir.join(file);
            let hashed = move || hash(&path).map_err(|error| SinkError::io("read", &path, error));
            joined(STEP, spawn_blocking(hashed)).await
        }
        Destination::Objects { bucket, .. } => Ok(bucket.hash(file, bytes).await?),
        Destination::Sqlite { .. } | Destination::Postgres { .. } => Ok(None),
    }
}

/// Whether an entry of the manifest names its file as we name files: a manifest is only a file, and may have been edited.
fn is_ours(destination: &Destination, manifest: &Manifest, part: &PartFile) -> bool {
    match destination {
        Destination::Objects { .. } => objects::is_ours(&part.file),
        _ => part.file == FILES || files::is_ours(part, manifest.org_id),
    }
}

/// Whether a path of the list lies in one of the trees that it is the list of.
fn is_in_tree(destination: &Destination, list: &PartFile, path: &str) -> bool {
    match destination {
        Destination::Objects { .. } => {
            let folder = list.file.rfind('/').map_or("", |end| &list.file[..=end]);
            path.strip_prefix(folder).is_some_and(Directory::is_in_tree)
        }
        _ => Directory::is_in_tree(path),
    }
}

type Lines = Box<dyn BufRead + Send>;

async fn open(destination: &Destination, list: &PartFile) -> Result<Lines, SinkError> {
    if let Destination::Objects { bucket, .. } = destination {
        return Ok(Box::new(BufReader::new(bucket.reader_of(list))));
    }
    let path = destination.dir().map(|dir| dir.join(&list.file)).unwrap_or_default();
    let opened = move || match File::open(&path) {
        Ok(file) => Ok(Box::new(BufReader::new(file)) as Lines),
        Err(error) => Err(SinkError::io("read", &path, error)),
    };
    joined(STEP, spawn_blocking(opened)).await
}

/// The next lines, none at the end.
fn some_lines(mut reader: Lines) -> Result<(Lines, Vec<String>), SinkError> {
    let lines: Result<Vec<String>, _> = BufRead::lines(&mut reader).take(LINES_AT_ONCE).collect();
    let lines = lines.map_err(|error| objects::failed("read", Path::new(FILES), error))?;
    Ok((reader, lines))
}

//! The log as a file of lines, and the check of such a file: no database needed.
//!
//! The first line says what is in it: from where to where, the hash before, the hash of the last entry, the public keys.
//! Then come the checkpoints that speak of these entries, then the entries, so that a checker reads once. A part of the
//! log is checked like a whole one: it must follow from the hash before it, and the checkpoints must have signed it.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Write};
use std::path::Path;
use std::sync::Arc;

use model::Millis;
use serde::{Deserialize, Serialize};

use super::chain::{GENESIS, Hash};
use super::checkpoint::{self, Checkpoint};
use super::entry::Entry;
use super::fault::{AuditError, Fault};
use super::key::{self, PublicKey};
use super::verify::{Checker, Start, Verified};
use super::witness::Witnesses;
use super::{read, second_place};
use crate::db::Db;
use crate::error::StoreError;

/// Which format it is.
const FORMAT: &str = "longshore audit log 1";
/// An entry's line is at most about 1,700 bytes, the first line a few hundred.
const LINE_BYTES_MAX: usize = 64 * 1024;
/// Rows read at once.
const PAGE_ROWS: u32 = 4_000;

/// One line: `{"log":{…}}`, `{"checkpoint":{…}}`, `{"entry":{…}}`.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Log(Head),
    Checkpoint(Checkpoint),
    Entry(Box<Entry>),
}

/// What the first line says.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    format: String,
    /// When the file was written.
    at: Millis,
    after_seq: i64,
    #[serde(with = "super::hexed")]
    before: Vec<u8>,
    through_seq: i64,
    #[serde(with = "super::hexed")]
    hash: Vec<u8>,
    public_keys: Vec<Hexed>,
}

#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct Hexed(#[serde(with = "super::hexed")] Vec<u8>);

/// Which part of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Range {
    /// The entries after this number; 0 from the first on.
    pub after_seq: i64,
    /// Up to this one, or the last.
    pub through_seq: Option<i64>,
}

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Exported {
    /// Entries.
    pub entries: i64,
    /// Checkpoints that speak of them.
    pub checkpoints: i64,
    /// The last entry's number.
    pub last_seq: i64,
}

/// Write a part of the log. Nothing is checked here: what is wrong with the log is in the file, too.
///
/// # Errors
/// [`StoreError::NotFound`] when an end of the range is not there; [`AuditError::File`] under `path`, the name of `out`.
pub async fn export(
    db: &Db,
    range: Range,
    now: Millis,
    (path, out): (&Path, &mut (dyn Write + Send)),
) -> Result<Exported, AuditError> {
    let through_seq = match range.through_seq {
        Some(seq) => seq,
        None => read::head(db).await?.0,
    };
    let head = Head {
        format: FORMAT.to_owned(),
        at: now,
        after_seq: range.after_seq,
        before: hash_at(db, range.after_seq).await?,
        through_seq,
        hash: hash_at(db, through_seq).await?,
        public_keys: key::public_keys(db).await?.into_iter().map(Hexed).collect(),
    };
    let mut writer = Writer { path, out };
    writer.line(&Line::Log(head))?;
    let mut exported = Exported { entries: 0, checkpoints: 0, last_seq: through_seq };
    let mut last = 0;
    loop {
        let page = checkpoint::checkpoints(db, last, PAGE_ROWS).await?;
        let Some(end) = page.last() else { break };
        last = end.number;
        for checkpoint in page {
            if checkpoint.seq >= range.after_seq && checkpoint.seq <= through_seq {
                writer.line(&Line::Checkpoint(checkpoint))?;
                exported.checkpoints += 1;
            }
        }
    }
    let mut last = range.after_seq;
    while last < through_seq {
        let page = read::page(db, last, PAGE_ROWS).await?;
        let Some(end) = page.last() else { break };
        last = end.seq;
        for entry in page.into_iter().take_while(|entry| entry.seq <= through_seq) {
            writer.line(&Line::Entry(Box::new(entry)))?;
            exported.entries += 1;
        }
    }
    writer.out.flush().map_err(|source| failed(path, source))?;
    Ok(exported)
}

/// The hash of the entry of that number.
async fn hash_at(db: &Db, seq: i64) -> Result<Vec<u8>, StoreError> {
    if seq == 0 {
        return Ok(GENESIS.to_vec());
    }
    let found = read::page(db, seq - 1, 1).await?.pop().filter(|entry| entry.seq == seq);
    found.map(|entry| entry.hash).ok_or(StoreError::NotFound { what: "entry of the audit log" })
}

struct Writer<'a> {
    path: &'a Path,
    out: &'a mut (dyn Write + Send),
}

impl Writer<'_> {
    fn line(&mut self, line: &Line) -> Result<(), AuditError> {
        let mut text = serde_json::to_vec(line).map_err(|error| failed(self.path, error.into()))?;
        text.push(b'\n');
        self.out.write_all(&text).map_err(|source| failed(self.path, source))
    }
}

/// A file that was found whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedFile {
    /// What it holds.
    pub verified: Verified,
    /// The keys that were believed.
    pub trusted: Vec<Vec<u8>>,
    /// When it says it was written.
    pub written_at: Millis,
    /// The last entry that checkpoints of later than that know of, where there are any: by then the log had gone on.
    pub later_seq: Option<i64>,
}

/// Check a file that [`export`] wrote, against its own checkpoints and those of the second place. Believed are the keys
/// that the file names, or this one alone.
///
/// # Errors
/// [`AuditError::Fault`] names the first bad entry, checkpoint or line; [`AuditError::File`].
pub fn verify_file(
    path: &Path,
    second: Option<&Path>,
    only: Option<PublicKey>,
) -> Result<VerifiedFile, AuditError> {
    let mut lines = Lines::open(path)?;
    let head = match lines.next()? {
        Some(Line::Log(head)) if head.format == FORMAT => head,
        Some(Line::Log(_)) => {
            return Err(lines.fault("its format is not one that this program knows").into());
        }
        _ => return Err(lines.fault("a file of the audit log begins with what is in it").into()),
    };
    let before: Hash = head.before.as_slice().try_into().map_err(|_| lines.fault("before is no hash"))?;
    let keys = match only {
        Some(key) => vec![key.to_vec()],
        None => head.public_keys.into_iter().map(|key| key.0).collect(),
    };
    let (mut witnesses, start) = (Witnesses::trusting(keys), Start { after_seq: head.after_seq, before });
    if let Some(second) = second {
        second_place::read(second, &mut witnesses)?;
    }
    let mut line = lines.next()?;
    while let Some(Line::Checkpoint(checkpoint)) = line {
        witnesses.add(&lines.place, &checkpoint)?;
        line = lines.next()?;
    }
    let trusted = witnesses.trusted().to_vec();
    let later_seq = witnesses.without_later(head.through_seq, head.at);
    let mut checker = Checker::new(start, witnesses)?;
    while let Some(found) = line {
        let Line::Entry(entry) = found else {
            return Err(lines.fault("only entries may follow an entry").into());
        };
        checker.entry(&entry)?;
        line = lines.next()?;
    }
    let verified = checker.end("the file's first line", head.through_seq, &head.hash)?;
    Ok(VerifiedFile { verified, trusted, written_at: head.at, later_seq })
}

/// The lines of a file.
struct Lines {
    place: Arc<str>,
    path: std::path::PathBuf,
    reader: BufReader<File>,
    number: u64,
}

impl Lines {
    fn open(path: &Path) -> Result<Self, AuditError> {
        let file = File::open(path).map_err(|source| failed(path, source))?;
        let place = path.display().to_string().into();
        Ok(Self { place, path: path.to_owned(), reader: BufReader::new(file), number: 0 })
    }

    fn next(&mut self) -> Result<Option<Line>, AuditError> {
        let mut text = Vec::new();
        let mut bounded = self.reader.by_ref().take(LINE_BYTES_MAX as u64);
        bounded.read_until(b'\n', &mut text).map_err(|source| failed(&self.path, source))?;
        if text.is_empty() {
            return Ok(None);
        }
        self.number += 1;
        serde_json::from_slice(&text).map(Some).map_err(|error| self.fault(&error.to_string()).into())
    }

    fn fault(&self, reason: &str) -> Fault {
        Fault::Line { place: Arc::clone(&self.place), line: self.number.max(1), reason: reason.to_owned() }
    }
}

fn failed(path: &Path, source: std::io::Error) -> AuditError {
    AuditError::File { path: path.to_owned(), source }
}

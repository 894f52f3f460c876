//! The second place: a file, better on another machine, that gets a copy of every checkpoint, a line each.
//!
//! A database that was put back to an older state, or replaced whole, is found by what lies here. Lines are only ever added,
//! and each is on disk before the next. A line that a crash cut off is written again whole behind it, so a line that the
//! next one begins with is no fault.

use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::path::Path;
use std::sync::Arc;

use super::checkpoint::{self, Checkpoint};
use super::fault::{AuditError, Fault};
use super::witness::Witnesses;
use crate::db::Db;

/// A line is about 450 bytes; a longer one than this is not one of ours.
const LINE_BYTES_MAX: usize = 4_096;
/// Checkpoints read at once.
const PAGE_ROWS: u32 = 1_000;

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Followed {
    /// Checkpoints that were added.
    pub added: usize,
    /// Checkpoints in the file that the database does not have: it was put back, or is another one.
    pub unknown: usize,
}

/// Bring the file up to date with the database's checkpoints.
///
/// # Errors
/// [`AuditError::File`], [`Fault::Line`] when the file holds something else, or the database's error.
pub async fn follow(db: &Db, path: &Path) -> Result<Followed, AuditError> {
    let mut held: HashSet<Vec<u8>> = HashSet::new();
    if path.exists() {
        each(path, |checkpoint| {
            held.insert(checkpoint.signature);
            Ok(())
        })?;
    }
    let (mut followed, mut last, mut known) = (Followed::default(), 0, 0);
    let mut file = None;
    loop {
        let page = checkpoint::checkpoints(db, last, PAGE_ROWS).await?;
        let Some(end) = page.last() else { break };
        last = end.number;
        for checkpoint in &page {
            if held.contains(&checkpoint.signature) {
                known += 1;
                continue;
            }
            let file = match &mut file {
                Some(file) => file,
                none => none.insert(open(path).map_err(|source| failed(path, source))?),
            };
            add(file, checkpoint).map_err(|source| failed(path, source))?;
            followed.added += 1;
        }
    }
    followed.unknown = held.len().saturating_sub(known);
    Ok(followed)
}

/// Hear every checkpoint of a file.
///
/// # Errors
/// [`AuditError::File`]; [`AuditError::Fault`] when a line was changed.
pub fn read(path: &Path, witnesses: &mut Witnesses) -> Result<usize, AuditError> {
    let (place, mut lines) = (Arc::<str>::from(path.display().to_string()), 0);
    each(path, |checkpoint| {
        lines += 1;
        witnesses.add(&place, &checkpoint)
    })?;
    Ok(lines)
}

/// Ready to be added to: what a crash cut off gets its line end.
fn open(path: &Path) -> std::io::Result<File> {
    let cut_off = match std::fs::read(path) {
        Ok(bytes) => bytes.last().is_some_and(|last| *last != b'\n'),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => false,
        Err(error) => return Err(error),
    };
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    if cut_off {
        file.write_all(b"\n")?;
    }
    Ok(file)
}

fn add(file: &mut File, checkpoint: &Checkpoint) -> std::io::Result<()> {
    let mut line = serde_json::to_vec(checkpoint)?;
    line.push(b'\n');
    file.write_all(&line)?;
    file.sync_data()
}

/// Every checkpoint of a file, in the order of its lines.
fn each(path: &Path, mut heard: impl FnMut(Checkpoint) -> Result<(), Fault>) -> Result<(), AuditError> {
    let file = File::open(path).map_err(|source| failed(path, source))?;
    let mut reader = BufReader::new(file);
    let (mut number, mut cut_off): (u64, Option<(u64, Vec<u8>, String)>) = (0, None);
    let fault = |line, reason| Fault::Line { place: path.display().to_string().into(), line, reason };
    loop {
        let mut line = Vec::new();
        let mut bounded = reader.by_ref().take(LINE_BYTES_MAX as u64);
        bounded.read_until(b'\n', &mut line).map_err(|source| failed(path, source))?;
        if line.is_empty() {
            return cut_off.map_or(Ok(()), |(at, _, reason)| Err(fault(at, reason).into()));
        }
        number += 1;
        let ended = line.pop_if(|last| *last == b'\n').is_some();
        if let Some((at, start, reason)) = cut_off.take()
            && !line.starts_with(&start)
        {
            return Err(fault(at, reason).into());
        }
        match serde_json::from_slice(&line) {
            Ok(checkpoint) => heard(checkpoint)?,
            // The very last line may have been cut off, too.
            Err(_) if !ended && line.len() < LINE_BYTES_MAX => return Ok(()),
            Err(error) if ended => cut_off = Some((number, line, error.to_string())),
            Err(error) => return Err(fault(number, error.to_string()).into()),
        }
    }
}

fn failed(path: &Path, source: std::io::Error) -> AuditError {
    AuditError::File { path: path.to_owned(), source }
}

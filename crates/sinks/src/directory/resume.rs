//! What an earlier process of the same run had finished, found again.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::SinkError;
use crate::directory::{Directory, Finished, TABLES, remove};
use crate::manifest::Manifest;
use crate::partial::{Whole, Written, hash, partial_path, to_disk};
use crate::sink::PartFile;

/// The recorded parts, each with its file when that waits for its name. Nothing is changed unless all are there.
pub(super) fn find(
    directory: &Directory,
    begun: &Manifest,
    recorded: Vec<PartFile>,
) -> Result<Finished, SinkError> {
    let (in_tree, plain): (Vec<_>, Vec<_>) = recorded.into_iter().partition(|part| part.file.contains('/'));
    let mut parts = Vec::with_capacity(in_tree.len() + plain.len());
    for part in plain {
        let place = directory.root.join(&part.file);
        let found = Whole::found(&place, written(&part));
        match found.map_err(|error| SinkError::io("read", &place, error))? {
            Some(whole) => parts.push((part, Some(whole))),
            None => return Err(SinkError::PartLost { file: part.file }),
        }
    }
    if !in_tree.is_empty() {
        find_tree(directory, begun, &in_tree)?;
        parts.extend(in_tree.into_iter().map(|part| (part, None)));
    }
    Ok(parts)
}

/// The same in a tree. A commit that was cut off has put some of them at their places already; there they stay, and the
/// next commit finds them there.
fn find_tree(directory: &Directory, begun: &Manifest, parts: &[PartFile]) -> Result<(), SinkError> {
    let place = directory.root.join(TABLES);
    let was_committing = directory.previous.as_ref().is_some_and(|held| held.run_id == begun.run_id);
    let trees = [Some(partial_path(&place)), was_committing.then_some(place)];
    for part in parts {
        let rest = part.file.split_once('/').map_or("", |(_, rest)| rest);
        let mut is_there = false;
        for path in trees.iter().flatten().map(|tree| tree.join(rest)) {
            let found = hash(&path).map_err(|error| SinkError::io("read", &path, error))?;
            if found == Some(written(part)) {
                to_disk(&path).map_err(|error| SinkError::io("sync", &path, error))?;
                is_there = true;
            }
        }
        if !is_there {
            return Err(SinkError::PartLost { file: part.file.clone() });
        }
    }
    Ok(())
}

fn written(part: &PartFile) -> Written {
    Written { bytes: part.bytes, sha256: part.sha256.clone() }
}

/// Remove everything below a folder but these files; folders without any go too.
pub(super) fn prune(folder: &Path, kept: &BTreeSet<PathBuf>) -> Result<(), SinkError> {
    let failed = |error| SinkError::io("read", folder, error);
    let entries = fs::read_dir(folder).map_err(failed)?.collect::<io::Result<Vec<_>>>().map_err(failed)?;
    for entry in entries {
        let path = entry.path();
        if kept.iter().any(|kept| kept.starts_with(&path) && *kept != path) {
            prune(&path, kept)?;
        } else if !kept.contains(&path) {
            remove(&path)?;
        }
    }
    Ok(())
}

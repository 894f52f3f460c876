//! The tree of tables: filled beside its place, then moved into it file by file.
//!
//! A tree that is swapped whole is away between two renames, and a reader that looks then finds no table at all. So each file is
//! renamed over the one before it: at every moment each part stands at its place whole, as it was or as it is. New
//! files come first and old ones go afterwards.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{remove, sync};
use crate::SinkError;

/// The deepest that our trees go: table, organization, month.
const DEPTH_MAX: usize = 4;

/// Move the files of `from` that are `wanted` to the same places in `to`, and `from` away.
pub(super) fn place(from: &Path, to: &Path, wanted: impl Fn(&Path) -> bool) -> Result<(), SinkError> {
    let mut folders = BTreeSet::new();
    for file in files(from)? {
        let rest = file.strip_prefix(from).expect("it was found there");
        if !wanted(rest) {
            continue;
        }
        let place = to.join(rest);
        let folder = place.parent().expect("a file in a tree has a folder");
        fs::create_dir_all(folder).map_err(|error| SinkError::io("create", folder, error))?;
        fs::rename(&file, &place).map_err(|error| SinkError::io("rename", &place, error))?;
        folders.extend(folder.ancestors().take_while(|one| one.starts_with(to)).map(Path::to_path_buf));
    }
    // All renames first: the first sync then brings most of them to the disk.
    folders.iter().try_for_each(|folder| sync(folder))?;
    remove(from)
}

/// Remove every file of the tree that is not `kept`, and the folders that are empty then.
pub(super) fn sweep(tree: &Path, kept: impl Fn(&Path) -> bool) -> Result<(), SinkError> {
    for file in files(tree)? {
        if !kept(file.strip_prefix(tree).expect("it was found there")) {
            remove(&file)?;
            let folders = file.ancestors().skip(1).take_while(|one| one.starts_with(tree));
            // One that is not empty stays, and so do those above it.
            folders.map(fs::remove_dir).take_while(Result::is_ok).for_each(drop);
        }
    }
    Ok(())
}

/// The files of a tree, in order; none where it is not. Links are not followed.
fn files(tree: &Path) -> Result<Vec<PathBuf>, SinkError> {
    let mut found = Vec::new();
    walk(tree, DEPTH_MAX, &mut found)?;
    found.sort_unstable();
    Ok(found)
}

fn walk(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) -> Result<(), SinkError> {
    let failed = |error| SinkError::io("read", folder, error);
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
    };
    for entry in entries {
        let entry = entry.map_err(failed)?;
        let is_folder = entry.file_type().map_err(failed)?.is_dir();
        if is_folder && depth > 0 {
            walk(&entry.path(), depth - 1, found)?;
        } else {
            found.push(entry.path());
        }
    }
    Ok(())
}

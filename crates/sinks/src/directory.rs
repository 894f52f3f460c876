//! The directory of an export: claimed by one run, written under partial names, committed at the end.
//!
//! At any moment it holds the previous export whole, or the new one whole, or (for the time of some renames,
//! while the manifest says `"complete": false`) files of both, each of them whole. A crash leaves only names that end in
//! `.partial`, which the next run removes.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use model::OrgId;

use crate::manifest::{MANIFEST, Manifest, TableFile};
use crate::partial::{PARTIAL, Whole, partial_path};
use crate::{Format, SinkError};

/// The directories that are written and swapped whole.
pub const TREES: &[&str] = &["transcripts", "attachments"];
/// Held locked while a run writes; stays, so that two runs never lock two files.
const LOCK: &str = ".longshore-lock";
/// What the directory that a tree replaces is called until it is gone.
const REPLACED: &str = ".replaced.partial";

/// A directory that this run alone may write.
#[derive(Debug)]
pub struct Directory {
    root: PathBuf,
    /// Unlocked when dropped.
    _lock: File,
    previous: Option<Manifest>,
}

impl Directory {
    /// Take `root` for an export of `org`: make it if need be, check that nothing of somebody else would be touched,
    /// lock it, and clear away what a crash left.
    ///
    /// # Errors
    /// `NotADirectory`, `NotWritable`, `DiskFull`, `Foreign`, `OtherOrg`, `Busy`, and others of the file system.
    pub fn claim(root: &Path, org: OrgId) -> Result<Self, SinkError> {
        if root.exists() && !root.is_dir() {
            return Err(SinkError::NotADirectory { path: root.to_path_buf() });
        }
        fs::create_dir_all(root).map_err(|error| SinkError::io("create", root, error))?;
        let previous = Manifest::read(root)?;
        match &previous {
            None => refuse_foreign(root)?,
            Some(manifest) if manifest.org_id != org => {
                return Err(SinkError::OtherOrg { path: root.to_path_buf(), found: manifest.org_id.0 });
            }
            Some(_) => {}
        }
        let lock = lock(root)?;
        let directory = Self { root: root.to_path_buf(), _lock: lock, previous };
        directory.remove_partials()?;
        Ok(directory)
    }

    /// Where it is.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Mark the directory as ours before the first file comes, unless an earlier export already does.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn begin(&self, begun: &Manifest) -> Result<(), SinkError> {
        if self.previous.is_some() { Ok(()) } else { begun.write(&self.root) }
    }

    /// An empty tree to be filled, under its partial name.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn begin_tree(&self, name: &str) -> Result<PathBuf, SinkError> {
        let path = partial_path(&self.root.join(name));
        fs::create_dir(&path).map_err(|error| SinkError::io("create", &path, error))?;
        Ok(path)
    }

    /// Give every file and tree its name, remove what only the previous export had, and write the manifest.
    ///
    /// # Errors
    /// Those of the file system. The manifest then says that the export is not complete.
    pub fn commit(&self, wholes: &[Whole], trees: &[&str], manifest: &Manifest) -> Result<(), SinkError> {
        let mut begun = manifest.clone();
        begun.complete = false;
        begun.write(&self.root)?;
        for whole in wholes {
            whole.rename().map_err(|error| SinkError::io("rename", &self.root, error))?;
        }
        for tree in TREES {
            self.replace_tree(tree, trees.contains(tree))?;
        }
        self.remove_stale(manifest)?;
        sync(&self.root)?;
        manifest.write(&self.root)?;
        sync(&self.root)
    }

    /// Remove whatever is not whole: what a crash left, or what this run gives up.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn remove_partials(&self) -> Result<(), SinkError> {
        for name in names(&self.root)?.iter().filter(|name| name.ends_with(PARTIAL)) {
            remove(&self.root.join(name))?;
        }
        Ok(())
    }

    /// Swap in the tree that this run wrote; without one the previous run's goes all the same.
    fn replace_tree(&self, name: &str, written: bool) -> Result<(), SinkError> {
        let place = self.root.join(name);
        let replaced = self.root.join(format!("{name}{REPLACED}"));
        let rename = |from: &Path, to: &Path| {
            fs::rename(from, to).map_err(|error| SinkError::io("rename", from, error))
        };
        let had_one = place.symlink_metadata().is_ok() && (written || self.previous.is_some());
        if had_one {
            rename(&place, &replaced)?;
        }
        if written {
            rename(&partial_path(&place), &place)?;
        }
        if had_one { remove(&replaced) } else { Ok(()) }
    }

    /// Remove tables that the previous manifest names and the new one does not (the other format's).
    fn remove_stale(&self, manifest: &Manifest) -> Result<(), SinkError> {
        let kept = |file: &str| manifest.tables.iter().any(|table| table.file == file);
        let stale = self.previous.iter().flat_map(|previous| &previous.tables);
        for table in stale.filter(|table| is_ours(table) && !kept(&table.file)) {
            remove(&self.root.join(&table.file))?;
        }
        Ok(())
    }
}

/// Whether the previous manifest names a file as we name files: a manifest is only a file, and may have been edited.
fn is_ours(table: &TableFile) -> bool {
    let formats = [Format::Ndjson, Format::Csv];
    let plain = !table.table.is_empty() && table.table.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    plain && formats.iter().any(|format| table.file == format!("{}.{}", table.table, format.name()))
}

fn refuse_foreign(root: &Path) -> Result<(), SinkError> {
    let unfinished = format!("{MANIFEST}{PARTIAL}");
    match names(root)?.into_iter().find(|name| name != LOCK && *name != unfinished) {
        Some(found) => Err(SinkError::Foreign { path: root.to_path_buf(), found }),
        None => Ok(()),
    }
}

fn lock(root: &Path) -> Result<File, SinkError> {
    let path = root.join(LOCK);
    let file = File::options().create(true).truncate(false).write(true).open(&path);
    let file = file.map_err(|error| SinkError::io("write", &path, error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(SinkError::Busy { path: root.to_path_buf() }),
        // Some network file systems have no locks; a second run at the same time is then the user's to avoid.
        Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => Ok(file),
        Err(TryLockError::Error(error)) => Err(SinkError::io("lock", &path, error)),
    }
}

fn names(root: &Path) -> Result<Vec<String>, SinkError> {
    let read = || fs::read_dir(root)?.map(|entry| Ok(entry?.file_name())).collect::<io::Result<Vec<_>>>();
    let names = read().map_err(|error| SinkError::io("read", root, error))?;
    Ok(names.into_iter().map(|name| name.to_string_lossy().into_owned()).collect())
}

/// Remove a file, a link or a directory with all in it; links are not followed. Nothing there is fine.
fn remove(path: &Path) -> Result<(), SinkError> {
    let removed = match path.symlink_metadata() {
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(SinkError::io("remove", path, error)),
        _ => Ok(()),
    }
}

/// Bring the renames to the disk, where directories can be synced.
#[cfg(unix)]
fn sync(root: &Path) -> Result<(), SinkError> {
    File::open(root).and_then(|dir| dir.sync_all()).map_err(|error| SinkError::io("sync", root, error))
}

#[cfg(not(unix))]
fn sync(_root: &Path) -> Result<(), SinkError> {
    Ok(())
}

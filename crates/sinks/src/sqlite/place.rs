//! The file's place: who may write there, what stands there, and how the new file gets its name.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use model::OrgId;

use crate::SinkError;
use crate::lock::lock;
use crate::partial::partial_path;
use crate::sqlite::SqliteError;
use crate::sqlite::file::Open;

/// What SQLite puts beside a file while it is being changed.
const BESIDE: [&str; 2] = ["-journal", "-wal"];
/// Held locked while a run writes; stays, as its siblings in folders do.
const LOCK: &str = ".longshore-lock";

/// A place that this run alone may write to.
#[derive(Debug)]
pub(super) struct Place {
    path: PathBuf,
    /// Whether an export of the organization stands there.
    pub(super) has_export: bool,
    /// Unlocked when dropped.
    _lock: File,
}

impl Place {
    /// Take the place. What stands there is looked at before anything is made, and again once nobody else may change it.
    pub(super) async fn claim(path: &Path, org: OrgId) -> Result<Self, SinkError> {
        if path.is_dir() || path.file_name().is_none() {
            return Err(SqliteError::NotAFile { path: path.to_path_buf() }.into());
        }
        look(path, org).await?;
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(|error| SinkError::io("create", folder, error))?;
        }
        let lock = lock(&beside(path, LOCK), path)?;
        let has_export = look(path, org).await?;
        Ok(Self { path: path.to_path_buf(), has_export, _lock: lock })
    }

    /// Where the new file is written.
    pub(super) fn partial(&self) -> PathBuf {
        partial_path(&self.path)
    }

    /// Where it will stand.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Remove what a run that ended in the middle left.
    pub(super) fn clear(&self) -> Result<(), SinkError> {
        let partial = self.partial();
        for path in BESIDE.map(|ending| beside(&partial, ending)).iter().chain([&partial]) {
            match fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(SinkError::io("remove", path, error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Begin with a copy of the export that stands there.
    pub(super) fn copy(&self) -> Result<(), SinkError> {
        let partial = self.partial();
        fs::copy(&self.path, &partial).map(drop).map_err(|error| SinkError::io("copy", &partial, error))
    }

    /// Give the new file its name, in place of the one before. It is closed, and nothing lies beside it.
    pub(super) fn commit(&self) -> Result<(), SinkError> {
        let partial = self.partial();
        refuse_in_use(&self.path)?;
        let sync = |path: &Path| {
            File::open(path)
                .and_then(|file| file.sync_all())
                .map_err(|error| SinkError::io("sync", path, error))
        };
        sync(&partial)?;
        fs::rename(&partial, &self.path).map_err(|error| SinkError::io("rename", &partial, error))?;
        match self.path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            Some(folder) if cfg!(unix) => sync(folder),
            _ => Ok(()),
        }
    }
}

/// Whether an export of the organization stands there. Anything else that does is refused.
pub(super) async fn look(path: &Path, org: OrgId) -> Result<bool, SinkError> {
    match path.symlink_metadata() {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(SinkError::io("read", path, error)),
    }
    refuse_in_use(path)?;
    match Open::org(path).await? {
        Some(found) if found == org => Ok(true),
        Some(found) => Err(SqliteError::OtherOrg { path: path.to_path_buf(), found: found.0 }.into()),
        None => Err(SqliteError::Foreign { path: path.to_path_buf() }.into()),
    }
}

/// A journal that is put beside another file of its name would be taken for that file's.
fn refuse_in_use(path: &Path) -> Result<(), SinkError> {
    let has_content = |ending| fs::metadata(beside(path, ending)).is_ok_and(|metadata| metadata.len() > 0);
    if BESIDE.into_iter().any(has_content) {
        return Err(SqliteError::InUse { path: path.to_path_buf() }.into());
    }
    Ok(())
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_os_string();
    name.push(ending);
    PathBuf::from(name)
}

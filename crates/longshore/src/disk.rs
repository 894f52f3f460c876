//! Files that appear whole or not at all, and how much room there is for them.

use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// A file being written under another name; [`Whole::finish`] gives it its own.
#[derive(Debug)]
pub(crate) struct Whole {
    path: PathBuf,
    partial: PathBuf,
    writer: BufWriter<fs::File>,
    finished: bool,
}

impl Whole {
    /// Begin to write the file that is to be at `path`.
    pub(crate) fn begin(path: &Path) -> Result<Self, Failure> {
        let mut name = path.as_os_str().to_owned();
        name.push(".partial");
        let partial = PathBuf::from(name);
        let file = fs::File::create(&partial).map_err(|error| Failure::disk("write", path, &error))?;
        Ok(Self { path: path.to_owned(), partial, writer: BufWriter::new(file), finished: false })
    }

    /// Put the file on the disk and in its place, over what was there.
    pub(crate) fn finish(mut self) -> Result<(), Failure> {
        let mut put = || -> io::Result<()> {
            self.writer.flush()?;
            self.writer.get_ref().sync_all()?;
            fs::rename(&self.partial, &self.path)
        };
        put().map_err(|error| Failure::disk("write", &self.path, &error))?;
        self.finished = true;
        Ok(())
    }
}

impl Write for Whole {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writer.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

impl Drop for Whole {
    fn drop(&mut self) {
        if !self.finished {
            let _ = fs::remove_file(&self.partial);
        }
    }
}

/// Write a file whole or not at all.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let mut whole = Whole::begin(path)?;
    whole.write_all(bytes).map_err(|error| Failure::disk("write", path, &error))?;
    whole.finish()
}

/// Make a folder and those above it, where they are missing.
pub(crate) fn make_folder(path: &Path) -> Result<(), Failure> {
    fs::create_dir_all(path).map_err(|error| Failure::disk("create", path, &error))
}

/// The nearest folder of the path that exists.
pub(crate) fn nearest_folder(path: &Path) -> PathBuf {
    let folders = path.ancestors().filter(|folder| folder.is_dir());
    folders.map(Path::to_owned).next().unwrap_or_else(|| PathBuf::from("."))
}

/// Whether a file can be made in the folder: tried by making one.
pub(crate) fn check_writable(folder: &Path) -> Result<(), Failure> {
    let probe = folder.join(format!(".longshore-probe-{}", std::process::id()));
    let tried = fs::File::create_new(&probe).and_then(|mut file| file.write_all(b"probe"));
    let _ = fs::remove_file(&probe);
    tried.map_err(|error| Failure::disk("write to", folder, &error))
}

/// Bytes free for this user on the disk of the folder; `None` where the system does not tell.
#[cfg(unix)]
pub(crate) fn free_bytes(folder: &Path) -> Option<u64> {
    let told = rustix::fs::statvfs(folder).ok()?;
    Some(told.f_bavail.saturating_mul(told.f_frsize))
}

/// Bytes free for this user on the disk of the folder; `None` where the system does not tell.
#[cfg(not(unix))]
pub(crate) fn free_bytes(_folder: &Path) -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_cannot_be_written_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.json");
        write_whole(&path, b"{}").unwrap();
        let taken = folder.path().join("taken");
        fs::create_dir_all(taken.join("inside")).unwrap();
        let failure = write_whole(&taken, b"{}").unwrap_err();
        assert_eq!(failure.exit, crate::exit::Exit::Disk);
        let names: Vec<_> =
            fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names.len(), 2, "{names:?}");
    }

    #[test]
    fn the_nearest_folder_of_a_path_to_be_made_is_found() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(nearest_folder(&folder.path().join("a/b/c.db")), folder.path());
        assert!(free_bytes(folder.path()).is_none_or(|bytes| bytes > 0));
        check_writable(folder.path()).unwrap();
    }
}

//! A file that does not exist until it is whole.
//!
//! It is written beside its place as `<name>.partial`, hashed on the way, synced, and renamed by whoever owns the
//! run. Dropped unfinished it removes itself; after a crash its name tells the next run to.

use std::fs::{self, File};
use std::io::{self, BufWriter, Read as _, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::SinkError;

/// The ending of everything that is not whole yet.
pub const PARTIAL: &str = ".partial";
/// Bytes gathered before the operating system is asked to write.
const BUFFER_BYTES: usize = 256 * 1024;

/// What a finished file holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Its length.
    pub bytes: u64,
    /// The SHA-256 of its bytes, lower-case hexadecimal.
    pub sha256: String,
}

/// A file being written under its partial name.
#[derive(Debug)]
pub struct PartialFile {
    place: PathBuf,
    partial: PathBuf,
    out: Option<BufWriter<File>>,
    hash: Sha256,
    bytes: u64,
}

impl PartialFile {
    /// Begin the file that will stand at `place`; what a crash left of an earlier attempt is replaced.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn create(place: &Path) -> io::Result<Self> {
        let partial = partial_path(place);
        match fs::remove_file(&partial) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        // A new file, never one that a link points to.
        let file = File::options().write(true).create_new(true).open(&partial)?;
        let out = Some(BufWriter::with_capacity(BUFFER_BYTES, file));
        Ok(Self { place: place.to_path_buf(), partial, out, hash: Sha256::new(), bytes: 0 })
    }

    /// Begin the file, for an export.
    ///
    /// # Errors
    /// Those of the file system.
    pub(crate) fn begin(place: &Path) -> Result<Self, SinkError> {
        Self::create(place).map_err(|error| SinkError::io("create", place, error))
    }

    /// Bring all bytes to the disk and give the file to the caller, still under its partial name.
    ///
    /// # Errors
    /// Those of the file system; the file is removed then.
    pub fn finish(self) -> io::Result<Whole> {
        let (whole, file) = self.end()?;
        if let Err(error) = file.sync_all() {
            let _ = fs::remove_file(&whole.partial);
            return Err(error);
        }
        Ok(whole)
    }

    /// Give the file to the caller, still under its partial name, and with it what brings its bytes to the disk: the caller
    /// sees to that.
    ///
    /// # Errors
    /// Those of the file system; the file is removed then.
    pub(crate) fn end(mut self) -> io::Result<(Whole, File)> {
        let out = self.out.take().expect("a file is finished once");
        let file = match out.into_inner() {
            Ok(file) => file,
            Err(error) => {
                let _ = fs::remove_file(&self.partial);
                return Err(error.into_error());
            }
        };
        let written =
            Written { bytes: self.bytes, sha256: hex::encode(std::mem::take(&mut self.hash).finalize()) };
        let whole = Whole {
            written,
            place: std::mem::take(&mut self.place),
            partial: std::mem::take(&mut self.partial),
        };
        Ok((whole, file))
    }
}

impl Write for PartialFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.out.as_mut().expect("a file is finished once").write_all(bytes)?;
        self.hash.update(bytes);
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.as_mut().expect("a file is finished once").flush()
    }
}

impl Drop for PartialFile {
    fn drop(&mut self) {
        if self.out.take().is_some() {
            let _ = fs::remove_file(&self.partial);
        }
    }
}

/// A complete file that waits for its name.
#[derive(Debug)]
pub struct Whole {
    /// What it holds.
    pub written: Written,
    place: PathBuf,
    partial: PathBuf,
}

impl Whole {
    /// A file that an earlier process made whole, if it is still so: under its partial name, or under its own when that process died
    /// while names were given. It is on the disk then.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn found(place: &Path, written: Written) -> io::Result<Option<Self>> {
        for path in [partial_path(place), place.to_path_buf()] {
            if hash(&path)?.as_ref() == Some(&written) {
                to_disk(&path)?;
                return Ok(Some(Self { written, place: place.to_path_buf(), partial: path }));
            }
        }
        Ok(None)
    }

    /// Give the file its name, in place of what had it before. Atomic.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn rename(&self) -> io::Result<()> {
        fs::rename(&self.partial, &self.place)
    }
}

/// Bring a file to the disk that somebody else has written.
///
/// # Errors
/// Those of the file system.
pub(crate) fn to_disk(path: &Path) -> io::Result<()> {
    File::options().write(true).open(path)?.sync_all()
}

/// What the file at this path holds; `None` when there is no file.
///
/// # Errors
/// Those of the file system.
pub fn hash(path: &Path) -> io::Result<Option<Written>> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let (mut hash, mut bytes) = (Sha256::new(), 0);
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok(Some(Written { bytes, sha256: hex::encode(hash.finalize()) }));
        }
        hash.update(&buffer[..read]);
        bytes += read as u64;
    }
}

/// Where the file that will stand at `place` is written.
#[must_use]
pub fn partial_path(place: &Path) -> PathBuf {
    let mut name = place.file_name().unwrap_or_default().to_os_string();
    name.push(PARTIAL);
    place.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_appears_when_it_is_whole_and_not_before() {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("a.csv");
        fs::write(&place, "old").unwrap();

        let mut file = PartialFile::create(&place).unwrap();
        file.write_all(b"new").unwrap();
        let whole = file.finish().unwrap();
        assert_eq!(fs::read_to_string(&place).unwrap(), "old");
        whole.rename().unwrap();

        assert_eq!(fs::read_to_string(&place).unwrap(), "new");
        assert_eq!(whole.written.bytes, 3);
        assert_eq!(whole.written.sha256, hex::encode(Sha256::digest(b"new")));
        assert!(!partial_path(&place).exists());
    }

    #[test]
    fn a_file_given_up_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let mut file = PartialFile::create(&dir.path().join("a.csv")).unwrap();
        file.write_all(b"half").unwrap();
        drop(file);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_left_in_the_way_is_replaced_and_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let victim = dir.path().join("victim");
        fs::write(&victim, "safe").unwrap();
        let place = dir.path().join("a.csv");
        std::os::unix::fs::symlink(&victim, partial_path(&place)).unwrap();
        PartialFile::create(&place).unwrap().finish().unwrap().rename().unwrap();
        assert_eq!(fs::read_to_string(&victim).unwrap(), "safe");
    }
}

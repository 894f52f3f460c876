//! The key file: one key a line, the oldest first, readable by its owner alone.
//!
//! There is one line but while keys are changed: then the new key stands under the old one, and running nodes that meet
//! the new key's name read the file anew. It is only ever replaced whole: written beside, synced, moved into place.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use futures_util::future::{BoxFuture, FutureExt as _, ready};
use model::Entropy;
use zeroize::Zeroizing;

use crate::vault::wrapping::{KeySource, Removed};
use crate::vault::{KEYS_MAX, Key, KeyId, VaultError};

/// A key file is a few lines of 64 digits; more is some other file.
const KEY_FILE_BYTES_MAX: u64 = 4_096;

/// A file of keys.
#[derive(Debug, Clone)]
pub struct KeyFile {
    path: PathBuf,
}

impl KeyFile {
    /// The key file beside a database. Without one a new key is made, but only for a database that knows none yet
    /// (`noted`, see [`crate::vault::noted`]): for any other a missing file is a loss to be told, not to be covered up.
    ///
    /// Of two processes that make the file at once, one wins and the other reads.
    ///
    /// # Errors
    /// [`VaultError::KeyFileMissing`], or [`VaultError::KeyFile`] when it cannot be made.
    pub fn beside(path: &Path, noted: Option<&KeyId>, entropy: &dyn Entropy) -> Result<Self, VaultError> {
        let file = Self { path: path.to_owned() };
        match (path.try_exists(), noted) {
            (Ok(true), _) => Ok(file),
            (Ok(false), Some(expected)) => {
                Err(VaultError::KeyFileMissing { path: path.to_owned(), expected: expected.clone() })
            }
            (Ok(false), None) => {
                let text = render(&[Key::generate(entropy)]);
                put(path, &text, Placing::Link).map_err(|source| key_file(path, source))?;
                Ok(file)
            }
            (Err(source), _) => Err(key_file(path, source)),
        }
    }

    /// The file at that path, which is never made.
    #[must_use]
    pub fn at(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    fn keys(&self) -> Result<Vec<Key>, VaultError> {
        let path = &self.path;
        let found = std::fs::metadata(path).map_err(|source| key_file(path, source))?;
        check_mode(path, &found)?;
        if found.len() > KEY_FILE_BYTES_MAX {
            return Err(VaultError::KeyText);
        }
        let text = Zeroizing::new(std::fs::read_to_string(path).map_err(|source| key_file(path, source))?);
        parse(&text, &self.name())
    }

    fn replace(&self, keys: &[Key]) -> Result<(), VaultError> {
        put(&self.path, &render(keys), Placing::Replace).map_err(|source| key_file(&self.path, source))
    }

    fn append(&self, key: &Key) -> Result<(), VaultError> {
        let mut keys = self.keys()?;
        if keys.len() >= KEYS_MAX {
            return Err(VaultError::KeyCount { place: self.name(), count: keys.len() + 1 });
        }
        keys.push(key.copy());
        self.replace(&keys)
    }

    fn take_out(&self, id: &KeyId) -> Result<Removed, VaultError> {
        let mut keys = self.keys()?;
        let before = keys.len();
        keys.retain(|key| key.id() != *id);
        if keys.len() == before {
            return Ok(Removed::Gone);
        }
        // A file without a key is none of ours: the last one is a person's to delete.
        if keys.is_empty() {
            return Ok(Removed::ByHand);
        }
        self.replace(&keys).map(|()| Removed::Gone)
    }
}

impl KeySource for KeyFile {
    fn name(&self) -> String {
        format!("the key file {}", self.path.display())
    }

    fn read(&self) -> BoxFuture<'_, Result<Vec<Key>, VaultError>> {
        ready(self.keys()).boxed()
    }

    fn add<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<(), VaultError>> {
        ready(self.append(key)).boxed()
    }

    fn remove<'a>(&'a self, id: &'a KeyId) -> BoxFuture<'a, Result<Removed, VaultError>> {
        ready(self.take_out(id)).boxed()
    }
}

/// Keys in a text: one a line, or divided by commas or blanks; lines that begin with `#` are for people.
///
/// # Errors
/// [`VaultError::KeyText`] or [`VaultError::KeyCount`], which names `place`.
pub fn parse(text: &str, place: &str) -> Result<Vec<Key>, VaultError> {
    let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
    let words = lines.flat_map(|line| line.split([',', ' ', '\t', '\r'])).filter(|word| !word.is_empty());
    let keys = words.map(Key::from_text).collect::<Result<Vec<_>, _>>()?;
    match keys.len() {
        1..=KEYS_MAX => Ok(keys),
        0 if !text.trim().is_empty() => Err(VaultError::KeyText),
        count => Err(VaultError::KeyCount { place: place.to_owned(), count }),
    }
}

fn render(keys: &[Key]) -> Zeroizing<String> {
    // Room for all of it: a text that grew would leave copies of its beginning behind.
    let mut text = Zeroizing::new(String::with_capacity(keys.len() * 65));
    for key in keys {
        text.push_str(&key.to_text());
        text.push('\n');
    }
    text
}

fn key_file(path: &Path, source: std::io::Error) -> VaultError {
    VaultError::KeyFile { path: path.to_owned(), source }
}

/// What becomes of a file that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Placing {
    /// It stays.
    Link,
    /// It makes room.
    Replace,
}

/// Written beside and put into place: a crash leaves no half key.
fn put(path: &Path, text: &str, placing: Placing) -> std::io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}.new", std::process::id()));
    let beside = Path::new(&beside);
    // Left by a process of the same number that was killed.
    let _ = std::fs::remove_file(beside);
    let written = owner_only(beside).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    let placed = written.and_then(|()| match placing {
        Placing::Replace => std::fs::rename(beside, path),
        Placing::Link => match std::fs::hard_link(beside, path) {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
            linked => linked,
        },
    });
    let _ = std::fs::remove_file(beside);
    placed?;
    sync_folder(path)
}

#[cfg(unix)]
fn owner_only(path: &Path) -> std::io::Result<std::fs::File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

#[cfg(unix)]
fn sync_folder(path: &Path) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    std::fs::File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(unix)]
fn check_mode(path: &Path, found: &std::fs::Metadata) -> Result<(), VaultError> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = found.permissions().mode() & 0o777;
    if mode & 0o077 == 0 { Ok(()) } else { Err(VaultError::KeyFileMode { path: path.to_owned(), mode }) }
}

#[cfg(not(unix))]
fn owner_only(path: &Path) -> std::io::Result<std::fs::File> {
    std::fs::OpenOptions::new().write(true).create_new(true).open(path)
}

#[cfg(not(unix))]
fn sync_folder(_path: &Path) -> std::io::Result<()> {
    Ok(())
}

#[cfg(not(unix))]
fn check_mode(_path: &Path, _found: &std::fs::Metadata) -> Result<(), VaultError> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::SeededEntropy;

    fn ids(file: &KeyFile) -> Vec<KeyId> {
        file.keys().unwrap().iter().map(Key::id).collect()
    }

    #[test]
    fn a_key_file_is_made_once_for_its_owner_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("vault.key");
        let first = ids(&KeyFile::beside(&path, None, &SeededEntropy::new(1)).unwrap());
        let again = KeyFile::beside(&path, None, &SeededEntropy::new(2)).unwrap();
        assert_eq!(first, ids(&again));
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
            let error = again.keys().unwrap_err();
            assert!(matches!(error, VaultError::KeyFileMode { mode: 0o644, .. }), "{error}");
        }
    }

    #[test]
    fn a_missing_file_of_a_known_key_is_told_and_not_made() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("vault.key");
        let noted = Key::generate(&SeededEntropy::new(1)).id();
        let error = KeyFile::beside(&path, Some(&noted), &SeededEntropy::new(1)).unwrap_err();
        assert!(
            matches!(&error, VaultError::KeyFileMissing { expected, .. } if *expected == noted),
            "{error}"
        );
        assert!(!path.exists());
    }

    #[test]
    fn a_key_is_added_under_the_others_and_taken_out_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("vault.key");
        let file = KeyFile::beside(&path, None, &SeededEntropy::new(1)).unwrap();
        let (old, new) = (ids(&file).remove(0), Key::generate(&SeededEntropy::new(2)));
        file.append(&new).unwrap();
        assert_eq!(ids(&file), [old.clone(), new.id()]);
        file.take_out(&old).unwrap();
        file.take_out(&old).unwrap();
        assert_eq!(ids(&file), [new.id()]);
        assert_eq!(file.take_out(&new.id()).unwrap(), Removed::ByHand);
        assert_eq!(ids(&file), [new.id()], "the last key stays");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_text_of_keys_is_read_in_its_order() {
        let keys = [1, 2].map(|seed| Key::generate(&SeededEntropy::new(seed)));
        let [one, two] = keys.each_ref().map(|key| key.to_text().to_string());
        for text in [format!("{one},{two}"), format!("# old\n{one}\r\n\n# new\n{two}\n")] {
            let read = parse(&text, "it").unwrap();
            assert_eq!(read.iter().map(Key::id).collect::<Vec<_>>(), keys.each_ref().map(Key::id));
        }
        assert!(matches!(parse("", "it"), Err(VaultError::KeyCount { count: 0, .. })));
        assert!(matches!(parse("# none\n", "it"), Err(VaultError::KeyText)));
        assert!(matches!(parse(&format!("{one} x"), "it"), Err(VaultError::KeyText)));
        let many = vec![one; KEYS_MAX + 1].join("\n");
        assert!(matches!(parse(&many, "it"), Err(VaultError::KeyCount { .. })));
    }
}

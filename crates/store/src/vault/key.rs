//! The key: from a file that only its owner may read, or from the environment.

use std::fmt;
use std::io::Write as _;
use std::path::Path;

use base64::Engine as _;
use model::{Entropy, Secret};
use sha2::{Digest as _, Sha256};
use zeroize::{Zeroize as _, Zeroizing};

use crate::vault::VaultError;

const KEY_BYTES: usize = 32;
/// A key file is 64 digits and a newline; more is some other file.
const KEY_FILE_BYTES_MAX: u64 = 1_024;

/// Thirty-two random bytes. Wiped when dropped, never shown.
pub struct Key(Box<[u8; KEY_BYTES]>);

/// The first bytes of a hash of a key: names it, and tells nothing about it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyId([u8; Self::BYTES]);

impl Key {
    /// A new random key.
    #[must_use]
    pub fn generate(entropy: &dyn Entropy) -> Self {
        let mut bytes = Box::new([0; KEY_BYTES]);
        entropy.fill(bytes.as_mut_slice());
        Self(bytes)
    }

    /// Read the key from a text of 64 hexadecimal digits or 32 bytes in base64 (either alphabet).
    ///
    /// # Errors
    /// [`VaultError::KeyText`].
    pub fn from_env(text: &Secret) -> Result<Self, VaultError> {
        let text = text.expose().trim();
        let engines = [
            base64::engine::general_purpose::STANDARD,
            base64::engine::general_purpose::STANDARD_NO_PAD,
            base64::engine::general_purpose::URL_SAFE,
            base64::engine::general_purpose::URL_SAFE_NO_PAD,
        ];
        let decoded =
            hex::decode(text).ok().or_else(|| engines.iter().find_map(|engine| engine.decode(text).ok()));
        let decoded = Zeroizing::new(decoded.ok_or(VaultError::KeyText)?);
        let mut bytes = Box::new([0; KEY_BYTES]);
        if decoded.len() != KEY_BYTES {
            return Err(VaultError::KeyText);
        }
        bytes.copy_from_slice(&decoded);
        Ok(Self(bytes))
    }

    /// Read the key file, or make one (mode 0600) when there is none. Of two processes that make it at once,
    /// one wins and the other reads.
    ///
    /// # Errors
    /// [`VaultError::KeyFileMode`] when others may read it; [`VaultError::KeyFile`], [`VaultError::KeyText`].
    pub fn from_file_or_create(path: &Path, entropy: &dyn Entropy) -> Result<Self, VaultError> {
        match Self::from_file(path) {
            Err(VaultError::KeyFile { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
                create(path, &Self::generate(entropy)).map_err(|source| key_file(path, source))?;
                Self::from_file(path)
            }
            read => read,
        }
    }

    /// Read the key file; never makes one.
    ///
    /// # Errors
    /// As [`Key::from_file_or_create`].
    pub fn from_file(path: &Path) -> Result<Self, VaultError> {
        let found = std::fs::metadata(path).map_err(|source| key_file(path, source))?;
        check_mode(path, &found)?;
        if found.len() > KEY_FILE_BYTES_MAX {
            return Err(VaultError::KeyText);
        }
        let text = std::fs::read_to_string(path).map_err(|source| key_file(path, source))?;
        Self::from_env(&Secret::new(text))
    }

    /// The key's name.
    #[must_use]
    pub fn id(&self) -> KeyId {
        let mut hash = Sha256::new();
        hash.update(b"longshore key id v1\0");
        hash.update(self.0.as_slice());
        KeyId::from_slice(&hash.finalize()[..KeyId::BYTES])
    }

    pub(super) fn bytes(&self) -> &[u8; KEY_BYTES] {
        &self.0
    }
}

impl KeyId {
    pub(super) const BYTES: usize = 8;

    pub(super) fn from_slice(bytes: &[u8]) -> Self {
        Self(bytes.try_into().expect("a key id has eight bytes"))
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.id())
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

fn key_file(path: &Path, source: std::io::Error) -> VaultError {
    VaultError::KeyFile { path: path.to_owned(), source }
}

/// Written beside and linked into place: a crash leaves no half key, and an existing one is never replaced.
fn create(path: &Path, key: &Key) -> std::io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}.new", std::process::id()));
    let beside = Path::new(&beside);
    let text = Zeroizing::new(format!("{}\n", Zeroizing::new(hex::encode(key.bytes())).as_str()));
    let written = owner_only(beside).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    let linked = written.and_then(|()| match std::fs::hard_link(beside, path) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        linked => linked,
    });
    let _ = std::fs::remove_file(beside);
    linked?;
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

    #[test]
    fn a_key_file_is_made_once_for_its_owner_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("vault.key");
        let first = Key::from_file_or_create(&path, &SeededEntropy::new(1)).unwrap();
        let again = Key::from_file_or_create(&path, &SeededEntropy::new(2)).unwrap();
        assert_eq!(first.id(), again.id());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
            let error = Key::from_file_or_create(&path, &SeededEntropy::new(1)).unwrap_err();
            assert!(matches!(error, VaultError::KeyFileMode { mode: 0o644, .. }), "{error}");
        }
    }

    #[test]
    fn a_key_is_read_from_hex_and_both_base64_alphabets() {
        let key = Key::generate(&SeededEntropy::new(3));
        let standard = base64::engine::general_purpose::STANDARD.encode(key.bytes());
        let url = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(key.bytes());
        for text in [hex::encode(key.bytes()), format!(" {standard}\n"), url] {
            assert_eq!(Key::from_env(&Secret::new(text)).unwrap().id(), key.id());
        }
        for text in ["", "short", &"0".repeat(62), &"z".repeat(64)] {
            assert!(matches!(Key::from_env(&Secret::new(text)), Err(VaultError::KeyText)), "{text}");
        }
    }

    #[test]
    fn a_key_shows_its_name_only() {
        let key = Key::generate(&SeededEntropy::new(3));
        assert!(!format!("{key:?}").contains(&hex::encode(key.bytes())[..16]));
    }
}

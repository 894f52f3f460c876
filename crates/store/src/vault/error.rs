//! What the vault refuses, and why, told so that a person can act on it.

use std::path::PathBuf;

use crate::vault::KeyId;

/// What the vault refuses, and why.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// What is to be opened needs another key than those at hand.
    #[error("the secrets were sealed with key {expected}, the key at hand is {found}")]
    WrongKey {
        /// The id of the key that is needed.
        expected: KeyId,
        /// The id of the newest key at hand.
        found: KeyId,
    },
    /// The sealed text is damaged, or lies where it was not put.
    #[error("a sealed secret does not open: it is damaged, or not where it was put")]
    Damaged,
    /// The data key of the sealed text is no longer there.
    #[error("a sealed secret does not open: its data key was destroyed")]
    Destroyed,
    /// The sealed text is of a format this program does not know.
    #[error("a sealed secret has format {0}, which this program does not know")]
    Format(u8),
    /// The key's text is not 32 bytes of hex or base64.
    #[error("the key is not 32 bytes in hexadecimal or base64")]
    KeyText,
    /// There is no key, or there are too many.
    #[error("{place} holds {count} keys, expected 1 to {max}", max = crate::vault::KEYS_MAX)]
    KeyCount {
        /// Where they were read.
        place: String,
        /// How many there are.
        count: usize,
    },
    /// The key file may be read by others.
    #[error("the key file {path} may be read by others (mode {mode:o})")]
    KeyFileMode {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// The key file can be neither read nor made.
    #[error("the key file {path} cannot be read or made")]
    KeyFile {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// The database knows its key, and the file that should hold it is gone.
    #[error("the key file {path} is missing, and this database was sealed with key {expected}")]
    KeyFileMissing {
        /// The file.
        path: PathBuf,
        /// The key that the database knows.
        expected: KeyId,
    },
    /// Keys come from somewhere that this program cannot write to.
    #[error("{place} cannot be given a new key by this program")]
    CannotAdd {
        /// Where keys come from.
        place: String,
    },
    /// Whatever keeps the keys did not do what it was asked.
    #[error("{place} did not {doing}: {reason}")]
    Keeper {
        /// Where keys come from.
        place: String,
        /// What it was asked for, such as `give its keys`.
        doing: &'static str,
        /// What it said, or that it said nothing in time; never a key.
        reason: String,
        /// Whether the same may work later.
        passing: bool,
    },
}

impl VaultError {
    /// What a person can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::WrongKey { .. } => {
                "use the key file or environment key with which this database was first connected"
            }
            Self::Damaged => "connect again: the stored token cannot be used",
            Self::Destroyed => "connect again: the connection was ended, and its secrets with it",
            Self::Format(_) => "install the newer version of this program",
            Self::KeyText => "give 64 hexadecimal digits, or 32 bytes in base64",
            Self::KeyCount { .. } => "give one key a line, the oldest first",
            Self::KeyFileMode { .. } => "run chmod 600 on the key file",
            Self::KeyFile { .. } => "check that the folder exists and may be written by this user",
            Self::KeyFileMissing { .. } => {
                "put the key file back from its copy, or set key_file to where it is; no new one is made"
            }
            Self::CannotAdd { .. } => {
                "give every node the old key and a new one (LONGSHORE_KEY=OLD,NEW, or two lines), then run this again"
            }
            Self::Keeper { .. } => "see docs/vault.md about where keys come from",
        })
    }

    /// Whether the same may work later without anybody doing anything here.
    #[must_use]
    pub const fn is_passing(&self) -> bool {
        matches!(self, Self::Keeper { passing: true, .. })
    }
}

//! Where the lines go: a file that holds each once, or a pipe whose reader may go away.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use sinks::feed::FeedFile;

use crate::exit::Exit;
use crate::failure::Failure;

/// An open target.
pub(super) enum Target {
    File { file: FeedFile, path: PathBuf },
    Stdout,
}

/// What became of lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    /// They are out; on disk, where there is a disk.
    Out { file_bytes: Option<u64> },
    /// The reader went away; it has read enough.
    NobodyReads,
}

impl Target {
    /// Open the file, if one is named; `next` are the lines that will be written first.
    pub(super) fn open(path: Option<&Path>, known_bytes: Option<u64>, next: &[u8]) -> Result<Self, Failure> {
        let Some(path) = path else { return Ok(Self::Stdout) };
        let file =
            FeedFile::open(path, known_bytes, next).map_err(|error| Failure::disk("open", path, &error))?;
        Ok(Self::File { file, path: path.to_owned() })
    }

    /// The file's length, where it is one.
    pub(super) const fn file_bytes(&self) -> Option<u64> {
        match self {
            Self::File { file, .. } => Some(file.bytes()),
            Self::Stdout => None,
        }
    }

    /// Write lines, and wait until they are out.
    pub(super) fn write(&mut self, lines: &[u8]) -> Result<Written, Failure> {
        match self {
            Self::File { file, path } => {
                let bytes = file.append(lines).map_err(|error| Failure::disk("write", path, &error))?;
                Ok(Written::Out { file_bytes: Some(bytes) })
            }
            Self::Stdout => to_stdout(lines),
        }
    }
}

fn to_stdout(lines: &[u8]) -> Result<Written, Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(lines).and_then(|()| stdout.flush()) {
        Ok(()) => Ok(Written::Out { file_bytes: None }),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Written::NobodyReads),
        Err(error) => Err(Failure::new(Exit::Disk, format!("cannot write to stdout: {error}"))),
    }
}

//! The trees of a folder: filled under partial names, and swapped in whole with the commit.

use std::fs;
use std::sync::Arc;

use crate::SinkError;
use crate::directory::Directory;
use crate::export::{NewFile, Trees};

/// The trees of a directory that a run holds.
#[derive(Debug)]
pub(crate) struct FolderTrees {
    directory: Arc<Directory>,
}

impl FolderTrees {
    pub(crate) fn new(directory: Arc<Directory>) -> Self {
        Self { directory }
    }
}

impl Trees for FolderTrees {
    fn root(&self) -> &'static str {
        ""
    }

    fn put(&self, files: &[NewFile]) -> Result<(), SinkError> {
        for file in files {
            let place = self.directory.part_path(&file.path)?;
            fs::write(&place, &file.content).map_err(|error| SinkError::io("write", &place, error))?;
        }
        Ok(())
    }
}

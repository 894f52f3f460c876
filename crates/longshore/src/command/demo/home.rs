//! Where a demo lives: a folder for one world and one database, so that worlds never mix.
//!
//! The same demo again goes on in its folder. Another one (more conversations, other dialogues, another database)
//! finds the folder taken and moves into a numbered one inside it. Nothing is ever removed.

use std::hash::{DefaultHasher, Hasher};
use std::io::Read;
use std::path::{Path, PathBuf};

use model::Millis;
use serde::{Deserialize, Serialize};

use crate::disk;
use crate::failure::Failure;

/// The file that says which demo lives in a folder.
const MARKER: &str = "demo.json";
/// Folders tried before giving up.
const FOLDERS_MAX: u32 = 100;

/// Which demo is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Wanted {
    /// `500 conversations`, or the name, size and hash of a file of dialogues.
    pub(super) world: String,
    pub(super) seed: u64,
    /// The database, where it is not a file in the folder.
    pub(super) database: Option<String>,
}

/// A folder with its demo.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Home {
    #[serde(skip)]
    pub(super) folder: PathBuf,
    #[serde(flatten)]
    pub(super) wanted: Wanted,
    /// When the world's history ends: fixed at the first start, so that it is the same world again.
    pub(super) ends_at: Millis,
    /// Whether this is the first start.
    #[serde(skip)]
    pub(super) fresh: bool,
}

impl Home {
    /// The folder of this demo: `folder`, or the first numbered one inside it that is free or its own. Nothing is
    /// written before [`Home::settle`].
    pub(super) fn choose(folder: &Path, wanted: &Wanted, now: Millis) -> Result<Self, Failure> {
        for number in 1..=FOLDERS_MAX {
            let folder = if number == 1 { folder.to_owned() } else { folder.join(number.to_string()) };
            match marker(&folder)? {
                Some(home) if home.wanted == *wanted => return Ok(Self { folder, fresh: false, ..home }),
                Some(_) => {}
                None if number == 1 && is_foreign(&folder)? => {
                    return Err(Failure::usage(format!(
                        "{} holds files that are not a demo's",
                        folder.display()
                    ))
                    .hint("choose another folder with --dir"));
                }
                None => return Ok(Self { folder, wanted: wanted.clone(), ends_at: now, fresh: true }),
            }
        }
        Err(Failure::usage(format!("{} holds {FOLDERS_MAX} demos already", folder.display()))
            .hint("choose another folder with --dir, or delete those you no longer need"))
    }

    /// Write down whose the folder is.
    pub(super) fn settle(&self) -> Result<(), Failure> {
        if !self.fresh {
            return Ok(());
        }
        let text = serde_json::to_vec_pretty(self)
            .map_err(|error| Failure::unexpected(format!("cannot write {MARKER}: {error}")))?;
        disk::write_whole(&self.folder.join(MARKER), &text)
    }
}

fn marker(folder: &Path) -> Result<Option<Home>, Failure> {
    let path = folder.join(MARKER);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Failure::disk("read", &path, &error)),
    };
    let home = serde_json::from_str(&text).map_err(|error| {
        Failure::usage(format!("{} is not readable: {error}", path.display()))
            .hint("choose another folder with --dir")
    })?;
    Ok(Some(home))
}

/// Whether somebody else's files lie in the folder. A demo that was killed early leaves a database and a key.
fn is_foreign(folder: &Path) -> Result<bool, Failure> {
    let is_ours = |entry: std::fs::DirEntry| entry.file_name().to_string_lossy().starts_with("longshore.");
    match std::fs::read_dir(folder) {
        Ok(entries) => Ok(entries.flatten().any(|entry| !is_ours(entry))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(Failure::disk("read", folder, &error)),
    }
}

/// The name of a file of dialogues as a world: the same content is the same world.
pub(super) fn dialogues(path: &Path) -> Result<String, Failure> {
    let unreadable = |error: std::io::Error| Failure::input(path, &error);
    let mut file = std::fs::File::open(path).map_err(unreadable)?;
    let (mut hasher, mut length, mut buffer) = (DefaultHasher::new(), 0_u64, vec![0; 1 << 16]);
    loop {
        let read = file.read(&mut buffer).map_err(unreadable)?;
        if read == 0 {
            break;
        }
        hasher.write(&buffer[..read]);
        length += read as u64;
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    Ok(format!("dialogues {name}, {length} bytes, {:016x}", hasher.finish()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(conversations: u32) -> Wanted {
        Wanted { world: format!("{conversations} conversations"), seed: 7, database: None }
    }

    #[test]
    fn the_same_demo_comes_home_and_another_moves_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let choose = |conversations, now| {
            let home = Home::choose(folder.path(), &wanted(conversations), Millis(now)).unwrap();
            disk::make_folder(&home.folder).unwrap();
            home.settle().unwrap();
            home
        };
        let first = choose(500, 1);
        assert!(first.fresh);
        let again = choose(500, 2);
        assert_eq!((again.fresh, again.ends_at, &again.folder), (false, Millis(1), &first.folder));
        let other = choose(900, 3);
        assert_eq!((other.fresh, other.folder), (true, folder.path().join("2")));
        assert!(!choose(900, 4).fresh);
    }

    #[test]
    fn a_folder_with_other_files_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("thesis.txt"), "mine").unwrap();
        let failure = Home::choose(folder.path(), &wanted(1), Millis(1)).unwrap_err();
        assert_eq!(failure.exit, crate::exit::Exit::Usage);
    }
}

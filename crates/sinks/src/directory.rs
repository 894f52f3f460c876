//! The directory of an export: claimed by one run, written under partial names, committed at the end.
//!
//! At any moment it holds the previous export whole, or the new one whole, or (for the time of some renames,
//! while the manifest says `"complete": false`) files of both, each of them whole. A crash leaves only names that end in
//! `.partial`, which the next run removes.

mod resume;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use model::OrgId;

use crate::files::{is_file_of_ours, is_ours};
use crate::lock::lock;
use crate::manifest::{MANIFEST, Manifest, SIGNATURE};
use crate::partial::{PARTIAL, Whole, partial_path};
use crate::sink::PartFile;
use crate::{Format, SinkError};

/// The directories that are written and swapped whole.
pub const TREES: &[&str] = &["transcripts", "attachments"];
/// The directory of the tables, where each is cut into files of its own; swapped whole as well.
pub const TABLES: &str = "tables";
/// Held locked while a run writes; stays, so that two runs never lock two files.
const LOCK: &str = ".longshore-lock";
/// What the directory that a tree replaces is called until it is gone.
const REPLACED: &str = ".replaced.partial";

/// Parts that an earlier process of the run finished, with the files that wait for their names.
pub type Finished = Vec<(PartFile, Option<Whole>)>;

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
        let directory = Self::take(root, org)?;
        directory.remove_partials(&[])?;
        Ok(directory)
    }

    /// The same for a run that may go on: `recorded` parts that an earlier process finished stay; answers them, with the files that
    /// wait for their names.
    ///
    /// # Errors
    /// Those of [`Directory::claim`]; `OtherFormat` where a handover lies, `PartLost`.
    pub fn go_on(
        root: &Path,
        begun: &Manifest,
        recorded: Vec<PartFile>,
    ) -> Result<(Self, Finished), SinkError> {
        let directory = Self::take(root, begun.org_id)?;
        if let Some(held) = directory.previous.as_ref().filter(|held| Format::named(&held.format).is_none()) {
            return Err(SinkError::OtherFormat { path: root.to_path_buf(), found: held.format.clone() });
        }
        let parts = resume::find(&directory, begun, recorded)?;
        let kept: Vec<String> = parts.iter().map(|(entry, _)| entry.file.clone()).collect();
        directory.remove_partials(&kept)?;
        Ok((directory, parts))
    }

    /// Take it as it is.
    fn take(root: &Path, org: OrgId) -> Result<Self, SinkError> {
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
        let lock = lock(&root.join(LOCK), root)?;
        Ok(Self { root: root.to_path_buf(), _lock: lock, previous })
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

    /// A tree to be filled, under its partial name: empty, or with what was kept of it.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn begin_tree(&self, name: &str) -> Result<PathBuf, SinkError> {
        let path = partial_path(&self.root.join(name));
        fs::create_dir_all(&path).map_err(|error| SinkError::io("create", &path, error))?;
        Ok(path)
    }

    /// Refuse to write tables into a tree where a directory of somebody else stands.
    ///
    /// # Errors
    /// `Foreign`.
    pub fn refuse_tables(&self) -> Result<(), SinkError> {
        if self.had_tables() || self.root.join(TABLES).symlink_metadata().is_err() {
            return Ok(());
        }
        Err(SinkError::Foreign { path: self.root.clone(), found: TABLES.to_owned() })
    }

    /// Whether the previous export's tables were in a tree.
    fn had_tables(&self) -> bool {
        let is_in_tree = |file: &String| file.starts_with(TABLES);
        self.previous.as_ref().is_some_and(|previous| {
            previous.format == Format::Parquet.name() || previous.replaces.iter().any(is_in_tree)
        })
    }

    /// Where a part is written: at its place, or in the tree that was begun. The folders are made.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn part_path(&self, place: &str) -> Result<PathBuf, SinkError> {
        let Some((tree, rest)) = place.split_once('/') else { return Ok(self.root.join(place)) };
        let path = partial_path(&self.root.join(tree)).join(rest);
        let folder = path.parent().expect("a file in a tree has a folder");
        fs::create_dir_all(folder).map_err(|error| SinkError::io("create", folder, error))?;
        Ok(path)
    }

    /// Give every file and tree its name, remove what only the previous export had, and write the manifest.
    ///
    /// # Errors
    /// Those of the file system. The manifest then says that the export is not complete.
    pub fn commit(&self, wholes: &[Whole], trees: &[&str], manifest: &Manifest) -> Result<(), SinkError> {
        let begun = Manifest { complete: false, replaces: self.stale(manifest), ..manifest.clone() };
        begun.write(&self.root)?;
        remove(&self.root.join(SIGNATURE))?;
        for whole in wholes {
            whole.rename().map_err(|error| SinkError::io("rename", &self.root, error))?;
        }
        for tree in TREES {
            self.replace_tree(tree, trees.contains(tree), self.previous.is_some())?;
        }
        self.replace_tree(TABLES, trees.contains(&TABLES), self.had_tables())?;
        for file in begun.replaces {
            remove(&self.root.join(file))?;
        }
        sync(&self.root)?;
        manifest.write(&self.root)?;
        sync(&self.root)
    }

    /// Give rewritten files their names, remove those at `gone`, and write the manifest.
    ///
    /// # Errors
    /// Those of the file system. The manifest then says that the export is not complete.
    pub fn amend(&self, wholes: &[Whole], gone: &[String], manifest: &Manifest) -> Result<(), SinkError> {
        let mut begun = manifest.clone();
        begun.complete = false;
        begun.write(&self.root)?;
        for whole in wholes {
            whole.rename().map_err(|error| SinkError::io("rename", &self.root, error))?;
        }
        for path in gone.iter().filter(|path| Self::is_in_tree(path)) {
            remove(&self.root.join(path))?;
        }
        sync(&self.root)?;
        manifest.write(&self.root)?;
        sync(&self.root)
    }

    /// Whether a path of the list of files lies in one of our trees: the list is only a file, and may have been edited.
    #[must_use]
    pub fn is_in_tree(path: &str) -> bool {
        let mut parts = path.split('/');
        let plain = |part: &str| !part.is_empty() && part != "." && part != ".." && !part.contains('\\');
        parts.next().is_some_and(|tree| TREES.contains(&tree)) && parts.all(plain)
    }

    /// Remove whatever is not whole: what a crash left, or what this run gives up. The files of parts `kept` stay.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn remove_partials(&self, kept: &[String]) -> Result<(), SinkError> {
        let kept: BTreeSet<PathBuf> = kept.iter().map(|file| self.waiting_path(file)).collect();
        for name in names(&self.root)?.iter().filter(|name| name.ends_with(PARTIAL)) {
            let path = self.root.join(name);
            if kept.iter().any(|kept| kept.starts_with(&path) && *kept != path) {
                resume::prune(&path, &kept)?;
            } else if !kept.contains(&path) {
                remove(&path)?;
            }
        }
        Ok(())
    }

    /// Where a part that is whole waits for the commit.
    fn waiting_path(&self, file: &str) -> PathBuf {
        match file.split_once('/') {
            Some((tree, rest)) => partial_path(&self.root.join(tree)).join(rest),
            None => partial_path(&self.root.join(file)),
        }
    }

    /// Swap in the tree that this run wrote; without one the previous run's goes all the same.
    fn replace_tree(&self, name: &str, written: bool, is_ours: bool) -> Result<(), SinkError> {
        let place = self.root.join(name);
        let replaced = self.root.join(format!("{name}{REPLACED}"));
        let rename = |from: &Path, to: &Path| {
            fs::rename(from, to).map_err(|error| SinkError::io("rename", from, error))
        };
        let had_one = place.symlink_metadata().is_ok() && (written || is_ours);
        if had_one {
            rename(&place, &replaced)?;
        }
        if written {
            rename(&partial_path(&place), &place)?;
        }
        if had_one { remove(&replaced) } else { Ok(()) }
    }

    /// Files of tables that the previous manifest names and the new one does not (the other format's), and those that a commit
    /// which was cut off was about to remove.
    fn stale(&self, manifest: &Manifest) -> Vec<String> {
        let kept = |file: &str| manifest.tables.iter().any(|table| table.file == file);
        let Some(previous) = &self.previous else { return Vec::new() };
        let named = previous.tables.iter().filter(|table| is_ours(table, manifest.org_id));
        let named = named.map(|table| table.file.clone());
        let left = previous.replaces.iter().filter(|file| is_file_of_ours(file, manifest.org_id)).cloned();
        named.chain(left).filter(|file| !kept(file)).collect()
    }
}

fn refuse_foreign(root: &Path) -> Result<(), SinkError> {
    let unfinished = format!("{MANIFEST}{PARTIAL}");
    match names(root)?.into_iter().find(|name| name != LOCK && *name != unfinished) {
        Some(found) => Err(SinkError::Foreign { path: root.to_path_buf(), found }),
        None => Ok(()),
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

#[cfg(test)]
mod tests {
    use std::io::Write;

    use model::{Millis, RunId};

    use super::*;
    use crate::partial::PartialFile;
    use crate::sink::{PartFile, Plan};

    const ORG: OrgId = OrgId(4242);

    fn manifest(format: Format, tables: &[&str]) -> Manifest {
        let plan = Plan {
            org: ORG,
            run: RunId("0".to_owned()),
            schema_version: 1,
            started_at: Millis(0),
            tables: Vec::new(),
            mode: store::export_runs::ExportMode::Full,
            recorded: Vec::new(),
        };
        let table = |table: &&str| PartFile {
            table: (*table).to_owned(),
            period: None,
            file: format!("{table}.{}", format.name()),
            rows: 0,
            bytes: 0,
            sha256: String::new(),
            digest: String::new(),
        };
        Manifest {
            complete: true,
            tables: tables.iter().map(table).collect(),
            ..Manifest::begun(&plan, format, false)
        }
    }

    /// One export of a table of this content, with a transcript of the same.
    fn export(root: &Path, format: Format, content: &str, trees: &[&str]) {
        let directory = Directory::claim(root, ORG).unwrap();
        let manifest = manifest(format, &["messages"]);
        directory.begin(&manifest).unwrap();
        let mut file = PartialFile::create(&root.join(&manifest.tables[0].file)).unwrap();
        file.write_all(content.as_bytes()).unwrap();
        for tree in trees {
            fs::write(directory.begin_tree(tree).unwrap().join("a.txt"), content).unwrap();
        }
        directory.commit(&[file.finish().unwrap()], trees, &manifest).unwrap();
    }

    fn listing(root: &Path) -> Vec<String> {
        let mut names = names(root).unwrap();
        names.sort();
        names
    }

    #[test]
    fn an_export_replaces_the_one_before() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("new").join("deeper");
        export(&root, Format::Ndjson, "one", &["transcripts"]);
        export(&root, Format::Ndjson, "two", &["transcripts"]);
        assert_eq!(listing(&root), [LOCK, MANIFEST, "messages.ndjson", "transcripts"]);
        assert_eq!(fs::read_to_string(root.join("messages.ndjson")).unwrap(), "two");
        assert_eq!(fs::read_to_string(root.join("transcripts/a.txt")).unwrap(), "two");

        export(&root, Format::Csv, "three", &[]);
        assert_eq!(listing(&root), [LOCK, MANIFEST, "messages.csv"]);
        assert!(Manifest::read(&root).unwrap().unwrap().complete);
    }

    #[test]
    fn what_a_crash_left_is_cleared_away_and_the_old_export_stays() {
        let dir = tempfile::tempdir().unwrap();
        export(dir.path(), Format::Csv, "one", &["transcripts"]);
        fs::create_dir_all(dir.path().join("transcripts.partial/2026-01")).unwrap();
        fs::create_dir_all(dir.path().join("transcripts.replaced.partial")).unwrap();
        fs::write(dir.path().join("messages.csv.partial"), "half").unwrap();
        drop(Directory::claim(dir.path(), ORG).unwrap());
        assert_eq!(listing(dir.path()), [LOCK, MANIFEST, "messages.csv", "transcripts"]);
        assert_eq!(fs::read_to_string(dir.path().join("messages.csv")).unwrap(), "one");
    }

    #[test]
    fn a_directory_of_somebody_else_is_refused_untouched() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("thesis.txt"), "years").unwrap();
        fs::write(dir.path().join("x.partial"), "mine").unwrap();
        let refused = Directory::claim(dir.path(), ORG).unwrap_err();
        assert!(matches!(refused, SinkError::Foreign { .. }), "{refused}");
        assert_eq!(listing(dir.path()), ["thesis.txt", "x.partial"]);

        fs::write(dir.path().join(MANIFEST), "{\"kind\":\"another tool's\"}").unwrap();
        assert!(matches!(Directory::claim(dir.path(), ORG), Err(SinkError::Foreign { .. })));
    }

    #[test]
    fn one_directory_serves_one_organization_and_one_run_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        export(dir.path(), Format::Csv, "one", &[]);
        let other = Directory::claim(dir.path(), OrgId(7));
        assert!(matches!(other, Err(SinkError::OtherOrg { found: 4242, .. })));
        let held = Directory::claim(dir.path(), ORG).unwrap();
        assert!(matches!(Directory::claim(dir.path(), ORG), Err(SinkError::Busy { .. })));
        drop(held);
        assert!(Directory::claim(dir.path(), ORG).is_ok());
    }

    #[test]
    fn a_file_in_the_way_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, "").unwrap();
        assert!(matches!(Directory::claim(&file, ORG), Err(SinkError::NotADirectory { .. })));
        let below = Directory::claim(&file.join("below"), ORG);
        assert!(matches!(below, Err(SinkError::NotADirectory { .. })));
    }

    #[test]
    fn an_edited_manifest_cannot_have_other_files_removed() {
        let dir = tempfile::tempdir().unwrap();
        let victim = dir.path().join("victim.csv");
        fs::write(&victim, "safe").unwrap();
        let root = dir.path().join("out");
        export(&root, Format::Csv, "one", &[]);
        let mut edited = manifest(Format::Csv, &["messages"]);
        edited.tables[0].table = "../victim".to_owned();
        edited.tables[0].file = "../victim.csv".to_owned();
        edited.write(&root).unwrap();
        export(&root, Format::Ndjson, "two", &[]);
        assert_eq!(fs::read_to_string(&victim).unwrap(), "safe");
    }

    #[cfg(unix)]
    #[test]
    fn a_link_in_place_of_a_tree_is_replaced_and_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let elsewhere = dir.path().join("elsewhere");
        fs::create_dir(&elsewhere).unwrap();
        fs::write(elsewhere.join("precious"), "").unwrap();
        let root = dir.path().join("out");
        export(&root, Format::Csv, "one", &[]);
        std::os::unix::fs::symlink(&elsewhere, root.join("transcripts")).unwrap();
        export(&root, Format::Csv, "two", &["transcripts"]);
        assert!(elsewhere.join("precious").exists());
        assert_eq!(fs::read_to_string(root.join("transcripts/a.txt")).unwrap(), "two");
    }
}

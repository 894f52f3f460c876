//! The change feed as lines, and a file of them that ends nowhere but between two changes.
//!
//! A line is a pure function of its change. A file is written in batches: the batch, fsync, then the reader's cursor with
//! the length the file has now. Whoever goes on after a kill finds what was written beyond that length and takes it
//! away, if it is the beginning of the lines that come next; so every change is in the file once. Anything else
//! beyond that length is not ours, and stays.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use serde::Serialize;
use serde_json::value::RawValue;
use store::changes::Change;

#[derive(Serialize)]
struct Line<'a> {
    seq: i64,
    org_id: i64,
    at: i64,
    kind: &'a str,
    conversation_id: Option<i64>,
    message_id: Option<i64>,
    detail: &'a RawValue,
}

/// Append a change as one JSON object and a line end.
pub fn push_line(lines: &mut Vec<u8>, change: &Change) {
    let none = RawValue::from_string("{}".to_owned()).expect("an empty object is JSON");
    let detail: Option<&RawValue> = serde_json::from_str(&change.detail).ok();
    let line = Line {
        seq: change.seq,
        org_id: change.org.0,
        at: change.at.0,
        kind: change.kind.as_str(),
        conversation_id: change.conversation_id.map(|id| id.0),
        message_id: change.message_id.map(|id| id.0),
        detail: detail.unwrap_or(&none),
    };
    serde_json::to_writer(&mut *lines, &line).expect("numbers and texts are JSON, and memory takes them");
    lines.push(b'\n');
}

/// A file of lines, open for appending.
#[derive(Debug)]
pub struct FeedFile {
    file: File,
    bytes: u64,
}

impl FeedFile {
    /// Open the file, or make it, to append `next` to it.
    ///
    /// `known_bytes` is the length it had when the reader's cursor was last saved. What lies beyond is cut off if `next`
    /// begins with it.
    ///
    /// # Errors
    /// The file system's error.
    pub fn open(path: &Path, known_bytes: Option<u64>, next: &[u8]) -> io::Result<Self> {
        let is_new = !path.exists();
        let mut file = OpenOptions::new().create(true).read(true).append(true).open(path)?;
        if is_new {
            sync_folder(path)?;
        }
        let mut bytes = file.metadata()?.len();
        if let Some(known) = known_bytes.filter(|known| *known < bytes)
            && is_begun(&mut file, known, bytes, next)?
        {
            file.set_len(known)?;
            bytes = known;
        }
        Ok(Self { file, bytes })
    }

    /// Append lines, and wait until they are on disk. Answers the file's length.
    ///
    /// # Errors
    /// The file system's error; what was written of the lines is cut off by the next [`FeedFile::open`].
    pub fn append(&mut self, lines: &[u8]) -> io::Result<u64> {
        if lines.is_empty() {
            return Ok(self.bytes);
        }
        self.file.write_all(lines)?;
        self.file.sync_data()?;
        self.bytes += lines.len() as u64;
        Ok(self.bytes)
    }

    /// The file's length.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }
}

/// Wait until a new file's name is on disk, too.
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

/// Whether what the file holds from `known` to `bytes` is the beginning of `next`.
fn is_begun(file: &mut File, known: u64, bytes: u64, next: &[u8]) -> io::Result<bool> {
    let Ok(surplus) = usize::try_from(bytes - known) else { return Ok(false) };
    let Some(expected) = next.get(..surplus) else { return Ok(false) };
    let mut found = vec![0; surplus];
    file.seek(SeekFrom::Start(known))?;
    file.read_exact(&mut found)?;
    Ok(found == expected)
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{ConversationId, Millis, OrgId};
    use store::changes::ChangeKind;

    #[test]
    fn a_change_is_one_line() {
        let change = Change {
            seq: 3,
            org: OrgId(7),
            conversation_id: Some(ConversationId(9)),
            kind: ChangeKind::StatusChanged,
            message_id: None,
            detail: r#"{"from":"open","to":"closed"}"#.to_owned(),
            at: Millis(1_000),
            trace: None,
        };
        let mut lines = Vec::new();
        push_line(&mut lines, &change);
        assert_eq!(
            String::from_utf8(lines).unwrap(),
            concat!(
                r#"{"seq":3,"org_id":7,"at":1000,"kind":"status_changed","conversation_id":9,"message_id":null,"#,
                r#""detail":{"from":"open","to":"closed"}}"#,
                "\n"
            )
        );
    }

    #[test]
    fn what_a_killed_writer_left_is_written_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("feed.ndjson");
        let text = || std::fs::read_to_string(&path).unwrap();
        assert_eq!(FeedFile::open(&path, None, b"one\n").unwrap().append(b"one\n").unwrap(), 4);
        for left in ["", "tw", "two\n", "two\nthree\n"] {
            std::fs::write(&path, format!("one\n{left}")).unwrap();
            let mut file = FeedFile::open(&path, Some(4), b"two\nthree\n").unwrap();
            assert_eq!((file.bytes(), file.append(b"two\nthree\n").unwrap()), (4, 14));
            assert_eq!(text(), "one\ntwo\nthree\n", "after {left:?}");
        }
        for foreign in ["note\n", "two\nthree\nfour\n"] {
            std::fs::write(&path, format!("one\n{foreign}")).unwrap();
            FeedFile::open(&path, Some(4), b"two\nthree\n").unwrap().append(b"two\n").unwrap();
            assert_eq!(text(), format!("one\n{foreign}two\n"));
        }
        std::fs::write(&path, "").unwrap();
        FeedFile::open(&path, Some(4), b"two\n").unwrap().append(b"two\n").unwrap();
        assert_eq!(text(), "two\n", "a file that was taken away is begun anew");
    }
}

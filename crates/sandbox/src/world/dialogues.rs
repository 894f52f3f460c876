//! Conversations loaded from a file of dialogues.
//!
//! One JSON object a line: `{"id", "services", "turns": [["user"|"system", text], …]}`. All texts lie behind one
//! another in a single string; a turn is an end in it. The file's words are kept to the byte: a turn becomes a
//! body by encoding entities (and a paragraph around the team's), so taking both off gives the turn again.

use std::collections::HashSet;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use serde::Deserialize;

use super::DialogueError;
use super::shape::MESSAGES_PER_CONVERSATION_MAX;

/// The longest line.
const LINE_BYTES_MAX: u64 = 1 << 20;
/// The most lines.
const LINES_MAX: usize = 1_000_000;
/// All texts together.
const TEXT_BYTES_MAX: usize = 1 << 30;

/// Loaded dialogues.
#[derive(Default)]
pub(super) struct Dialogues {
    text: String,
    turns: Vec<Turn>,
    ids: String,
    entries: Vec<Entry>,
}

struct Turn {
    end: u32,
    user: bool,
}

struct Entry {
    turns_end: u32,
    id_end: u32,
}

#[derive(Deserialize)]
struct Line {
    id: String,
    turns: Vec<(String, String)>,
}

impl Dialogues {
    /// Read a file whole. Fails on the first line that is not a dialogue, naming it; line 0 is the file itself.
    pub(super) fn load(path: &Path) -> Result<Self, DialogueError> {
        let open =
            |error: std::io::Error| DialogueError { line: 0, reason: format!("cannot be read: {error}") };
        Self::read(BufReader::new(File::open(path).map_err(open)?))
    }

    fn read(mut source: impl BufRead) -> Result<Self, DialogueError> {
        let mut dialogues = Self::default();
        let mut seen = HashSet::new();
        let mut line = Vec::new();
        for number in 1.. {
            line.clear();
            let fail = |reason: String| DialogueError { line: number, reason };
            let read = source.by_ref().take(LINE_BYTES_MAX + 1).read_until(b'\n', &mut line);
            if read.map_err(|error| fail(format!("cannot be read: {error}")))? == 0 {
                break;
            }
            if line.len() as u64 > LINE_BYTES_MAX {
                return Err(fail(format!("longer than {LINE_BYTES_MAX} bytes")));
            }
            if number > LINES_MAX {
                return Err(fail(format!("more than {LINES_MAX} lines; split the file")));
            }
            if line.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            let parsed: Line = serde_json::from_slice(&line)
                .map_err(|error| fail(format!("not a dialogue: {error}; {EXPECTED}")))?;
            if !seen.insert(parsed.id.clone()) {
                return Err(fail("its id was seen before; ids must differ".to_owned()));
            }
            dialogues.add(&parsed).map_err(fail)?;
        }
        if dialogues.entries.is_empty() {
            return Err(DialogueError { line: 0, reason: format!("holds no dialogue; {EXPECTED}") });
        }
        Ok(dialogues)
    }

    fn add(&mut self, line: &Line) -> Result<(), String> {
        if line.turns.is_empty() || line.turns.len() > MESSAGES_PER_CONVERSATION_MAX as usize {
            return Err(format!(
                "has {} turns; expected 1 to {MESSAGES_PER_CONVERSATION_MAX}",
                line.turns.len()
            ));
        }
        for (role, text) in &line.turns {
            let user = match role.as_str() {
                "user" => true,
                "system" => false,
                _ => return Err(format!("a turn is by {role:?}; expected \"user\" or \"system\"")),
            };
            self.text.push_str(text);
            if self.text.len() > TEXT_BYTES_MAX {
                return Err(format!("all texts together exceed {TEXT_BYTES_MAX} bytes; split the file"));
            }
            self.turns.push(Turn { end: narrow(self.text.len()), user });
        }
        self.ids.push_str(&line.id);
        self.entries.push(Entry { turns_end: narrow(self.turns.len()), id_end: narrow(self.ids.len()) });
        Ok(())
    }

    /// How many dialogues there are.
    pub(super) const fn len(&self) -> u64 {
        self.entries.len() as u64
    }

    /// How many turns dialogue `index` has.
    pub(super) fn turns(&self, index: u64) -> u32 {
        let (first, end) = self.turn_span(index);
        narrow(end - first)
    }

    /// Whether the site's visitor speaks turn `j`.
    pub(super) fn is_user(&self, index: u64, j: u32) -> bool {
        self.turns[self.turn_span(index).0 + j as usize].user
    }

    /// The text of turn `j`.
    pub(super) fn text(&self, index: u64, j: u32) -> &str {
        let turn = self.turn_span(index).0 + j as usize;
        let start = if turn == 0 { 0 } else { self.turns[turn - 1].end };
        &self.text[start as usize..self.turns[turn].end as usize]
    }

    /// The dialogue's own id.
    pub(super) fn id(&self, index: u64) -> Option<&str> {
        let place = usize::try_from(index).ok()?;
        let end = self.entries.get(place)?.id_end;
        let start = if place == 0 { 0 } else { self.entries[place - 1].id_end };
        Some(&self.ids[start as usize..end as usize])
    }

    fn turn_span(&self, index: u64) -> (usize, usize) {
        let place = usize::try_from(index).expect("an index of a loaded dialogue");
        let first = if place == 0 { 0 } else { self.entries[place - 1].turns_end };
        (first as usize, self.entries[place].turns_end as usize)
    }
}

const EXPECTED: &str = "expected {\"id\":\"…\",\"turns\":[[\"user\"|\"system\",\"text\"],…]}";

fn narrow(length: usize) -> u32 {
    u32::try_from(length).expect("TEXT_BYTES_MAX and LINES_MAX keep lengths below 2^32")
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str =
        r#"{"id":"1_0","services":["x"],"turns":[["user","a"],["system",""],["user","c & d"]]}"#;

    #[test]
    fn turns_read_back_and_blank_lines_do_not_count() {
        let dialogues =
            Dialogues::read(format!("{GOOD}\n\n{}\n", GOOD.replace("1_0", "1_1")).as_bytes()).unwrap();
        assert_eq!(dialogues.len(), 2);
        assert_eq!((dialogues.id(0), dialogues.id(1), dialogues.id(2)), (Some("1_0"), Some("1_1"), None));
        assert_eq!((dialogues.text(1, 0), dialogues.text(1, 1), dialogues.text(1, 2)), ("a", "", "c & d"));
        assert!(dialogues.is_user(1, 0) && !dialogues.is_user(1, 1));
    }

    #[test]
    fn a_broken_line_is_named_with_the_reason() {
        let check = |text: String, line: usize, words: &str| {
            let error = Dialogues::read(text.as_bytes()).err().unwrap();
            assert_eq!(error.line, line, "{error}");
            assert!(error.reason.contains(words), "{error}");
        };
        check(format!("{GOOD}\n{{\"id\":"), 2, "not a dialogue");
        check(format!("{GOOD}\n{GOOD}"), 2, "seen before");
        check(GOOD.replace("system", "robot"), 1, "by \"robot\"");
        check(r#"{"id":"x","turns":[]}"#.to_owned(), 1, "has 0 turns");
        check("\n".to_owned(), 0, "no dialogue");
        check(format!("\"{}", "x".repeat(1 << 20)), 1, "longer than");
        let missing = Dialogues::load(Path::new("no/such/file")).err().unwrap();
        assert_eq!(missing.line, 0);
    }
}

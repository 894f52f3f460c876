//! One JSON object a line (newline-delimited JSON), UTF-8, `\n` after each.

use std::io::{self, Write};

use serde::de::IgnoredAny;

use crate::format::Cell;

/// Writes rows as JSON objects.
#[derive(Debug)]
pub struct Ndjson {
    /// `{"first":`, `,"second":`, …: what stands before each value.
    keys: Vec<Vec<u8>>,
    line: Vec<u8>,
}

impl Ndjson {
    /// A writer for these columns.
    #[must_use]
    pub fn new(columns: &[&str]) -> Self {
        let key = |(i, column): (usize, &&str)| {
            let mut key = vec![if i == 0 { b'{' } else { b',' }];
            string(column, &mut key);
            key.push(b':');
            key
        };
        Self { keys: columns.iter().enumerate().map(key).collect(), line: Vec::new() }
    }

    pub(crate) fn row(&mut self, cells: &[Cell<'_>], out: &mut dyn Write) -> io::Result<()> {
        assert_eq!(cells.len(), self.keys.len(), "a row has a cell for each column");
        self.line.clear();
        for (key, cell) in self.keys.iter().zip(cells) {
            self.line.extend_from_slice(key);
            value(*cell, &mut self.line);
        }
        self.line.extend_from_slice(b"}\n");
        out.write_all(&self.line)
    }
}

fn value(cell: Cell<'_>, line: &mut Vec<u8>) {
    match cell {
        Cell::Int(number) => serde_json::to_writer(line, &number).expect("a number is JSON"),
        // A number that is not finite becomes null.
        Cell::Real(number) => serde_json::to_writer(line, &number).expect("a number is JSON"),
        Cell::Null => line.extend_from_slice(b"null"),
        Cell::Bool(true) => line.extend_from_slice(b"true"),
        Cell::Bool(false) => line.extend_from_slice(b"false"),
        Cell::Text(text) => string(text, line),
        Cell::Json(document) => json(document, line),
        Cell::Bytes(bytes) => string(&hex::encode(bytes), line),
    }
}

fn string(text: &str, line: &mut Vec<u8>) {
    serde_json::to_writer(line, text).expect("a text is JSON");
}

/// Embed a stored document byte for byte, so that its numbers keep their digits. A raw line break in valid JSON
/// can only be white space between tokens; what is no JSON at all is carried as a text.
fn json(document: &str, line: &mut Vec<u8>) {
    if serde_json::from_str::<IgnoredAny>(document).is_err() {
        return string(document, line);
    }
    line.extend(document.bytes().map(|byte| if matches!(byte, b'\n' | b'\r') { b' ' } else { byte }));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn line(columns: &[&str], cells: &[Cell<'_>]) -> String {
        let mut out = Vec::new();
        Ndjson::new(columns).row(cells, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[track_caller]
    fn check(cell: Cell<'_>, expected: &str) {
        assert_eq!(line(&["a"], &[cell]), format!("{{\"a\":{expected}}}\n"));
    }

    #[test]
    fn each_kind_of_cell_has_its_json() {
        check(Cell::Null, "null");
        check(Cell::Int(i64::MIN), "-9223372036854775808");
        check(Cell::Real(0.1), "0.1");
        check(Cell::Real(f64::NAN), "null");
        check(Cell::Bool(true), "true");
        check(Cell::Text(""), "\"\"");
        check(Cell::Bytes(&[0, 255]), "\"00ff\"");
        check(Cell::Text("a\n\"é\u{202e}\0"), "\"a\\n\\\"é\u{202e}\\u0000\"");
        check(Cell::Json("{\n \"n\": 1.10e400\r}"), "{  \"n\": 1.10e400 }");
        check(Cell::Json("{\"n\":123456789012345678901234567890}"), "{\"n\":123456789012345678901234567890}");
        check(Cell::Json("{broken"), "\"{broken\"");
        check(Cell::Json("{}}\n{"), "\"{}}\\n{\"");
    }

    proptest! {
        #[test]
        fn any_text_comes_back_from_one_line(
            a in proptest::option::of(any::<String>()), b in any::<String>(), n in any::<i64>()
        ) {
            let first = a.as_deref().map_or(Cell::Null, Cell::Text);
            let line = line(&["a", "b\"", "n"], &[first, Cell::Text(&b), Cell::Int(n)]);
            prop_assert_eq!(line.matches('\n').count(), 1);
            let read: Value = serde_json::from_str(&line).unwrap();
            prop_assert_eq!(read, serde_json::json!({"a": a, "b\"": b, "n": n}));
        }
    }
}

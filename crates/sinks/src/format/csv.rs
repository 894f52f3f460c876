//! RFC 4180: a header row, `,`, CRLF, UTF-8 without a mark.
//!
//! Text and JSON always stand in quotes, numbers and `true`/`false` never, and a null is nothing at all between the
//! commas. So null and the empty text differ, and `00123` stays a text, in readers that look at quotes
//! (PostgreSQL's `COPY … CSV` does by default).

use std::borrow::Cow;
use std::io::{self, Write};

use crate::format::{Cell, Formulas};

/// What stands before a text that was defused.
const MARK: u8 = b'\'';

/// Writes rows as CSV.
#[derive(Debug)]
pub struct Csv {
    formulas: Formulas,
    columns: Vec<String>,
    line: Vec<u8>,
}

impl Csv {
    /// A writer for these columns.
    #[must_use]
    pub fn new(formulas: Formulas, columns: &[&str]) -> Self {
        Self {
            formulas,
            columns: columns.iter().map(|column| (*column).to_owned()).collect(),
            line: Vec::new(),
        }
    }

    /// The header row. Column names are ours: no quotes needed.
    pub(crate) fn head(&self, out: &mut dyn Write) -> io::Result<()> {
        write!(out, "{}\r\n", self.columns.join(","))
    }

    pub(crate) fn row(&mut self, cells: &[Cell<'_>], out: &mut dyn Write) -> io::Result<()> {
        assert_eq!(cells.len(), self.columns.len(), "a row has a cell for each column");
        self.line.clear();
        for (i, cell) in cells.iter().enumerate() {
            if i > 0 {
                self.line.push(b',');
            }
            self.field(*cell);
        }
        self.line.extend_from_slice(b"\r\n");
        out.write_all(&self.line)
    }

    fn field(&mut self, cell: Cell<'_>) {
        match cell {
            Cell::Null => {}
            Cell::Int(number) => write!(self.line, "{number}").expect("a buffer takes all"),
            Cell::Real(number) if number.is_finite() => {
                serde_json::to_writer(&mut self.line, &number).expect("a buffer takes all");
            }
            Cell::Real(_) => {}
            Cell::Bool(true) => self.line.extend_from_slice(b"true"),
            Cell::Bool(false) => self.line.extend_from_slice(b"false"),
            Cell::Text(text) | Cell::Json(text) => self.quoted(text),
            Cell::Bytes(bytes) => self.quoted(&hex::encode(bytes)),
        }
    }

    fn quoted(&mut self, text: &str) {
        self.line.push(b'"');
        if self.formulas == Formulas::Defuse && looks_like_formula(text) {
            self.line.push(MARK);
        }
        for part in text.split_inclusive('"') {
            self.line.extend_from_slice(part.as_bytes());
            if part.ends_with('"') {
                self.line.push(b'"');
            }
        }
        self.line.push(b'"');
    }
}

/// A text as it is carried where formulas are defused.
pub(crate) fn defused(text: &str) -> Cow<'_, str> {
    if looks_like_formula(text) {
        Cow::Owned(format!("{}{text}", char::from(MARK)))
    } else {
        Cow::Borrowed(text)
    }
}

/// Whether a spreadsheet would take the text for a formula (OWASP, "CSV Injection"), full-width forms included.
fn looks_like_formula(text: &str) -> bool {
    text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn encoded(formulas: Formulas, cells: &[Cell<'_>]) -> String {
        let columns = vec!["column"; cells.len()];
        let mut out = Vec::new();
        Csv::new(formulas, &columns).row(cells, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[track_caller]
    fn check(cell: Cell<'_>, expected: &str) {
        assert_eq!(encoded(Formulas::Keep, &[cell]), format!("{expected}\r\n"));
    }

    #[track_caller]
    fn check_defused(text: &str, expected: &str) {
        assert_eq!(encoded(Formulas::Defuse, &[Cell::Text(text)]), format!("{expected}\r\n"));
    }

    #[test]
    fn each_kind_of_cell_has_its_field() {
        check(Cell::Null, "");
        check(Cell::Text(""), "\"\"");
        check(Cell::Text("a"), "\"a\"");
        check(Cell::Text("say \"hi\",\r\nthen go"), "\"say \"\"hi\"\",\r\nthen go\"");
        check(Cell::Text("\""), "\"\"\"\"");
        check(Cell::Text("=1+1"), "\"=1+1\"");
        check(Cell::Int(-5), "-5");
        check(Cell::Bytes(&[0, 255]), "\"00ff\"");
        check(Cell::Real(2.5), "2.5");
        check(Cell::Real(f64::INFINITY), "");
        check(Cell::Bool(false), "false");
        check(Cell::Json("{\"a\":1}"), "\"{\"\"a\"\":1}\"");
    }

    #[test]
    fn formulas_are_defused_when_asked_for() {
        check_defused("=HYPERLINK(\"http://x\")", "\"'=HYPERLINK(\"\"http://x\"\")\"");
        check_defused("+1", "\"'+1\"");
        check_defused("-1", "\"'-1\"");
        check_defused("@SUM(A1)", "\"'@SUM(A1)\"");
        check_defused("\tx", "\"'\tx\"");
        check_defused("\rx", "\"'\rx\"");
        check_defused("＝1", "\"'＝1\"");
        check_defused("a=b", "\"a=b\"");
        assert_eq!(encoded(Formulas::Defuse, &[Cell::Int(-5)]), "-5\r\n");
    }

    proptest! {
        #[test]
        fn any_text_comes_back_from_another_reader(
            rows in proptest::collection::vec((any::<String>(), proptest::option::of(any::<String>())), 1..8)
        ) {
            let mut out = Vec::new();
            let mut csv = Csv::new(Formulas::Keep, &["a", "b"]);
            csv.head(&mut out).unwrap();
            for (a, b) in &rows {
                csv.row(&[Cell::Text(a), b.as_deref().map_or(Cell::Null, Cell::Text)], &mut out).unwrap();
            }
            let read: Vec<(String, String)> = ::csv::Reader::from_reader(out.as_slice())
                .deserialize().collect::<Result<_, _>>().unwrap();
            let expected: Vec<_> = rows.into_iter().map(|(a, b)| (a, b.unwrap_or_default())).collect();
            prop_assert_eq!(read, expected);
        }
    }
}

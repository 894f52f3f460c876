//! Why a body is not what was expected, told without repeating any of it: bodies hold people's words.

use std::fmt;

use serde_json::error::Category;

/// A body that is not what was expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecodeError {
    what: String,
    line: usize,
    column: usize,
    garbled: bool,
}

impl DecodeError {
    /// A well-formed body of the wrong shape; the text must not repeat the body.
    #[must_use]
    pub fn new(what: &'static str) -> Self {
        Self { what: what.to_owned(), line: 0, column: 0, garbled: false }
    }

    /// Whether the body is no JSON at all: truncated or garbled on its way, so that asking again may help.
    #[must_use]
    pub const fn is_garbled(&self) -> bool {
        self.garbled
    }
}

impl From<serde_json::Error> for DecodeError {
    fn from(error: serde_json::Error) -> Self {
        let (what, garbled) = match error.classify() {
            Category::Eof => ("the JSON ends too early".to_owned(), true),
            Category::Syntax | Category::Io => ("not JSON".to_owned(), true),
            Category::Data => (expectation(&error.to_string()), false),
        };
        Self { what, line: error.line(), column: error.column(), garbled }
    }
}

/// The part of serde's message that comes from our types; the rest may quote the body.
fn expectation(message: &str) -> String {
    let own = message.rsplit_once(" at line ").map_or(message, |(own, _)| own);
    if own.starts_with("missing field `") {
        return own.to_owned();
    }
    match own.rsplit_once(", expected ") {
        Some((_, expected)) => format!("expected {expected}"),
        None => "unexpected JSON".to_owned(),
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        if self.line > 0 {
            write!(f, " at line {} column {}", self.line, self.column)?;
        }
        Ok(())
    }
}

impl std::error::Error for DecodeError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_repeats_nothing_of_the_body() {
        let wrong = serde_json::from_str::<i64>("\"ada@example.test, expected\"").unwrap_err();
        assert_eq!(DecodeError::from(wrong).to_string(), "expected i64 at line 1 column 28");
        let cut = serde_json::from_str::<Vec<i64>>("[1,").unwrap_err();
        assert!(DecodeError::from(cut).is_garbled());
    }
}

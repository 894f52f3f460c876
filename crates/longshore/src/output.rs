//! What goes to stdout and what to stderr.
//!
//! Data goes to stdout, everything else to stderr. Under `--json` every command prints one document of the
//! same outer shape, `{"command":…,"ok":…,"exit":…, …}`, with `"error":{"code","message","hint"}` when it failed; the
//! line for people stays on stderr. A reader that went away (`| head`) is not an error.

pub(crate) mod progress;
pub(crate) mod table;

use std::io::{self, IsTerminal, Write};

use serde::Serialize;

use crate::exit::Exit;
use crate::failure::Failure;

/// Where a command's words go.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    command: &'static str,
    form: Form,
    quiet: bool,
}

/// How data is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Text,
    Json,
}

#[derive(Serialize)]
struct Shape<'a, T: Serialize> {
    command: &'a str,
    ok: bool,
    exit: u8,
    #[serde(flatten)]
    report: &'a T,
}

#[derive(Serialize)]
struct ErrorReport<'a> {
    error: ErrorShape<'a>,
}

#[derive(Serialize)]
struct ErrorShape<'a> {
    code: &'a str,
    message: &'a str,
    hint: Option<&'a str>,
}

impl Output {
    /// The output of one command.
    pub(crate) const fn new(command: &'static str, form: Form, quiet: bool) -> Self {
        Self { command, form, quiet }
    }

    /// Print the command's result: the report's fields under `--json`, else the text.
    pub(crate) fn report<T: Serialize>(self, exit: Exit, report: &T, text: &str) -> Result<Exit, Failure> {
        let line = match self.form {
            Form::Text => text.to_owned(),
            Form::Json => self.document(exit, report)?,
        };
        print_line(&mut io::stdout().lock(), &line)?;
        Ok(exit)
    }

    /// Print one line of many: an object under `--json`, without the outer shape, else the text.
    pub(crate) fn line<T: Serialize>(self, object: &T, text: &str) -> Result<(), Failure> {
        let line = match self.form {
            Form::Text => text.to_owned(),
            Form::Json => serde_json::to_string(object)
                .map_err(|error| Failure::unexpected(format!("cannot write a line as JSON: {error}")))?,
        };
        print_line(&mut io::stdout().lock(), &line)
    }

    /// Say something to the person at the terminal, unless `--quiet` was given.
    pub(crate) fn note(self, text: &str) {
        if !self.quiet {
            let _ = writeln!(io::stderr().lock(), "{text}");
        }
    }

    /// Whether progress may be drawn.
    pub(crate) fn may_draw(self) -> bool {
        !self.quiet && io::stderr().is_terminal()
    }

    /// Whether anything but errors may be said on stderr.
    pub(crate) const fn is_quiet(self) -> bool {
        self.quiet
    }

    /// Tell of a failure: a line and its hint on stderr; under `--json` also the document on stdout.
    pub(crate) fn failure(self, failure: &Failure) {
        let mut stderr = io::stderr().lock();
        let _ = writeln!(stderr, "error: {}", failure.message);
        if let Some(hint) = &failure.hint {
            let _ = writeln!(stderr, "hint: {hint}");
        }
        if self.form == Form::Json {
            let error = ErrorShape {
                code: failure.exit.name(),
                message: &failure.message,
                hint: failure.hint.as_deref(),
            };
            if let Ok(line) = self.document(failure.exit, &ErrorReport { error }) {
                let _ = print_line(&mut io::stdout().lock(), &line);
            }
        }
    }

    fn document<T: Serialize>(self, exit: Exit, report: &T) -> Result<String, Failure> {
        let shape = Shape { command: self.command, ok: exit == Exit::Done, exit: exit.code(), report };
        serde_json::to_string(&shape)
            .map_err(|error| Failure::unexpected(format!("cannot write the report as JSON: {error}")))
    }
}

/// Print a text and a line end; a reader that went away has read enough.
fn print_line(to: &mut dyn Write, text: &str) -> Result<(), Failure> {
    let mut print = || -> io::Result<()> {
        to.write_all(text.as_bytes())?;
        if !text.ends_with('\n') {
            to.write_all(b"\n")?;
        }
        to.flush()
    };
    match print() {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::new(Exit::Disk, format!("cannot write to stdout: {error}")))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_document_has_the_same_outer_shape() {
        let output = Output::new("status", Form::Json, true);
        let shape = output.document(Exit::Incomplete, &serde_json::json!({"missing": 2})).unwrap();
        assert_eq!(shape, r#"{"command":"status","ok":false,"exit":3,"missing":2}"#);
    }

    #[test]
    fn a_reader_that_went_away_is_not_an_error() {
        struct Gone;
        impl Write for Gone {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        assert_eq!(print_line(&mut Gone, "text"), Ok(()));
    }
}

//! Secrets as people hand them over: a line on stdin, a file, the environment — never a flag.

use std::io::{self, BufRead, IsTerminal, Read};
use std::path::Path;

use model::Secret;

use crate::failure::Failure;

/// A secret longer than this is something else.
const SECRET_BYTES_MAX: u64 = 16 * 1024;

/// The first line of stdin.
pub(crate) fn secret_from_stdin(what: &str) -> Result<Secret, Failure> {
    let stdin = io::stdin();
    if stdin.is_terminal() {
        eprint_prompt(what);
    }
    let mut line = String::new();
    let read = stdin.lock().take(SECRET_BYTES_MAX).read_line(&mut line);
    read.map_err(|error| Failure::usage(format!("cannot read the {what} from stdin: {error}")))?;
    secret(&line, what, "stdin")
}

/// The first line of a file.
pub(crate) fn secret_from_file(path: &Path, what: &str) -> Result<Secret, Failure> {
    let open = std::fs::File::open(path).map_err(|error| Failure::input(path, &error))?;
    let mut line = String::new();
    let read = io::BufReader::new(open.take(SECRET_BYTES_MAX)).read_line(&mut line);
    read.map_err(|error| Failure::input(path, &error))?;
    secret(&line, what, &path.display().to_string())
}

fn secret(line: &str, what: &str, place: &str) -> Result<Secret, Failure> {
    let line = line.trim();
    if line.is_empty() {
        return Err(Failure::usage(format!("no {what} on {place}"))
            .hint(format!("put the {what} there, on one line")));
    }
    if line.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(Failure::usage(format!("the {what} on {place} has blanks in it"))
            .hint(format!("put the {what} alone there, on one line")));
    }
    Ok(Secret::new(line))
}

fn eprint_prompt(what: &str) {
    use std::io::Write;
    let _ = write!(io::stderr().lock(), "{what}: ");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_one_line_and_is_never_repeated() {
        assert_eq!(secret(" token\n", "token", "stdin").unwrap().expose(), "token");
        assert_eq!(secret("\n", "token", "stdin").unwrap_err().message, "no token on stdin");
        let failure = secret("canary two\n", "token", "stdin").unwrap_err();
        assert!(!format!("{failure:?}").contains("canary"));
    }
}

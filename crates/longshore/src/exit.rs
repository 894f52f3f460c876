//! The exit codes, in one place.
//!
//! A script decides by the number, a person reads the line on stderr. `docs/exit-codes.md` is held to
//! this table by a test.

use std::process::ExitCode;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    Done,
    Unexpected,
    Usage,
    Incomplete,
    Refused,
    Unreachable,
    Database,
    Disk,
    Interrupted,
}

impl Exit {
    /// All of them, in the order of their numbers.
    pub(crate) const ALL: [Self; 9] = [
        Self::Done,
        Self::Unexpected,
        Self::Usage,
        Self::Incomplete,
        Self::Refused,
        Self::Unreachable,
        Self::Database,
        Self::Disk,
        Self::Interrupted,
    ];

    /// The number the process ends with.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Unexpected => 1,
            Self::Usage => 2,
            Self::Incomplete => 3,
            Self::Refused => 4,
            Self::Unreachable => 5,
            Self::Database => 6,
            Self::Disk => 7,
            Self::Interrupted => 130,
        }
    }

    /// The name it goes by under `--json`.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Unexpected => "unexpected",
            Self::Usage => "usage",
            Self::Incomplete => "incomplete",
            Self::Refused => "refused",
            Self::Unreachable => "unreachable",
            Self::Database => "database",
            Self::Disk => "disk",
            Self::Interrupted => "interrupted",
        }
    }

    /// What it tells.
    pub(crate) const fn meaning(self) -> &'static str {
        match self {
            Self::Done => {
                "Done. For `archive` and `demo`: the certificate says complete. For `verify`: no difference; for `audit verify`: the log is whole."
            }
            Self::Unexpected => "Something that should not happen: a defect of this program.",
            Self::Usage => "The command line, a setting or an input file is wrong. Nothing was begun.",
            Self::Incomplete => {
                "The work ended, and the result is not whole: the certificate says incomplete, `verify` found differences, or `audit verify` a fault."
            }
            Self::Refused => {
                "Not connected, or Drift refuses: token unknown, expired or revoked, or a scope missing."
            }
            Self::Unreachable => {
                "The API did not answer: host unknown, no network, or a TLS certificate that is not its own."
            }
            Self::Database => {
                "The database cannot be used: locked, read-only, of a newer version, or not reachable."
            }
            Self::Disk => "A file cannot be read or written: disk full, read-only, or no permission.",
            Self::Interrupted => {
                "Stopped by Ctrl-C or SIGTERM at a safe point. The same command goes on from there."
            }
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::documents;

    #[test]
    fn the_page_of_exit_codes_tells_what_the_program_does() {
        let mut table = String::from("| code | name | meaning |\n|---|---|---|\n");
        for exit in Exit::ALL {
            table += &format!("| {} | `{}` | {} |\n", exit.code(), exit.name(), exit.meaning());
        }
        documents::holds("exit-codes.md", "codes", &table);
    }
}

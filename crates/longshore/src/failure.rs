//! What a person is told when a command cannot go on: one line, a hint, and an exit code.
//!
//! Every error of the other crates becomes a [`Failure`] in one of the files below; nothing else decides
//! what is said or with which number the program ends.

mod api;
mod audit;
mod disk;
mod engine;
mod sandbox;
mod sinks;
mod store;

use std::fmt;

use url::Url;

use crate::exit::Exit;

/// The end of a command that could not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    /// The class of the failure.
    pub(crate) exit: Exit,
    /// What happened, to what. One line.
    pub(crate) message: String,
    /// What a person can do about it.
    pub(crate) hint: Option<String>,
    /// Whether it may pass by itself, such as a database that starts again.
    pub(crate) is_passing: bool,
}

impl Failure {
    /// A failure of the given class, without a hint.
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: one_line(&message.into()), hint: None, is_passing: false }
    }

    /// Something is wrong with what was asked for.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// Something that should not happen.
    pub(crate) fn unexpected(message: impl Into<String>) -> Self {
        Self::new(Exit::Unexpected, message)
    }

    /// Stopped on request.
    pub(crate) fn interrupted(message: impl Into<String>) -> Self {
        Self::new(Exit::Interrupted, message)
    }

    /// The same, with what can be done about it.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(one_line(&hint.into()));
        self
    }

    /// The same, which may pass by itself or not.
    #[must_use]
    pub(crate) fn passing(mut self, is_passing: bool) -> Self {
        self.is_passing = is_passing;
        self
    }

    /// The same; where an API did not answer, with the address that was tried.
    #[must_use]
    pub(crate) fn naming(mut self, api_url: &Url) -> Self {
        let host = api_url.host_str().unwrap_or_default();
        if self.exit == Exit::Unreachable && !self.message.contains(host) {
            self.message = format!("{} (api_url {api_url})", self.message);
        }
        self
    }

    /// The same, with what the layer below advises, where it does.
    #[must_use]
    pub(crate) fn hint_maybe(self, hint: Option<impl Into<String>>) -> Self {
        match hint {
            Some(hint) => self.hint(hint),
            None => self,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

/// An error and its causes as one text, without what a cause repeats.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text = format!("{text}: {inner_text}");
        }
        cause = inner.source();
    }
    text
}

fn one_line(text: &str) -> String {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_one_line_whatever_its_cause_printed() {
        let failure = Failure::usage("expected a number\n  |\n3 | x = 1\n").hint("see\nthe page");
        assert_eq!(failure.message, "expected a number | 3 | x = 1");
        assert_eq!(failure.hint.as_deref(), Some("see the page"));
    }

    #[test]
    fn a_chain_says_nothing_twice() {
        let inner = std::io::Error::other("disk on fire");
        let outer = std::io::Error::other(inner);
        assert_eq!(chain(&outer), "disk on fire");
    }
}

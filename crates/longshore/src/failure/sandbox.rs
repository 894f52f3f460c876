//! What the sandbox says when it cannot start.

use std::error::Error;

use sandbox::{RunError, SandboxError, TlsError};

use super::Failure;
use crate::exit::Exit;

impl From<SandboxError> for Failure {
    fn from(error: SandboxError) -> Self {
        told(Exit::Usage, &error)
    }
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        let exit = match &error {
            RunError::Sandbox(_) | RunError::Bind { .. } => Exit::Usage,
            RunError::Tls(TlsError::File { .. } | TlsError::Half { .. }) => Exit::Disk,
            RunError::Tls(_) => Exit::Unexpected,
        };
        told(exit, &error)
    }
}

/// The sandbox writes its hint into the text, on a line of its own.
fn told(exit: Exit, error: &dyn Error) -> Failure {
    let (mut message, mut hint) = (String::new(), None);
    let mut next = Some(error);
    while let Some(error) = next {
        let text = error.to_string();
        let (said, advice) =
            text.split_once("\nhint: ").map_or((text.as_str(), None), |(said, advice)| (said, Some(advice)));
        if !message.contains(said) {
            message = if message.is_empty() { said.to_owned() } else { format!("{message}: {said}") };
        }
        hint = hint.or_else(|| advice.map(str::to_owned));
        next = error.source();
    }
    Failure::new(exit, message).hint_maybe(hint)
}

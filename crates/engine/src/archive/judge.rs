//! What a failed call means for the run: gone, refused, failed for now, or the end.

use std::sync::atomic::{AtomicU32, Ordering};

use drift::{Class, Error};

use crate::context::Context;
use crate::error::{EngineError, chain, is_foreign, is_unreached};

/// So many calls that could not reach the API, one after the other, end the run: it is resumed later instead of
/// writing down a failure for each of the rest.
const UNREACHED_MAX: u32 = 20;

/// A single thing that could not be fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    /// 404: Drift does not have it (any more).
    Gone,
    /// The token lacks a scope.
    Refused(String),
    /// All attempts used up, or an answer that no attempt will mend.
    Failed { class: &'static str, reason: String },
}

impl Failure {
    /// A message of the conversation has an id that the mirror holds under another one.
    pub(crate) fn message_taken() -> Self {
        Self::Failed {
            class: "permanent",
            reason: "a message id of it belongs to another conversation".into(),
        }
    }
}

/// A 404 for one part of a conversation: is the conversation gone, or does only that part not answer? `other` is what
/// another call about the same conversation came to.
///
/// # Errors
/// As [`judge`].
pub(crate) fn judge_gone<T>(
    ctx: &Context,
    health: &Health,
    part: &'static str,
    other: Result<T, Error>,
) -> Result<Failure, EngineError> {
    match other {
        Ok(_) => {
            let reason = format!("Drift answers 404 for its {part}, and yet has the conversation");
            Ok(Failure::Failed { class: "permanent", reason })
        }
        Err(error) => judge(ctx, health, "ask whether a conversation is gone", error),
    }
}

/// Counts calls in a row that did not reach the API.
#[derive(Debug, Default)]
pub(crate) struct Health {
    unreached: AtomicU32,
}

impl Health {
    /// A call came through.
    pub(crate) fn reached(&self) {
        if self.unreached.load(Ordering::Relaxed) != 0 {
            self.unreached.store(0, Ordering::Relaxed);
        }
    }
}

/// Decide what an error means.
///
/// # Errors
/// When it is the end of the run: the connection is refused, the API is not reached time and again, or it is
/// not the API at all (wrong host, foreign certificate).
pub(crate) fn judge(
    ctx: &Context,
    health: &Health,
    doing: &'static str,
    error: Error,
) -> Result<Failure, EngineError> {
    let reason = chain(&error);
    match error.class() {
        Class::Gone => Ok(Failure::Gone),
        Class::Scope => Ok(Failure::Refused(match &error {
            Error::Forbidden { scope: Some(scope), .. } => scope.to_string(),
            _ => "unknown".into(),
        })),
        Class::Auth => Err(EngineError::Unauthorized { org: ctx.org, source: error }),
        Class::Retryable if is_unreached(&error) => {
            if health.unreached.fetch_add(1, Ordering::Relaxed) + 1 >= UNREACHED_MAX {
                return Err(EngineError::Unreachable { doing, source: error });
            }
            Ok(Failure::Failed { class: "retryable", reason })
        }
        Class::Retryable => {
            health.reached();
            Ok(Failure::Failed { class: "retryable", reason })
        }
        Class::Permanent if is_foreign(&error) => Err(EngineError::Api { doing, source: error }),
        Class::Permanent => {
            health.reached();
            Ok(Failure::Failed { class: "permanent", reason })
        }
    }
}

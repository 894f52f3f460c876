//! Why a run ended without an end, and what comes next.

use drift::{Error, Failure, TransportKind};
use model::Millis;
use store::StoreError;

/// Why a run failed, in one word of a closed set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// The other side was not reached.
    Unreachable,
    /// The other side asked for patience (429).
    RateLimited,
    /// The other side failed (5xx).
    Server,
    /// The other side's answer could not be read.
    Unreadable,
    /// What was asked for does not exist.
    Gone,
    /// The token is not accepted.
    Unauthorized,
    /// The token may not do this.
    Forbidden,
    /// The other side will not do this, however often it is asked.
    Refused,
    /// The store failed.
    Store,
    /// The stored payload cannot be read.
    Payload,
    /// The run took longer than its kind may.
    TimedOut,
    /// The run panicked: a defect.
    Panicked,
    /// Anything else.
    Other,
}

impl Class {
    /// The stored word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::RateLimited => "rate_limited",
            Self::Server => "server",
            Self::Unreadable => "unreadable",
            Self::Gone => "gone",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::Refused => "refused",
            Self::Store => "store",
            Self::Payload => "payload",
            Self::TimedOut => "timed_out",
            Self::Panicked => "panicked",
            Self::Other => "other",
        }
    }
}

/// What comes after a run that did not reach its end. Reasons are sentences for a person and hold nothing personal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JobError {
    /// Try again: after `after_ms`, or when the retry schedule says.
    #[error("{}: {reason}", class.as_str())]
    Retry {
        /// Why.
        class: Class,
        /// Why, for a person.
        reason: String,
        /// Not before so many milliseconds; `None`: the schedule's next delay.
        after_ms: Option<u64>,
    },
    /// No retry will help: a dead letter at once.
    #[error("{}: {reason}", class.as_str())]
    Fail {
        /// Why.
        class: Class,
        /// Why, for a person.
        reason: String,
    },
    /// Nothing of this organization will work until somebody acts: its jobs wait, this one among them.
    #[error("paused: {reason}")]
    Pause {
        /// Why, for a person.
        reason: String,
        /// Until when; `None`: until somebody resumes it.
        until: Option<Millis>,
    },
    /// What the job was for is not there any more: it is over, and nobody need look.
    #[error("moot: {reason}")]
    Moot {
        /// Why, for a person.
        reason: String,
    },
    /// The node was asked to stop and the job made room: it is handed back, and the attempt does not count.
    #[error("stopped as asked")]
    Stopped,
    /// Another worker has the job now.
    #[error("the lease on the job was lost")]
    LeaseLost,
}

impl JobError {
    /// Try again when the schedule says.
    pub fn retry(class: Class, reason: impl Into<String>) -> Self {
        Self::Retry { class, reason: reason.into(), after_ms: None }
    }

    /// Give up.
    pub fn fail(class: Class, reason: impl Into<String>) -> Self {
        Self::Fail { class, reason: reason.into() }
    }

    /// What a failed call to Drift means for the job that made it. Drift's own text holds no personal data only in the
    /// variants repeated here; of others the status is told and no more.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "for map_err")]
    pub fn from_call(error: Error) -> Self {
        match &error {
            Error::NotFound { .. } => Self::fail(Class::Gone, error.to_string()),
            Error::Forbidden { .. } => Self::fail(Class::Forbidden, error.to_string()),
            Error::Unauthorized { reason } => Self::Pause {
                reason: format!("Drift does not accept the connection's token: {reason}"),
                until: None,
            },
            Error::Exhausted { last, .. } => Self::retry(class_of(last), error.to_string()),
            Error::Tls { .. } => Self::retry(Class::Unreachable, error.to_string()),
            Error::Keeper(_) => Self::retry(Class::Store, error.to_string()),
            Error::OAuth(_) => Self::retry(Class::Unauthorized, "the token could not be renewed"),
            Error::Decode { .. } | Error::TooLarge { .. } => {
                Self::retry(Class::Unreadable, error.to_string())
            }
            Error::PageRepeated | Error::PagesMax { .. } => Self::retry(Class::Unreadable, error.to_string()),
            Error::Validation { method, path, .. } | Error::Conflict { method, path, .. } => {
                Self::fail(Class::Refused, format!("{method} {path}: refused"))
            }
            Error::Api { method, path, status, .. } => {
                Self::fail(Class::Refused, format!("{method} {path}: status {status}"))
            }
            Error::HostNotAllowed { .. } | Error::InvalidConfig { .. } => {
                Self::fail(Class::Refused, error.to_string())
            }
            _ => Self::retry(Class::Other, "an unknown failure of a call"),
        }
    }

    /// What a failure of the store means for a job. Almost everything may pass.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "for map_err")]
    pub fn from_store(error: StoreError) -> Self {
        match error {
            StoreError::LeaseLost => Self::LeaseLost,
            StoreError::Vault(ref error) if error.is_passing() => {
                Self::retry(Class::Store, error.to_string())
            }
            StoreError::Vault(_) | StoreError::Stored { .. } | StoreError::Statement { .. } => {
                Self::fail(Class::Store, error.to_string())
            }
            _ => Self::retry(Class::Store, error.to_string()),
        }
    }
}

impl From<StoreError> for JobError {
    fn from(error: StoreError) -> Self {
        Self::from_store(error)
    }
}

fn class_of(last: &Failure) -> Class {
    match last {
        Failure::Status(429) => Class::RateLimited,
        Failure::Status(_) => Class::Server,
        Failure::Transport(TransportKind::TooLarge) | Failure::Body(_) => Class::Unreadable,
        Failure::Transport(_) => Class::Unreachable,
    }
}

//! What can go wrong with a call, and what a person can do about it.
//!
//! No text here holds a token, a query or a body: only the path and Drift's own short message.

use http::Method;

use crate::auth::APP_REFUSED;
use crate::oauth::OAuthError;
use crate::{DecodeError, KeeperError, Scope, TransportError, TransportKind};

/// Longest message of Drift's that is repeated, in characters.
pub(crate) const MESSAGE_CHARS_MAX: usize = 300;

/// A call that did not succeed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// 404 or 410.
    #[error("{method} {path}: not found")]
    NotFound {
        /// The call's method.
        method: Method,
        /// The call's path.
        path: String,
    },
    /// The token is alive but may not do this.
    #[error("{method} {path}: refused{}", scope.map(|scope| format!(", needs scope {scope}")).unwrap_or_default())]
    Forbidden {
        /// The call's method.
        method: Method,
        /// The call's path.
        path: String,
        /// The scope the endpoint is documented to need.
        scope: Option<Scope>,
    },
    /// The token is dead and could not be renewed.
    #[error("Drift does not accept the token: {reason}")]
    Unauthorized {
        /// What was found.
        reason: &'static str,
    },
    /// Every attempt failed in a way that might have passed.
    #[error("{method} {path}: gave up after {attempts} attempts: {last}")]
    Exhausted {
        /// The call's method.
        method: Method,
        /// The call's path.
        path: String,
        /// How often was tried.
        attempts: u32,
        /// How the last attempt ended.
        last: Failure,
    },
    /// 400 or 422.
    #[error("{method} {path}: {message}{}", param.as_ref().map(|param| format!(" (field {param})")).unwrap_or_default())]
    Validation {
        /// The call's method.
        method: Method,
        /// The call's path.
        path: String,
        /// Drift's message, shortened.
        message: String,
        /// The field that was complained of.
        param: Option<String>,
    },
    /// 409: it exists already.
    #[error("{method} {path}: conflict: {message}")]
    Conflict {
        /// The call's method.
        method: Method,
        /// The call's path.
        path: String,
        /// Drift's message, shortened.
        message: String,
    },
    /// Any other refusal.
    #[error("{method} {path}: status {status} {kind}: {message}")]
    Api {
        /// The call's method.
        method: Method,
        /// The call's path.
        path: String,
        /// The HTTP status.
        status: u16,
        /// Drift's `error.type`, or empty.
        kind: String,
        /// Drift's message, shortened.
        message: String,
    },
    /// The answer is not what the endpoint should say.
    #[error("{method} {path}: cannot read the answer")]
    Decode {
        /// The call's method.
        method: Method,
        /// The call's path.
        path: String,
        /// Where and what.
        source: DecodeError,
    },
    /// The answer's body is larger than allowed.
    #[error("{method} {path}: the answer is larger than {bytes_max} bytes")]
    TooLarge {
        /// The call's method.
        method: Method,
        /// The call's path.
        path: String,
        /// The bound.
        bytes_max: u64,
    },
    /// A page link leads to a host that must not see the token.
    #[error("a page link leads to {host}, which is not allowed")]
    HostNotAllowed {
        /// Where it leads, with scheme and port.
        host: String,
    },
    /// The other side is not who it should be.
    #[error("cannot trust {host}")]
    Tls {
        /// The host that was called.
        host: String,
        /// What the handshake said.
        source: TransportError,
    },
    /// A page's token came a second time: the service leads in a circle.
    #[error("the list leads in a circle")]
    PageRepeated,
    /// The list has more pages than any list should.
    #[error("the list did not end after {pages} pages")]
    PagesMax {
        /// Pages read.
        pages: u64,
    },
    /// The token endpoint refused, or said something unreadable.
    #[error("OAuth")]
    OAuth(#[source] OAuthError),
    /// Tokens could not be read or kept.
    #[error("the token keeper failed")]
    Keeper(#[source] KeeperError),
    /// A setting that cannot work.
    #[error("configuration: {what}")]
    InvalidConfig {
        /// What is wrong with it.
        what: String,
    },
}

/// How one attempt failed in a way that may pass.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// This status.
    #[error("status {0}")]
    Status(u16),
    /// No whole answer.
    #[error("{0}")]
    Transport(TransportKind),
    /// A body that could not be read.
    #[error("an unreadable answer: {0}")]
    Body(DecodeError),
}

impl Failure {
    /// Whether the request cannot have reached the other side.
    pub(crate) const fn nothing_sent(&self) -> bool {
        matches!(self, Self::Transport(kind) if kind.nothing_sent())
    }
}

/// What an error means for whoever made the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// It does not exist (any more).
    Gone,
    /// The token may not do this; others may work.
    Scope,
    /// No call will work until somebody connects again.
    Auth,
    /// Later it may work.
    Retryable,
    /// Asking again will not help.
    Permanent,
}

impl Error {
    /// What this means for whoever made the call.
    #[must_use]
    pub const fn class(&self) -> Class {
        match self {
            Self::NotFound { .. } => Class::Gone,
            Self::Forbidden { .. } => Class::Scope,
            Self::Unauthorized { .. } => Class::Auth,
            Self::Exhausted { .. } | Self::Keeper(_) => Class::Retryable,
            Self::Validation { .. }
            | Self::Conflict { .. }
            | Self::Api { .. }
            | Self::Decode { .. }
            | Self::TooLarge { .. }
            | Self::HostNotAllowed { .. }
            | Self::Tls { .. }
            | Self::PageRepeated
            | Self::PagesMax { .. }
            | Self::OAuth(_)
            | Self::InvalidConfig { .. } => Class::Permanent,
        }
    }

    /// Whether the token could not be renewed because Drift does not accept the app's id or secret: the grant itself may
    /// well live on.
    #[must_use]
    pub fn is_app_refused(&self) -> bool {
        matches!(self, Self::Unauthorized { reason } if *reason == APP_REFUSED)
    }

    /// What a person can do about it.
    #[must_use]
    pub const fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::Forbidden { .. } => {
                "tick the scope on the app's page at dev.drift.com and issue the token again: old tokens do not widen"
            }
            Self::Unauthorized { .. } | Self::OAuth(_) => "connect again to get a new token",
            Self::Exhausted { last: Failure::Transport(TransportKind::Connect), .. } => {
                "check the API's address, and that this machine can reach it"
            }
            Self::Exhausted { .. } => "the service is busy or broken; try again later",
            Self::Tls { .. } => {
                "check the API's address; behind a proxy with its own certificates, add its authority to the trusted roots"
            }
            Self::HostNotAllowed { .. } => "if this host is yours, add it to the allowed hosts",
            Self::TooLarge { .. } => "raise the bound on body bytes",
            Self::Keeper(_) => "check that the store can be written",
            Self::Decode { .. } => "is this address really Drift's API?",
            _ => return None,
        })
    }
}

//! The one seam to the network.

use std::fmt;

use bytes::Bytes;
use futures_util::future::BoxFuture;

/// Carries one request and brings its whole answer, without following redirects.
pub trait Transport: Send + Sync + 'static {
    /// Send a request. The caller bounds the time; the transport bounds the size.
    ///
    /// # Errors
    /// [`TransportError`] when there is no answer, or not all of it.
    fn send<'a>(
        &'a self,
        request: http::Request<Bytes>,
        limits: Limits,
    ) -> BoxFuture<'a, Result<http::Response<Bytes>, TransportError>>;
}

/// Bounds of one exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The largest body that is read; beyond it the answer is [`TransportKind::TooLarge`].
    pub body_bytes_max: u64,
}

/// Why there is no whole answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TransportKind {
    /// No connection was made: a name that does not resolve, a refused or unreachable address. Nothing was sent.
    Connect,
    /// The other side is not who it should be, or speaks no TLS that we do. Nothing was sent.
    Tls,
    /// The address is one that must not be reached ([`crate::HttpOptions::guard`]). Nothing was sent.
    Forbidden,
    /// No answer within the deadline.
    Timeout,
    /// The connection ended before the answer did.
    Cut,
    /// The answer's body is larger than was asked for.
    TooLarge,
    /// The answer is no HTTP, or the request could not be written as such.
    Protocol,
    /// The right to call was taken back by our own side: the token must not be used any more.
    Withdrawn,
}

impl TransportKind {
    /// Whether the request cannot have reached the other side.
    #[must_use]
    pub const fn nothing_sent(self) -> bool {
        matches!(self, Self::Connect | Self::Tls | Self::Forbidden)
    }

    /// A short text.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connect => "no connection",
            Self::Tls => "the TLS handshake failed",
            Self::Forbidden => "the address must not be reached",
            Self::Timeout => "no answer in time",
            Self::Cut => "the connection was cut",
            Self::TooLarge => "the answer is too large",
            Self::Protocol => "no valid HTTP",
            Self::Withdrawn => "the right to call was taken back",
        }
    }
}

impl fmt::Display for TransportKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A failed exchange. Its text names neither URL nor header.
#[derive(Debug, thiserror::Error)]
#[error("{kind}")]
pub struct TransportError {
    /// What happened.
    pub kind: TransportKind,
    /// What the layer below said, where it said something.
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl TransportError {
    /// A failure without more to tell.
    #[must_use]
    pub const fn new(kind: TransportKind) -> Self {
        Self { kind, source: None }
    }

    /// A failure with its cause, which must name neither URL nor header.
    pub fn because(kind: TransportKind, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { kind, source: Some(source.into()) }
    }
}

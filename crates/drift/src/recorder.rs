//! An ear for what was called: one record per attempt, never a token, a query or a body.

use http::{HeaderMap, Method};
use model::Millis;

use crate::{Priority, Scope, TransportKind, VendorSigns, retry};

/// Hears of every attempt, on the path of the call: must be quick and must not block.
pub trait Recorder: Send + Sync + 'static {
    /// One attempt has ended.
    fn record(&self, call: &CallRecord<'_>);
}

/// One attempt of one call.
#[derive(Debug, Clone, Copy)]
pub struct CallRecord<'a> {
    /// When it was sent.
    pub at: Millis,
    /// The method.
    pub method: &'a Method,
    /// The path without its query, which may hold personal data.
    pub path: &'a str,
    /// The scope the call needs, where one is documented.
    pub scope: Option<Scope>,
    /// 1 for the first attempt of a call.
    pub attempt: u32,
    /// The urgency under which it was drawn from the budget.
    pub priority: Priority,
    /// How it ended.
    pub outcome: Outcome,
    /// What the answer's headers said of the budget.
    pub rate: RateHeaders,
    /// What the answer said of the service's own future.
    pub signs: VendorSigns,
    /// How long it waited for its slot, in milliseconds.
    pub waited_ms: u64,
    /// How long it took from being sent to its last byte, in milliseconds.
    pub latency_ms: u64,
    /// Records in the answer: those of a list, one of any other; none when it was no success.
    pub rows: usize,
    /// Bytes of the answer's body.
    pub body_bytes: usize,
}

/// How one attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Answered with this HTTP status, whatever that was.
    Status(u16),
    /// Answered with this HTTP status, but the body could not be decoded.
    Garbled(u16),
    /// Not answered, or not wholly.
    Failed(TransportKind),
}

/// What an answer said of the budget. Drift documents none of these; proxies and newer services send them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RateHeaders {
    /// Calls per window.
    pub limit: Option<u32>,
    /// The window of `limit`, in milliseconds, where it was told.
    pub window_ms: Option<u64>,
    /// Calls left in this window.
    pub remaining: Option<u32>,
    /// Milliseconds until the window starts anew.
    pub reset_ms: Option<u64>,
    /// Milliseconds to wait before another try.
    pub retry_after_ms: Option<u64>,
}

impl RateHeaders {
    /// Read what is there; whatever cannot be read is left out.
    #[must_use]
    pub fn read(headers: &HeaderMap, now: Millis) -> Self {
        retry::rate_headers(headers, now)
    }
}

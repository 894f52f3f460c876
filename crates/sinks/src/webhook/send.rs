//! One attempt to hand a webhook over, and what its outcome asks for.

use std::sync::Arc;

use bytes::Bytes;
use drift::{HttpOptions, HttpTransport, Limits, Transport, TransportError, TransportKind};
use http::{Request, Response, StatusCode};
use model::{Clock, Millis};
use url::Url;

use super::address::Reach;
use super::secret::SigningSecret;
use super::signature::{self, ID_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER};

/// How long a receiver may take, in milliseconds (Standard Webhooks recommends 15 to 30 seconds).
pub const DEADLINE_MS: u64 = 15_000;
/// The largest answer that is read, in bytes: nobody asks for what it says.
const ANSWER_BYTES_MAX: u64 = 64 * 1024;
/// The longest wait a receiver may ask for, in milliseconds.
pub const RETRY_AFTER_MS_MAX: u64 = 24 * 60 * 60 * 1_000;
/// The header of W3C Trace Context.
const TRACE_HEADER: &str = "traceparent";
/// Longest wait for a connection, in milliseconds.
const CONNECT_MS: u64 = 10_000;

/// One message on its way to one receiver.
#[derive(Debug)]
pub struct Delivery<'a> {
    /// Where it goes; as checked by [`Reach::url`].
    pub url: &'a Url,
    /// What it is signed with, the newest first.
    pub secrets: &'a [SigningSecret],
    /// The message's id.
    pub id: &'a str,
    /// The message's body.
    pub body: Bytes,
    /// The trace of what led to it, as W3C Trace Context spells it: the receiver can carry it on.
    pub trace: Option<&'a str>,
}

/// What came of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The receiver took it.
    Taken {
        /// The answer's status.
        status: u16,
    },
    /// The receiver wants nothing more (410): disable the endpoint.
    Gone,
    /// The receiver is not to be had: try again later, everything else for it as well.
    Unavailable {
        /// Why, for a person.
        reason: String,
        /// How long the receiver asks to be left alone, in milliseconds.
        after_ms: Option<u64>,
    },
    /// The receiver answers, and refuses this message: try it again later.
    Refused {
        /// Why, for a person.
        reason: String,
    },
}

impl Outcome {
    /// One word for it, as metrics and reports use.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Taken { .. } => "taken",
            Self::Gone => "gone",
            Self::Unavailable { .. } => "unavailable",
            Self::Refused { .. } => "refused",
        }
    }
}

/// The network as webhooks may use it: no proxy, no redirect, and no address out of reach.
///
/// # Errors
/// As [`HttpTransport::new`].
pub fn transport(reach: Reach, options: HttpOptions) -> Result<HttpTransport, TransportError> {
    let guard: drift::AddressGuard = Arc::new(move |address| reach.allows(address));
    HttpTransport::new(HttpOptions { guard: Some(guard), proxies: false, connect_ms: CONNECT_MS, ..options })
}

/// Sign and send once. The receiver has [`DEADLINE_MS`] to answer.
pub async fn send(transport: &dyn Transport, clock: &dyn Clock, delivery: Delivery<'_>) -> Outcome {
    let request = match request(&delivery, clock.now()) {
        Ok(request) => request,
        Err(error) => return Outcome::Refused { reason: format!("it cannot be sent: {error}") },
    };
    let limits = Limits { body_bytes_max: ANSWER_BYTES_MAX };
    match drift::deadline(clock, DEADLINE_MS, transport.send(request, limits)).await {
        Ok(Ok(answer)) => judge(&answer, clock.now()),
        Ok(Err(error)) => unreachable(error.kind),
        Err(_) => unreachable(TransportKind::Timeout),
    }
}

fn request(delivery: &Delivery<'_>, now: Millis) -> Result<Request<Bytes>, http::Error> {
    let timestamp_s = now.0.div_euclid(1_000);
    let signature = signature::sign(delivery.secrets, delivery.id, timestamp_s, &delivery.body);
    let mut request = Request::post(delivery.url.as_str())
        .header(http::header::CONTENT_TYPE, "application/json")
        .header(ID_HEADER, delivery.id)
        .header(TIMESTAMP_HEADER, timestamp_s)
        .header(SIGNATURE_HEADER, signature);
    if let Some(trace) = delivery.trace {
        request = request.header(TRACE_HEADER, trace);
    }
    request.body(delivery.body.clone())
}

fn judge(answer: &Response<Bytes>, now: Millis) -> Outcome {
    let status = answer.status();
    let reason = format!("the receiver answered {}", status.as_u16());
    match status {
        status if status.is_success() => Outcome::Taken { status: status.as_u16() },
        StatusCode::GONE => Outcome::Gone,
        StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => unavailable(reason, answer, now),
        status if status.is_server_error() => unavailable(reason, answer, now),
        status if status.is_redirection() => {
            Outcome::Refused { reason: format!("{reason}: redirects are not followed") }
        }
        _ => Outcome::Refused { reason },
    }
}

fn unavailable(reason: String, answer: &Response<Bytes>, now: Millis) -> Outcome {
    let after_ms = drift::retry_after_ms(answer.headers(), now).map(|ms| ms.min(RETRY_AFTER_MS_MAX));
    Outcome::Unavailable { reason, after_ms }
}

fn unreachable(kind: TransportKind) -> Outcome {
    let reason = format!("the receiver was not reached: {kind}");
    match kind {
        // It did answer, only not as a receiver does.
        TransportKind::TooLarge => {
            Outcome::Refused { reason: format!("the receiver's answer is not one: {kind}") }
        }
        _ => Outcome::Unavailable { reason, after_ms: None },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_says_what_comes_next() {
        let check = |status: u16, retry_after: Option<&str>, expected: &str, after_ms: Option<u64>| {
            let mut answer = Response::builder().status(status);
            if let Some(text) = retry_after {
                answer = answer.header("retry-after", text);
            }
            let outcome = judge(&answer.body(Bytes::new()).unwrap(), Millis(0));
            assert_eq!(outcome.as_str(), expected, "{status}");
            if let Outcome::Unavailable { after_ms: found, .. } = outcome {
                assert_eq!(found, after_ms, "{status}");
            }
        };
        for taken in [200, 201, 202, 204, 299] {
            check(taken, None, "taken", None);
        }
        check(410, None, "gone", None);
        check(429, Some("30"), "unavailable", Some(30_000));
        check(429, Some("99999999"), "unavailable", Some(RETRY_AFTER_MS_MAX));
        check(503, Some("Thu, 01 Jan 1970 00:01:00 GMT"), "unavailable", Some(60_000));
        for unavailable in [408, 500, 502, 504] {
            check(unavailable, None, "unavailable", None);
        }
        for refused in [301, 302, 307, 400, 401, 403, 404, 422] {
            check(refused, None, "refused", None);
        }
    }
}

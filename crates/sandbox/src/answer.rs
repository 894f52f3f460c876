//! An answer before it is spoilt and sent: status, type, body, a few headers.

use std::fmt::Display;

use axum::body::Body;
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use serde_json::json;

use crate::world::WorldError;

pub(crate) const JSON: &str = "application/json";
pub(crate) const HTML: &str = "text/html; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";

/// The answer to one request.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) kind: &'static str,
    pub(crate) body: Bytes,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
}

/// Either way it is an answer; the error side is what stopped the work.
pub(crate) type Answered = Result<Answer, Answer>;

impl Answer {
    /// A body as it stands.
    pub(crate) fn new(status: StatusCode, kind: &'static str, body: impl Into<Bytes>) -> Self {
        Self { status, kind, body: body.into(), headers: Vec::new() }
    }

    /// 200 with a JSON value as it stands.
    pub(crate) fn bare(json: impl Into<Bytes>) -> Self {
        Self::new(StatusCode::OK, JSON, json)
    }

    /// 200 with a JSON value under `data`.
    pub(crate) fn data(json: &[u8]) -> Self {
        Self::bare([b"{\"data\":", json, b"}"].concat())
    }

    /// 200 with the body of most deletions.
    pub(crate) fn done() -> Self {
        Self::bare(&br#"{"result":"OK","ok":true}"#[..])
    }

    /// 200 with plain text.
    pub(crate) fn text(text: String) -> Self {
        Self::new(StatusCode::OK, TEXT, text)
    }

    /// A page for people.
    pub(crate) fn page(status: StatusCode, html: String) -> Self {
        let answer = Self::new(status, HTML, html);
        answer
            .with("x-frame-options", "DENY")
            .with("referrer-policy", "no-referrer")
            .with("cache-control", "no-store")
            .with("content-security-policy", "default-src 'none'; style-src 'unsafe-inline'; img-src data:")
    }

    /// An error in Drift's form (Drift: Data and errors).
    pub(crate) fn error(status: u16, kind: &str, message: impl Display) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = json!({"error": {"type": kind, "message": message.to_string()}});
        Self::new(status, JSON, body.to_string())
    }

    /// 400 `validation_error`.
    pub(crate) fn invalid(message: impl Display) -> Self {
        Self::error(400, "validation_error", message)
    }

    /// 404 `not_found`.
    pub(crate) fn not_found(what: impl Display) -> Self {
        Self::error(404, "not_found", format_args!("{what} was not found"))
    }

    /// The answer with another status.
    pub(crate) fn status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// The answer with one header more; a value that cannot stand in a header is left out.
    pub(crate) fn with(mut self, name: &'static str, value: impl AsRef<str>) -> Self {
        if let Ok(value) = HeaderValue::from_str(value.as_ref()) {
            self.headers.push((HeaderName::from_static(name), value));
        }
        self
    }

    /// The HTTP response, with the body or what became of it. The length told is that of the whole.
    pub(crate) fn into_response(self, body: Option<Body>) -> Response<Body> {
        let length = self.body.len();
        let mut response = Response::new(body.unwrap_or_else(|| Body::from(self.body)));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        if self.status != StatusCode::NO_CONTENT {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.kind));
            headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
        }
        headers.extend(self.headers.into_iter().map(|(name, value)| (Some(name), value)));
        response
    }
}

impl From<WorldError> for Answer {
    fn from(error: WorldError) -> Self {
        Self::error(error.status, error.kind, error.message)
    }
}

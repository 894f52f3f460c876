//! What Drift says when it refuses, and which error that makes.
//!
//! Bodies come in two forms, `{"error": {"type", "message"}}` and `{"errors": [{"type", "message", "param"}]}`, the
//! token endpoint's in OAuth's own, and a proxy's in none. All are read leniently; nothing but Drift's own short
//! message is repeated.

use http::StatusCode;
use serde_json::Value;

use crate::answer::Answer;
use crate::call::Call;
use crate::error::{Failure, MESSAGE_CHARS_MAX};
use crate::{DecodeError, Error};

/// Largest error body that is looked into, in bytes.
const BODY_BYTES_MAX: usize = 64 * 1024;
/// Longest error type that is repeated, in characters.
const KIND_CHARS_MAX: usize = 64;

/// A refusal, as told.
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) kind: String,
    pub(crate) message: String,
    param: Option<String>,
}

impl Refusal {
    pub(crate) fn read(status: StatusCode, body: &[u8]) -> Self {
        Self::told(status, body).unwrap_or_else(|| Self {
            status,
            kind: String::new(),
            message: status.canonical_reason().unwrap_or("no reason given").to_owned(),
            param: None,
        })
    }

    /// Errors inside an answer that calls itself a success.
    pub(crate) fn inside(answer: &Answer) -> Option<Self> {
        Self::told(answer.status(), &answer.bytes())
    }

    fn told(status: StatusCode, body: &[u8]) -> Option<Self> {
        if body.len() > BODY_BYTES_MAX {
            return None;
        }
        let body: Value = serde_json::from_slice(body).ok()?;
        let error = match body.get("error") {
            Some(error @ Value::Object(_)) => error,
            Some(Value::String(kind)) => {
                let message = text(&body, "error_description", MESSAGE_CHARS_MAX);
                let message = message.unwrap_or_else(|| shortened(kind, MESSAGE_CHARS_MAX));
                return Some(Self { status, kind: shortened(kind, KIND_CHARS_MAX), message, param: None });
            }
            _ => body.get("errors")?.as_array()?.first()?,
        };
        Some(Self {
            status,
            kind: text(error, "type", KIND_CHARS_MAX).unwrap_or_default(),
            message: text(error, "message", MESSAGE_CHARS_MAX)
                .unwrap_or_else(|| "no message given".to_owned()),
            param: text(error, "param", KIND_CHARS_MAX),
        })
    }

    /// Documented as 403 with this type; 401 is met, too. A lacking scope looks the same as a dead token.
    pub(crate) fn is_auth(&self) -> bool {
        matches!(self.status.as_u16(), 401 | 403) || self.kind == "authentication_error"
    }

    pub(crate) fn is_rate_limit(&self) -> bool {
        self.kind == "rate_limit"
    }

    pub(crate) fn into_error(self, call: &Call) -> Error {
        let (method, path) = call.name();
        let Self { status, kind, message, param } = self;
        match (status.as_u16(), kind.as_str()) {
            (404 | 410, _) | (_, "not_found") => Error::NotFound { method, path },
            (400 | 422, _) => Error::Validation { method, path, message, param },
            (409, _) => Error::Conflict { method, path, message },
            (status, _) => Error::Api { method, path, status, kind, message },
        }
    }
}

/// The errors that a call itself can make.
impl Call {
    fn name(&self) -> (http::Method, String) {
        (self.method.clone(), self.path.to_string())
    }

    pub(crate) fn forbidden(&self) -> Error {
        let (method, path) = self.name();
        Error::Forbidden { method, path, scope: self.scope }
    }

    pub(crate) fn exhausted(&self, attempts: u32, last: Failure) -> Error {
        let (method, path) = self.name();
        Error::Exhausted { method, path, attempts, last }
    }

    pub(crate) fn unreadable(&self, source: DecodeError) -> Error {
        let (method, path) = self.name();
        Error::Decode { method, path, source }
    }

    pub(crate) fn too_large(&self, bytes_max: u64) -> Error {
        let (method, path) = self.name();
        Error::TooLarge { method, path, bytes_max }
    }

    pub(crate) fn bad_link(&self) -> Error {
        self.unreadable(DecodeError::new("the link to the next page is no URL"))
    }
}

fn text(object: &Value, key: &str, chars_max: usize) -> Option<String> {
    let text = object.get(key)?.as_str()?.trim();
    (!text.is_empty()).then(|| shortened(text, chars_max))
}

/// At most so many characters, without control characters that would break a line of a log.
fn shortened(text: &str, chars_max: usize) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(chars_max).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(status: u16, body: &str) -> Refusal {
        Refusal::read(StatusCode::from_u16(status).unwrap(), body.as_bytes())
    }

    #[test]
    fn both_forms_are_read() {
        let one = read(400, r#"{"error":{"type":"validation_error","message":"email is required"}}"#);
        assert_eq!((one.kind.as_str(), one.message.as_str()), ("validation_error", "email is required"));
        let list = read(400, r#"{"errors":[{"type":"validation_error","message":"bad","param":"limit"}]}"#);
        assert_eq!(
            list.into_error(&Call::get("/conversations/list")).to_string(),
            "GET /conversations/list: bad (field limit)"
        );
        let oauth = read(400, r#"{"error":"invalid_grant","error_description":"the code was used"}"#);
        assert_eq!((oauth.kind.as_str(), oauth.message.as_str()), ("invalid_grant", "the code was used"));
        assert_eq!(read(418, "<html>").message, "I'm a teapot");
    }

    #[test]
    fn a_long_message_is_cut() {
        let long = format!(r#"{{"error":{{"type":"x","message":"{}"}}}}"#, "ä".repeat(5_000));
        assert_eq!(read(500, &long).message.chars().count(), MESSAGE_CHARS_MAX);
    }
}

//! Errors as the API answers them: `{"error":{"code","message","hint"}}`, the shape the command line prints, too.
//!
//! What the caller can mend is told; what happened inside is logged under an id, and the caller gets the id.

use std::fmt::Write as _;

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use store::StoreError;

/// An endpoint's error.
pub(crate) trait Problem: std::error::Error + Send + Sync + 'static {
    /// The status it is answered with; 500 hides its text.
    fn status(&self) -> StatusCode;

    /// What the caller can do about it.
    fn hint(&self) -> Option<&'static str> {
        None
    }
}

/// A request that came to nothing.
#[derive(Debug)]
pub(crate) struct Failed {
    status: StatusCode,
    message: String,
    hint: Option<&'static str>,
}

#[derive(Serialize)]
struct Body<'a> {
    error: Error<'a>,
}

#[derive(Serialize)]
struct Error<'a> {
    code: &'a str,
    message: &'a str,
    hint: Option<&'a str>,
}

impl Failed {
    pub(crate) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), hint: None }
    }

    pub(crate) fn hint(mut self, hint: &'static str) -> Self {
        self.hint = Some(hint);
        self
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    /// Something that should not happen: the whole chain is logged once.
    pub(crate) fn inside(error: &dyn std::error::Error) -> Self {
        let mut chain = error.to_string();
        let mut cause = error.source();
        while let Some(inner) = cause {
            let _ = write!(chain, ": {inner}");
            cause = inner.source();
        }
        tracing::error!(error = chain, "A request to the admin API failed");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "the request failed inside; the log says why")
    }
}

impl std::fmt::Display for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl<E: Problem> From<E> for Failed {
    fn from(error: E) -> Self {
        let status = error.status();
        if status == StatusCode::INTERNAL_SERVER_ERROR {
            return Self::inside(&error);
        }
        Self { status, message: error.to_string(), hint: error.hint() }
    }
}

/// The status of what the store says: what is not there is the caller's to mend.
pub(crate) fn store_status(error: &StoreError) -> StatusCode {
    match error {
        StoreError::NotFound { .. } => StatusCode::NOT_FOUND,
        StoreError::Busy | StoreError::TimedOut | StoreError::Locked | StoreError::TooManyConnections => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

impl IntoResponse for Failed {
    fn into_response(self) -> Response {
        let code = match self.status {
            StatusCode::BAD_REQUEST => "bad_request",
            StatusCode::UNAUTHORIZED => "unauthorized",
            StatusCode::FORBIDDEN => "forbidden",
            StatusCode::NOT_FOUND => "not_found",
            StatusCode::CONFLICT => "conflict",
            StatusCode::PAYLOAD_TOO_LARGE => "too_large",
            StatusCode::UNSUPPORTED_MEDIA_TYPE => "unsupported_media_type",
            StatusCode::SERVICE_UNAVAILABLE => "overload",
            _ => "internal",
        };
        let body = Body { error: Error { code, message: &self.message, hint: self.hint } };
        let mut response = (self.status, Json(body)).into_response();
        let headers = response.headers_mut();
        match self.status {
            StatusCode::UNAUTHORIZED => {
                headers.insert(header::WWW_AUTHENTICATE, header::HeaderValue::from_static("Bearer"));
            }
            StatusCode::SERVICE_UNAVAILABLE => {
                headers.insert(header::RETRY_AFTER, header::HeaderValue::from_static("1"));
            }
            _ => {}
        }
        response
    }
}

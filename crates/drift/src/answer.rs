//! A whole answer with a status of success, and the shapes in which Drift wraps what it says.

use std::cell::Cell;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};

use crate::DecodeError;
use crate::wire::{Field, List};

/// A whole answer with a status of success.
#[derive(Clone)]
pub(crate) struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
    /// How many records it holds, as whoever decodes it tells.
    rows: Cell<usize>,
}

#[derive(Deserialize)]
struct Wrapped<T> {
    data: T,
}

impl Answer {
    pub(crate) const fn new(status: StatusCode, headers: HeaderMap, body: Bytes) -> Self {
        Self { status, headers, body, rows: Cell::new(1) }
    }

    /// Tell how many records it holds; one, unless somebody tells.
    pub(crate) fn holds(&self, rows: usize) {
        self.rows.set(rows);
    }

    /// How many records it holds.
    pub(crate) const fn rows(&self) -> usize {
        self.rows.get()
    }

    /// The list inside `{"data": …}`.
    pub(crate) fn list<T: Field>(&self) -> Result<Vec<T>, DecodeError> {
        let List(rows) = self.data()?;
        self.holds(rows.len());
        Ok(rows)
    }

    /// What is inside `{"data": …}`.
    pub(crate) fn data<T: DeserializeOwned>(&self) -> Result<T, DecodeError> {
        Ok(serde_json::from_slice::<Wrapped<T>>(&self.body)?.data)
    }

    /// The body itself.
    pub(crate) fn bare<T: DeserializeOwned>(&self) -> Result<T, DecodeError> {
        Ok(serde_json::from_slice(&self.body)?)
    }

    /// What is inside `data`, or the body itself where nothing is wrapped: the pages contradict each other.
    pub(crate) fn data_or_bare<T: DeserializeOwned>(&self) -> Result<T, DecodeError> {
        #[derive(Deserialize)]
        struct Probe {
            data: Option<IgnoredAny>,
        }
        // Only an object is wrapped: serde would read a bare list of one as a struct of one field.
        let is_object = self.body.trim_ascii_start().starts_with(b"{");
        match serde_json::from_slice::<Probe>(&self.body) {
            Ok(Probe { data: Some(_) }) if is_object => self.data(),
            _ => self.bare(),
        }
    }

    /// The list inside `data`, or the body itself where nothing is wrapped.
    pub(crate) fn list_or_bare<T: Field>(&self) -> Result<Vec<T>, DecodeError> {
        let List(rows) = self.data_or_bare()?;
        self.holds(rows.len());
        Ok(rows)
    }

    /// The body's bytes.
    pub(crate) fn bytes(&self) -> Bytes {
        self.body.clone()
    }

    /// The body as text.
    pub(crate) fn text(&self) -> Result<&str, DecodeError> {
        std::str::from_utf8(&self.body).map_err(|_| DecodeError::new("the text is not UTF-8"))
    }

    /// The media type without its parameters, in the sender's spelling.
    pub(crate) fn content_type(&self) -> Option<&str> {
        let value = self.headers.get(CONTENT_TYPE)?.to_str().ok()?;
        Some(value.split(';').next().unwrap_or(value).trim())
    }

    /// Whether the body calls itself JSON.
    pub(crate) fn is_json(&self) -> bool {
        self.content_type().is_some_and(|kind| kind.to_ascii_lowercase().ends_with("json"))
    }

    pub(crate) const fn status(&self) -> StatusCode {
        self.status
    }

    pub(crate) const fn headers(&self) -> &HeaderMap {
        &self.headers
    }
}

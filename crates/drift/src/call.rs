//! What an endpoint says of its call: where, with what, and what may be done when it fails.

use std::borrow::Cow;
use std::fmt::{Display, Write};

use bytes::Bytes;
use http::Method;
use serde::Serialize;

use crate::page::PageToken;
use crate::{Error, Scope};

/// One call, described. Built by endpoints with a chain of words.
#[derive(Clone)]
pub(crate) struct Call {
    pub(crate) method: Method,
    /// Without query; segments are percent-encoded.
    pub(crate) path: Cow<'static, str>,
    /// Encoded, without `?`.
    pub(crate) query: String,
    pub(crate) body: Body,
    pub(crate) base: Base,
    pub(crate) scope: Option<Scope>,
    pub(crate) reports: bool,
    pub(crate) anonymous: bool,
    pub(crate) idempotent: bool,
    pub(crate) body_bytes_max: Option<u64>,
    /// Attempts, where they are not those of the configuration.
    pub(crate) attempts_max: Option<u32>,
}

/// What is sent along.
#[derive(Clone)]
pub(crate) enum Body {
    Nothing,
    Json(Bytes),
    Form(Bytes),
    /// The very token that the call goes with, under `access_token`: one that was taken before may be replaced by then.
    OwnToken,
}

/// Which of the configured bases a path belongs to.
#[derive(Clone)]
pub(crate) enum Base {
    Api,
    ConversationList,
    Events,
    /// A page link; may be relative to the list's base. Checked against the allowed hosts before it is followed.
    Link(PageToken),
}

impl Call {
    fn new(method: Method, path: impl Into<Cow<'static, str>>, idempotent: bool) -> Self {
        Self {
            method,
            path: path.into(),
            query: String::new(),
            body: Body::Nothing,
            base: Base::Api,
            scope: None,
            reports: false,
            anonymous: false,
            idempotent,
            body_bytes_max: None,
            attempts_max: None,
        }
    }

    /// A GET; tried again whenever that can help, as are PUT and DELETE.
    pub(crate) fn get(path: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Method::GET, path, true)
    }

    /// A POST; tried again only after 429, or when nothing was sent (see [`Call::idempotent`]).
    pub(crate) fn post(path: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Method::POST, path, false)
    }

    /// A PATCH; Drift's set fields to given values, so doing it twice does no harm.
    pub(crate) fn patch(path: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Method::PATCH, path, true)
    }

    /// A PUT.
    pub(crate) fn put(path: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Method::PUT, path, true)
    }

    /// A DELETE.
    pub(crate) fn delete(path: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Method::DELETE, path, true)
    }

    /// Append one percent-encoded segment to the path.
    pub(crate) fn segment(mut self, segment: impl Display) -> Self {
        let path = self.path.to_mut();
        path.push('/');
        // Numbers need no encoding; writing them straight saves an allocation on every call.
        let start = path.len();
        let _ = write!(path, "{segment}");
        if !path[start..].bytes().all(is_plain) || matches!(&path[start..], "." | "..") {
            let raw = path.split_off(start);
            encode(&raw, path);
        }
        self
    }

    /// Append a constant part, such as `/messages`, to the path.
    pub(crate) fn then(mut self, part: &'static str) -> Self {
        self.path.to_mut().push_str(part);
        self
    }

    /// Append a query parameter, percent-encoded; may be repeated.
    pub(crate) fn query(mut self, key: &str, value: impl Display) -> Self {
        if !self.query.is_empty() {
            self.query.push('&');
        }
        encode(key, &mut self.query);
        self.query.push('=');
        let start = self.query.len();
        let _ = write!(self.query, "{value}");
        if !self.query[start..].bytes().all(is_plain) {
            let raw = self.query.split_off(start);
            encode(&raw, &mut self.query);
        }
        self
    }

    /// Append a query parameter where there is a value.
    pub(crate) fn query_some(self, key: &str, value: Option<impl Display>) -> Self {
        match value {
            Some(value) => self.query(key, value),
            None => self,
        }
    }

    /// Continue a list: a cursor becomes the query parameter `cursor_key`, a link replaces base, path and query.
    pub(crate) fn page(mut self, token: Option<&PageToken>, cursor_key: &str) -> Self {
        match token {
            None => self,
            Some(token) if token.is_link() => {
                self.base = Base::Link(token.clone());
                self
            }
            Some(token) => self.query(cursor_key, token.value()),
        }
    }

    /// Send a JSON body.
    ///
    /// Fails only for values that JSON cannot hold (a map with keys that are no strings).
    pub(crate) fn json(mut self, body: &(impl Serialize + ?Sized)) -> Result<Self, Error> {
        let bytes = serde_json::to_vec(body).map_err(|error| Error::Decode {
            method: self.method.clone(),
            path: self.path.clone().into_owned(),
            source: error.into(),
        })?;
        self.body = Body::Json(bytes.into());
        Ok(self)
    }

    /// Send the call's own token as the body.
    pub(crate) fn own_token(self) -> Self {
        Self { body: Body::OwnToken, ..self }
    }

    /// Send a form body.
    pub(crate) fn form(mut self, fields: &[(&str, &str)]) -> Self {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(fields);
        self.body = Body::Form(form.finish().into());
        self
    }

    /// The scope the call needs, told when it is refused.
    pub(crate) fn scope(mut self, scope: Scope) -> Self {
        self.scope = Some(scope);
        self
    }

    /// Use the conversation list's own base.
    pub(crate) fn list_host(mut self) -> Self {
        self.base = Base::ConversationList;
        self
    }

    /// Use the legacy event collector's base, which takes no token.
    pub(crate) fn events_host(mut self) -> Self {
        self.base = Base::Events;
        self.anonymous = true;
        self
    }

    /// Draw from the reports' own budget as well.
    pub(crate) fn reports(mut self) -> Self {
        self.reports = true;
        self
    }

    /// Send no token.
    pub(crate) fn anonymous(mut self) -> Self {
        self.anonymous = true;
        self
    }

    /// Allow a body of this many bytes instead of the configured bound.
    pub(crate) fn large(mut self, bytes_max: u64) -> Self {
        self.body_bytes_max = Some(bytes_max);
        self
    }

    /// Whether doing it twice does no more than once.
    pub(crate) fn idempotent(mut self, idempotent: bool) -> Self {
        self.idempotent = idempotent;
        self
    }
}

const fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// RFC 3986: everything that is not unreserved becomes `%XX`. Dot segments would be resolved away, so they do, too.
fn encode(raw: &str, out: &mut String) {
    let dots = matches!(raw, "." | "..");
    for byte in raw.bytes() {
        if is_plain(byte) && !dots {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_and_queries_are_encoded() {
        let call = Call::get("/accounts")
            .segment("a/b?c")
            .then("/x")
            .query("email", "ada+1@example.test")
            .query("n", 5);
        assert_eq!(call.path, "/accounts/a%2Fb%3Fc/x");
        assert_eq!(call.query, "email=ada%2B1%40example.test&n=5");
        assert_eq!(Call::get("/contacts").segment(7).path, "/contacts/7");
        assert_eq!(Call::get("/accounts").segment("..").path, "/accounts/%2E%2E");
    }
}

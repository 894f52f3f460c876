//! One request, as the routes see it: parsed, bounded, its token checked.

use std::borrow::Cow;
use std::str::FromStr;

use model::Millis;
use serde_json::Value;
use url::form_urlencoded;

use crate::answer::Answer;
use crate::tokens::Token;

/// Longest request body, in bytes.
pub(crate) const BODY_BYTES_MAX: usize = 1 << 20;
/// Most variable parts in a path.
pub(crate) const PARAMS_MAX: usize = 2;

/// Which of Drift's hosts was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Host {
    /// `driftapi.com`, and any name we do not know (an address, `localhost`).
    Main,
    /// `api.drift.com`: the conversation list of the newer page.
    List,
    /// `event.api.drift.com`: the legacy collector.
    Event,
}

impl Host {
    /// The host by its name, with or without a port.
    pub(crate) fn of(authority: &str) -> Self {
        match authority.rsplit_once(':').map_or(authority, |(name, _)| name) {
            "api.drift.com" => Self::List,
            "event.api.drift.com" => Self::Event,
            _ => Self::Main,
        }
    }
}

/// One request.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    pub(crate) host: Host,
    /// Scheme and authority, for absolute links: `http://127.0.0.1:8080`.
    pub(crate) origin: &'a str,
    pub(crate) query: &'a str,
    pub(crate) content_type: &'a str,
    pub(crate) body: &'a [u8],
    pub(crate) params: [&'a str; PARAMS_MAX],
    pub(crate) token: Option<Token>,
    pub(crate) now: Millis,
    /// Rows by which a list page starts late (a fault).
    pub(crate) shift: i64,
}

impl<'a> Call<'a> {
    /// The first value of a query key.
    pub(crate) fn query(&self, key: &str) -> Option<Cow<'a, str>> {
        form_urlencoded::parse(self.query.as_bytes()).find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// All values of a query key.
    pub(crate) fn queries(&self, key: &str) -> impl Iterator<Item = Cow<'a, str>> {
        form_urlencoded::parse(self.query.as_bytes())
            .filter(move |(name, _)| name == key)
            .map(|(_, value)| value)
    }

    /// A number from the query; absent and empty are the same.
    pub(crate) fn query_number<N: FromStr>(&self, key: &str) -> Result<Option<N>, Answer> {
        match self.query(key) {
            Some(text) if !text.is_empty() => text.parse().map(Some).map_err(|_| not_a_number(key, &text)),
            _ => Ok(None),
        }
    }

    /// A number that the query must have.
    pub(crate) fn query_needed<N: FromStr>(&self, key: &str) -> Result<N, Answer> {
        self.query_number(key)?.ok_or_else(|| Answer::invalid(format_args!("{key} is required")))
    }

    /// The first variable part of the path as an id. What is no number is no id, and so not found.
    pub(crate) fn id(&self) -> Result<i64, Answer> {
        self.params[0].parse().map_err(|_| Answer::not_found(format_args!("\"{}\"", self.params[0])))
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> Result<Value, Answer> {
        serde_json::from_slice(self.body)
            .map_err(|error| Answer::invalid(format_args!("the body is not JSON: {error}")))
    }

    /// A variable part of the path, decoded.
    pub(crate) fn param(&self, place: usize) -> Cow<'a, str> {
        percent_decoded(self.params[place])
    }
}

fn not_a_number(key: &str, text: &str) -> Answer {
    Answer::invalid(format_args!("{key} is \"{text}\": expected a whole number"))
}

/// A part of a path without its `%XX`. What is not UTF-8 is replaced.
pub(crate) fn percent_decoded(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let code = after.get(..2).filter(|_| first == b'%').and_then(|digits| hex::decode(digits).ok());
        match code {
            Some(code) => {
                bytes.extend(code);
                rest = &after[2..];
            }
            None => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_known_with_and_without_a_port() {
        assert_eq!(Host::of("api.drift.com:443"), Host::List);
        assert_eq!(Host::of("event.api.drift.com"), Host::Event);
        assert_eq!(Host::of("127.0.0.1:80"), Host::Main);
    }

    #[test]
    fn path_parts_are_decoded_once() {
        assert_eq!(percent_decoded("a%20b%2fc%zz%"), "a b/c%zz%");
    }
}

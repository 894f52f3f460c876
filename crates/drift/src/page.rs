//! Lists in pages: an opaque token says where to go on, so that a long read survives its process.
//!
//! Drift pages its lists in two forms (newer: an absolute `links.next`; older: a cursor). Both become one token,
//! which remembers its form. A link is followed only to allowed hosts, since the access token goes with it.

use std::collections::HashSet;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::str::FromStr;

use futures_util::future::BoxFuture;
use futures_util::stream::{self, Stream};
use serde::{Deserialize, Deserializer, Serialize};

use crate::answer::Answer;
use crate::call::Call;
use crate::{Client, DecodeError, Error};

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The rows, in Drift's order.
    pub items: Vec<T>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<PageToken>,
}

/// Where a list goes on. Opaque: store it as text, and hand it back to [`Pages::resume`].
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct PageToken(String);

/// A text that was never a page token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a page token")]
pub struct PageTokenError;

const CURSOR: &str = "cursor:";
const LINK: &str = "link:";
/// Longest token that is kept, in bytes.
const TOKEN_BYTES_MAX: usize = 8 * 1024;

impl PageToken {
    /// A cursor, sent back as a query parameter.
    pub(crate) fn cursor(value: impl fmt::Display) -> Self {
        Self(format!("{CURSOR}{value}"))
    }

    /// A link, followed as it is.
    pub(crate) fn link(url: &str) -> Self {
        Self(format!("{LINK}{url}"))
    }

    pub(crate) fn is_link(&self) -> bool {
        self.0.starts_with(LINK)
    }

    /// The cursor or the link.
    pub(crate) fn value(&self) -> &str {
        self.0.split_once(':').map_or("", |(_, value)| value)
    }
}

impl fmt::Display for PageToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for PageToken {
    type Err = PageTokenError;
    fn from_str(text: &str) -> Result<Self, PageTokenError> {
        let value = text.strip_prefix(CURSOR).or_else(|| text.strip_prefix(LINK)).ok_or(PageTokenError)?;
        if value.is_empty() || text.len() > TOKEN_BYTES_MAX {
            return Err(PageTokenError);
        }
        Ok(Self(text.to_owned()))
    }
}

impl<'de> Deserialize<'de> for PageToken {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Both forms of a list's envelope: `{data, links: {next}}` and `{data, pagination: {more, next}}`.
#[derive(Deserialize)]
pub(crate) struct ListEnvelope<D> {
    data: D,
    #[serde(default)]
    links: Option<Links>,
    #[serde(default)]
    pagination: Option<Pagination>,
    #[serde(default)]
    errors: Option<Vec<serde::de::IgnoredAny>>,
}

#[derive(Deserialize)]
struct Links {
    #[serde(default)]
    next: Option<String>,
}

#[derive(Deserialize)]
struct Pagination {
    #[serde(default)]
    more: Option<bool>,
    #[serde(default)]
    next: Option<Cursor>,
}

/// A cursor is a text on one page and a number on another.
#[derive(Deserialize)]
#[serde(untagged)]
enum Cursor {
    Number(i64),
    Text(String),
}

impl<D: serde::de::DeserializeOwned> ListEnvelope<D> {
    /// Decode an answer and take its rows out with `items`.
    ///
    /// Fails for an answer that carries errors beside its rows: a page with holes must not pass for a whole one.
    pub(crate) fn page<T>(answer: &Answer, items: impl FnOnce(D) -> Vec<T>) -> Result<Page<T>, DecodeError> {
        let envelope: Self = answer.bare()?;
        if envelope.errors.as_ref().is_some_and(|errors| !errors.is_empty()) {
            return Err(DecodeError::new("the page carries errors beside its rows"));
        }
        let next = envelope.next()?;
        let items = items(envelope.data);
        answer.holds(items.len());
        Ok(Page { items, next })
    }

    fn next(&self) -> Result<Option<PageToken>, DecodeError> {
        if let Some(link) = self.links.as_ref().and_then(|links| links.next.as_deref())
            && !link.trim().is_empty()
        {
            return Ok((!has_blank_token(link)).then(|| PageToken::link(link.trim())));
        }
        let Some(pagination) = &self.pagination else { return Ok(None) };
        if pagination.more == Some(false) {
            return Ok(None);
        }
        let cursor = match &pagination.next {
            Some(Cursor::Number(number)) => Some(PageToken::cursor(number)),
            Some(Cursor::Text(text)) if !text.trim().is_empty() => Some(PageToken::cursor(text.trim())),
            _ => None,
        };
        if cursor.is_none() && pagination.more == Some(true) {
            return Err(DecodeError::new("the page says that more follows, but not where"));
        }
        Ok(cursor)
    }
}

/// A link whose token is blank leads back to the first page: the list has ended.
fn has_blank_token(link: &str) -> bool {
    let query = link.split_once('?').map_or("", |(_, query)| query);
    let mut pairs = url::form_urlencoded::parse(query.as_bytes());
    pairs.any(|(key, value)| matches!(&*key, "page_token" | "next") && value.trim().is_empty())
}

type Fetch<T> =
    Box<dyn FnMut(Client, Option<PageToken>) -> BoxFuture<'static, Result<Page<T>, Error>> + Send>;

/// A list that is read page by page, from its start or from a token.
///
/// Bounded by [`Config::pages_max`](crate::Config). A token that comes twice is an error, not a loop.
pub struct Pages<T> {
    client: Client,
    fetch: Fetch<T>,
    next: Next,
    seen: HashSet<u64>,
    hashes: RandomState,
    read: u64,
}

#[derive(Clone)]
enum Next {
    Start,
    At(PageToken),
    Circle,
    End,
}

impl<T: Send + 'static> Pages<T> {
    /// A list whose page is asked for by `call` and understood by `decode`.
    pub(crate) fn new(
        client: &Client,
        call: impl Fn(Option<&PageToken>) -> Call + Send + 'static,
        decode: fn(&Answer) -> Result<Page<T>, DecodeError>,
    ) -> Self {
        let fetch: Fetch<T> = Box::new(move |client, token| {
            let call = call(token.as_ref());
            Box::pin(async move { client.call_decoded(call, decode).await })
        });
        Self {
            client: client.clone(),
            fetch,
            next: Next::Start,
            seen: HashSet::new(),
            hashes: RandomState::new(),
            read: 0,
        }
    }

    /// Go on from a token that an earlier page gave.
    #[must_use]
    pub fn resume(mut self, token: PageToken) -> Self {
        self.next = Next::At(token);
        self
    }

    /// The next page, or `None` after the last. After an error the same page is asked for again.
    ///
    /// # Errors
    /// Those of the call; [`Error::PageRepeated`] when the service leads in a circle; [`Error::PagesMax`].
    pub async fn next_page(&mut self) -> Result<Option<Page<T>>, Error> {
        let token = match &self.next {
            Next::Start => None,
            Next::At(token) => Some(token.clone()),
            Next::Circle => return Err(Error::PageRepeated),
            Next::End => return Ok(None),
        };
        if self.read >= self.client.config().pages_max {
            return Err(Error::PagesMax { pages: self.read });
        }
        if let Some(token) = &token {
            self.seen.insert(self.hashes.hash_one(token));
        }
        let page = (self.fetch)(self.client.clone(), token).await?;
        self.read += 1;
        self.next = match &page.next {
            None => Next::End,
            Some(next) if self.seen.contains(&self.hashes.hash_one(next)) => Next::Circle,
            Some(next) => Next::At(next.clone()),
        };
        Ok(Some(page))
    }

    /// Row by row. After an error the stream goes on with the same page when polled again.
    pub fn into_stream(self) -> impl Stream<Item = Result<T, Error>> + Send {
        stream::unfold((self, Vec::new().into_iter()), |(mut pages, mut rows)| async move {
            loop {
                if let Some(row) = rows.next() {
                    return Some((Ok(row), (pages, rows)));
                }
                match pages.next_page().await {
                    Ok(Some(page)) => rows = page.items.into_iter(),
                    Ok(None) => return None,
                    Err(error) => return Some((Err(error), (pages, rows))),
                }
            }
        })
    }
}

impl<T> fmt::Debug for Pages<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pages").field("read", &self.read).finish_non_exhaustive()
    }
}

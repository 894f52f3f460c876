//! `GET /accounts?index=&size=`

use serde::Deserialize;

use crate::answer::Answer;
use crate::call::Call;
use crate::page::PageToken;
use crate::wire::{Account, List};
use crate::{Client, DecodeError, Page, Pages, Scope};

/// Accounts a page: the most that is documented anywhere (some clients ask for 100).
const SIZE_MAX: usize = 65;

#[derive(Deserialize)]
struct Inner {
    accounts: List<Account>,
    #[serde(default)]
    next: Option<String>,
}

impl Client {
    /// The organization's accounts, page by page.
    ///
    /// `GET /accounts?index=&size=`; scope `account_read`. At most 65 a page.
    ///
    /// Drift: "Account model", <https://devdocs.drift.com/docs/account-model>. The paging is that of
    /// the answers seen.
    ///
    /// # Errors
    /// None here; those of [`Pages::next_page`].
    #[must_use]
    pub fn accounts(&self) -> Pages<Account> {
        Pages::new(
            self,
            |token| {
                let call = Call::get("/accounts").scope(Scope::AccountRead);
                let call = if token.is_none() { call.query("index", 0) } else { call };
                call.page(token, "index").query("size", SIZE_MAX)
            },
            decode,
        )
    }
}

/// `next` is a relative URL, of which the start offset is what counts. Absent at the end.
fn decode(answer: &Answer) -> Result<Page<Account>, DecodeError> {
    let inner: Inner = answer.data()?;
    let next = match inner.next.as_deref().map(str::trim) {
        None | Some("") => None,
        Some(url) => Some(index(url).ok_or(DecodeError::new("the next page's link has no index"))?),
    };
    answer.holds(inner.accounts.0.len());
    Ok(Page { items: inner.accounts.0, next: next.map(PageToken::cursor) })
}

fn index(url: &str) -> Option<u64> {
    let (_, query) = url.split_once('?')?;
    let mut pairs = url::form_urlencoded::parse(query.as_bytes());
    pairs.find(|(key, _)| key == "index")?.1.parse().ok()
}

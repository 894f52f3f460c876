//! The book of one pass over the conversation list: which pages are open, which are whole, where it stands.
//!
//! A page is whole when each of its conversations is stored or written down as failed. Only the front of the
//! queue moves the checkpoint, so pages may be worked on together and the token never runs ahead of the rows.

use std::collections::VecDeque;

use drift::PageToken;
use model::{ConversationId, Millis};
use serde::{Deserialize, Serialize};

/// The account of one pass; kept with its checkpoint.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Tally {
    /// Rows listed, repeats included.
    pub(crate) rows: u64,
    /// Conversations that the mirror had not known.
    pub(crate) unseen: u64,
    /// Conversations that the mirror held in an older state.
    pub(crate) changed: u64,
    /// Messages read.
    #[serde(default)]
    pub(crate) messages: u64,
    /// Drift's newest update time on the first page.
    pub(crate) newest: Option<Millis>,
    /// The update time of the last row, while the rows come newest first.
    pub(crate) last: Option<Millis>,
    /// Whether a row came that was newer than the one before it.
    pub(crate) unordered: bool,
    /// Whether the list was read to its end, and not only to the watermark.
    pub(crate) to_end: bool,
    /// Why the list could not be read on, where it could not.
    pub(crate) failed: Option<String>,
    /// The scope that was missing, where the list was refused.
    pub(crate) refused: Option<String>,
}

impl Tally {
    /// Count a row in.
    pub(crate) fn row(&mut self, updated_at: Option<Millis>) {
        self.rows += 1;
        let Some(at) = updated_at else { return };
        self.newest = self.newest.max(Some(at));
        self.unordered |= self.last.is_some_and(|last| at > last);
        self.last = Some(at);
    }

    /// Whether everything that changed since `since` has been listed: only known while rows come newest first.
    pub(crate) fn reached(&self, since: Option<Millis>) -> bool {
        !self.unordered && since.is_some_and(|since| self.last.is_some_and(|last| last < since))
    }
}

/// A listed page under work.
struct Open {
    remaining: usize,
    token_after: Option<PageToken>,
    last: bool,
    rows: Vec<ConversationId>,
}

/// What became whole: the rows to write down and the checkpoint to save.
pub(crate) struct Whole {
    pub(crate) rows: Vec<ConversationId>,
    pub(crate) token: Option<PageToken>,
    pub(crate) done: bool,
}

/// The pages of one pass.
pub(crate) struct Book {
    /// Where to list on; `None` before the first page.
    pub(crate) token: Option<PageToken>,
    pub(crate) ended: bool,
    pub(crate) tally: Tally,
    pages: VecDeque<Open>,
    front: u64,
}

impl Book {
    pub(crate) fn at(token: Option<PageToken>, tally: Tally) -> Self {
        Self { token, ended: false, tally, pages: VecDeque::new(), front: 0 }
    }

    /// Enter a page with so many conversations to fetch; returns its number.
    pub(crate) fn open(
        &mut self,
        rows: Vec<ConversationId>,
        remaining: usize,
        token: Option<PageToken>,
        last: bool,
    ) -> u64 {
        self.pages.push_back(Open { remaining, token_after: token.clone(), last, rows });
        self.token = token;
        self.ended = last;
        self.front + self.pages.len() as u64 - 1
    }

    /// One conversation of the page is stored or written down.
    pub(crate) fn settle(&mut self, page: u64) {
        let index = usize::try_from(page - self.front).expect("a page number lies in the queue");
        self.pages[index].remaining -= 1;
    }

    /// Take the whole pages off the front.
    pub(crate) fn take_whole(&mut self) -> Option<Whole> {
        let mut whole: Option<Whole> = None;
        while self.pages.front().is_some_and(|page| page.remaining == 0) {
            let page = self.pages.pop_front().expect("the front was just looked at");
            self.front += 1;
            let mut rows = whole.take().map(|before| before.rows).unwrap_or_default();
            rows.extend(page.rows);
            whole = Some(Whole { rows, token: page.token_after, done: page.last });
        }
        whole
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(text: &str) -> Option<PageToken> {
        Some(format!("cursor:{text}").parse().unwrap())
    }

    #[test]
    fn the_checkpoint_waits_for_the_oldest_open_page() {
        let mut book = Book::at(None, Tally::default());
        let first = book.open(vec![ConversationId(9), ConversationId(8)], 2, token("a"), false);
        let second = book.open(vec![ConversationId(7)], 1, token("b"), false);
        book.settle(second);
        book.settle(first);
        assert!(book.take_whole().is_none());
        book.settle(first);
        let whole = book.take_whole().unwrap();
        assert_eq!((whole.rows.len(), whole.token, whole.done), (3, token("b"), false));
        assert!(book.take_whole().is_none());
    }

    #[test]
    fn a_watermark_counts_only_while_rows_come_newest_first() {
        let mut tally = Tally::default();
        for at in [50, 40, 30] {
            tally.row(Some(Millis(at)));
        }
        assert!(tally.reached(Some(Millis(35))));
        assert!(!tally.reached(Some(Millis(30))));
        assert!(!tally.reached(None));
        tally.row(Some(Millis(45)));
        assert!(!tally.reached(Some(Millis(100))));
        assert_eq!(tally.newest, Some(Millis(50)));
    }
}

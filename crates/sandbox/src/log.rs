//! The request log: a bounded ring of compact entries, and totals that are exact for ever.
//!
//! Tests read it, and so do people who check an exporter: what was asked, in which order, what was answered, which fault
//! was played. An entry holds no token and no personal data: of the query only paging and filter keys are kept, of
//! the token only its generation, a number that counts up with every token issued. A full ring of 200,000 entries
//! weighs about 25 MB; the oldest entries leave first.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use model::Millis;
use serde::Serialize;

/// Query keys that may be kept: they page and filter, and neither open anything nor name anyone.
const QUERY_KEYS: [&str; 10] = [
    "limit",
    "next",
    "page_token",
    "statusId",
    "index",
    "size",
    "userId",
    "idType",
    "min_start_time",
    "max_start_time",
];

/// Longest path and query kept of one request, in bytes.
const TARGET_BYTES_MAX: usize = 512;

/// One request and its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LogEntry {
    /// Counts up from 1; no request has the number of another, not even after [`RequestLog::clear`].
    pub number: u64,
    /// When it was answered.
    pub at: Millis,
    /// The HTTP method.
    pub method: &'static str,
    /// The path, with what of the query may be kept.
    pub target: Box<str>,
    /// The status sent.
    pub status: u16,
    /// The fault played on it, if any. A 429 without a fault is the bucket's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<&'static str>,
    /// The generation of the token it carried, if that was a known one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<u32>,
}

impl LogEntry {
    /// The path without the query.
    #[must_use]
    pub fn path(&self) -> &str {
        self.target.split_once('?').map_or(&*self.target, |(path, _)| path)
    }
}

/// Totals over all requests since the start or the last [`RequestLog::clear`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// All requests to the API.
    pub total: u64,
    /// How many were answered with each status.
    pub by_status: BTreeMap<u16, u64>,
    /// How many went to each route, by method and pattern.
    pub by_route: BTreeMap<&'static str, u64>,
    /// How many met each fault.
    pub by_fault: BTreeMap<&'static str, u64>,
    /// 429s that the bucket gave: the client's own doing.
    pub refused_by_bucket: u64,
}

/// The log of a sandbox.
#[derive(Debug)]
pub struct RequestLog {
    state: Mutex<State>,
    entries_max: usize,
}

#[derive(Debug, Default)]
struct State {
    entries: VecDeque<LogEntry>,
    totals: Totals,
    dropped: u64,
}

impl RequestLog {
    pub(crate) fn new(entries_max: usize) -> Self {
        Self { state: Mutex::default(), entries_max }
    }

    pub(crate) fn push(&self, entry: LogEntry, route: &'static str, by_bucket: bool) {
        let mut state = self.lock();
        let totals = &mut state.totals;
        totals.total += 1;
        *totals.by_status.entry(entry.status).or_default() += 1;
        *totals.by_route.entry(route).or_default() += 1;
        totals.refused_by_bucket += u64::from(by_bucket);
        if let Some(fault) = entry.fault {
            *totals.by_fault.entry(fault).or_default() += 1;
        }
        if self.entries_max == 0 {
            state.dropped += 1;
            return;
        }
        if state.entries.len() == self.entries_max {
            state.entries.pop_front();
            state.dropped += 1;
        }
        state.entries.push_back(entry);
    }

    /// All entries still held, oldest first.
    #[must_use]
    pub fn entries(&self) -> Vec<LogEntry> {
        self.lock().entries.iter().cloned().collect()
    }

    /// The entries that pass the filter, oldest first, at most `limit` of them and those the newest.
    #[must_use]
    pub fn newest(&self, limit: usize, mut passes: impl FnMut(&LogEntry) -> bool) -> Vec<LogEntry> {
        let state = self.lock();
        let mut found: Vec<LogEntry> =
            state.entries.iter().rev().filter(|entry| passes(entry)).take(limit).cloned().collect();
        found.reverse();
        found
    }

    /// How many entries pass the filter, without copying them.
    #[must_use]
    pub fn count(&self, mut passes: impl FnMut(&LogEntry) -> bool) -> u64 {
        self.lock().entries.iter().filter(|entry| passes(entry)).count() as u64
    }

    /// The exact totals.
    #[must_use]
    pub fn totals(&self) -> Totals {
        self.lock().totals.clone()
    }

    /// All requests to the API.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.lock().totals.total
    }

    /// How many were answered with each status.
    #[must_use]
    pub fn by_status(&self) -> BTreeMap<u16, u64> {
        self.lock().totals.by_status.clone()
    }

    /// Entries that have left the ring.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.lock().dropped
    }

    /// Forget all entries and totals.
    pub fn clear(&self) {
        *self.lock() = State::default();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What may be kept of a request's path and query.
pub(crate) fn target(path: &str, query: Option<&str>) -> Box<str> {
    let mut text = String::with_capacity(path.len() + query.map_or(0, |query| query.len() + 1));
    // A client that puts an address into a path is wrong, and that is no reason to write the address down.
    if path.contains('@') || path.contains("%40") {
        let masked = path.split('/').map(|part| if part.contains(['@', '%']) { "*" } else { part });
        text.push_str(&masked.collect::<Vec<_>>().join("/"));
    } else {
        text.push_str(path);
    }
    let mut gap = '?';
    for pair in query.unwrap_or_default().split('&') {
        let key = pair.split('=').next().unwrap_or_default();
        if QUERY_KEYS.contains(&key) {
            text.push(gap);
            text.push_str(pair);
            gap = '&';
        }
    }
    if text.len() > TARGET_BYTES_MAX {
        let end = (0..=TARGET_BYTES_MAX).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(end);
    }
    text.into_boxed_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(number: u64, status: u16) -> LogEntry {
        let target = target("/users/list", None);
        LogEntry { number, at: Millis(1), method: "GET", target, status, fault: None, token: None }
    }

    #[test]
    fn the_ring_forgets_the_oldest_but_the_totals_forget_nothing() {
        let log = RequestLog::new(2);
        for number in 1..=3 {
            log.push(entry(number, 200), "GET /users/list", false);
        }
        log.push(entry(4, 429), "GET /users/list", true);
        assert_eq!(log.entries().iter().map(|entry| entry.number).collect::<Vec<_>>(), [3, 4]);
        assert_eq!((log.total(), log.dropped(), log.totals().refused_by_bucket), (4, 2, 1));
        assert_eq!(log.by_status(), BTreeMap::from([(200, 3), (429, 1)]));
    }

    #[test]
    fn of_the_query_only_paging_is_kept() {
        let query = Some("email=ada%40example.test&limit=5&clientSecret=s&next=50");
        assert_eq!(&*target("/contacts", query), "/contacts?limit=5&next=50");
        assert_eq!(&*target("/contacts/ada%40example.test/x", None), "/contacts/*/x");
        assert_eq!(target(&"/é".repeat(400), None).len(), 511, "not in the middle of a character");
    }
}

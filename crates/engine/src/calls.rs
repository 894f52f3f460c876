//! The book of calls: every attempt to the API counted by organization, hour and outcome, and by grant, hour and endpoint; and
//! what answers said of the service's end.
//!
//! Calls are heard on their way and must not wait, so they are counted in memory and written in one statement from
//! time to time; what was not yet written when a process dies is lost, which shares of a day do not feel.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use drift::{CallRecord, Outcome, Recorder, Route};
use model::{ConnectionId, Millis, OrgId};
use store::call_stats::{self, CallCount};
use store::connections::Connection;
use store::notices::{self, NewNotice};
use store::uses::outward::{self, CallUse, LastUse};
use store::{Db, StoreError};
use telemetry::Metrics;

/// Counts held until they are written; an organization has at most a dozen for each hour.
const COUNTS_MAX: usize = 10_000;
/// What a call is counted under whose endpoint is not in the table.
const OTHER: (&str, &str) = ("", "other");
/// Organizations whose signs are held.
const SIGNS_MAX: usize = 1_000;

/// Counts calls of all organizations of the process.
#[derive(Debug)]
pub struct CallBook {
    metrics: Arc<Metrics>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    counts: BTreeMap<(OrgId, Millis, &'static str), i64>,
    uses: BTreeMap<Grant, BTreeMap<HourAndEndpoint, Use>>,
    last: BTreeMap<Grant, Millis>,
    signs: HashMap<OrgId, Signs>,
}

/// Whose grant, and which.
type Grant = (OrgId, ConnectionId);

/// An hour, and an endpoint by its method and path.
type HourAndEndpoint = (Millis, (&'static str, &'static str));

/// Calls of one grant to one endpoint within one hour.
#[derive(Debug, Clone, Copy, Default)]
struct Use {
    calls: i64,
    failed: i64,
    rows: i64,
}

/// What was counted and is to be written.
#[derive(Default)]
struct Taken {
    counts: Vec<CallCount>,
    uses: Vec<CallUse>,
    last: Vec<LastUse>,
    news: Vec<(OrgId, Signs)>,
}

/// What an organization's calls have shown of the service's end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Signs {
    /// When the certificate of the API's host ends, as the last answer over TLS had it.
    pub certificate_end: Option<Millis>,
    /// The earliest end that an answer announced, and for which path.
    pub sunset: Option<(Millis, String)>,
    /// A path whose answer was marked as deprecated.
    pub deprecated: Option<String>,
    /// Whether an ending was heard of since the last writing.
    is_news: bool,
}

impl CallBook {
    /// An empty book.
    #[must_use]
    pub fn new(metrics: Arc<Metrics>) -> Self {
        Self { metrics, state: Mutex::default() }
    }

    /// An ear for the client of a connection; `next` hears everything too.
    #[must_use]
    pub fn ear(
        self: &Arc<Self>,
        connection: &Connection,
        next: Option<Arc<dyn Recorder>>,
    ) -> Arc<dyn Recorder> {
        let grant = (connection.org_id, connection.connection_id.clone());
        Arc::new(Ear { book: Arc::clone(self), grant, next })
    }

    /// What was heard of the service's end since the process began.
    #[must_use]
    pub fn signs(&self, org: OrgId) -> Signs {
        self.lock().signs.get(&org).cloned().unwrap_or_default()
    }

    /// Write what was counted. Counts that cannot be written are kept for the next time.
    ///
    /// # Errors
    /// The database's error.
    pub async fn flush(&self, db: &Db, now: Millis) -> Result<(), StoreError> {
        let taken = self.take();
        if taken.counts.is_empty() && taken.uses.is_empty() && taken.news.is_empty() {
            return Ok(());
        }
        let written = write(db, &taken, now).await;
        if written.is_err() {
            self.give_back(taken);
        }
        written
    }

    fn take(&self) -> Taken {
        let mut state = self.lock();
        let counts = std::mem::take(&mut state.counts);
        let count = |((org, hour, outcome), calls): ((OrgId, Millis, &str), i64)| CallCount {
            org,
            hour,
            outcome: outcome.to_owned(),
            calls,
        };
        let mut news = Vec::new();
        for (org, signs) in &mut state.signs {
            if std::mem::take(&mut signs.is_news) {
                news.push((*org, signs.clone()));
            }
        }
        let counts = counts.into_iter().map(count).collect();
        let uses = std::mem::take(&mut state.uses).into_iter().flat_map(|(grant, by)| {
            by.into_iter().map(move |((hour, endpoint), used)| call_use(&grant, hour, endpoint, used))
        });
        let uses = uses.collect();
        let last = std::mem::take(&mut state.last).into_iter();
        let last = last.map(|((org, connection), at)| LastUse { org, connection, at }).collect();
        Taken { counts, uses, last, news }
    }

    fn give_back(&self, taken: Taken) {
        let mut state = self.lock();
        let Taken { counts, uses, last, news } = taken;
        for one in uses {
            let endpoint = Route::named(&one.endpoint).map_or(OTHER, |route| (route.method, route.path));
            let counted = Use { calls: one.calls, failed: one.failed, rows: one.rows };
            state.use_of((one.org, one.connection), (one.hour, endpoint), counted);
        }
        for LastUse { org, connection, at } in last {
            let known = state.last.entry((org, connection)).or_insert(at);
            *known = at.max(*known);
        }
        for count in counts {
            if let Some(word) = WORDS.into_iter().find(|word| *word == count.outcome) {
                *state.counts.entry((count.org, count.hour, word)).or_default() += count.calls;
            }
        }
        for (org, _) in &news {
            if let Some(signs) = state.signs.get_mut(org) {
                signs.is_news = true;
            }
        }
    }

    fn heard(&self, grant: &Grant, call: &CallRecord<'_>) {
        let (org, word) = (grant.0, word(call.outcome));
        self.measure(org, call, word);
        let mut state = self.lock();
        let key = (org, call_stats::hour_of(call.at), word);
        if state.counts.len() < COUNTS_MAX || state.counts.contains_key(&key) {
            *state.counts.entry(key).or_default() += 1;
        }
        state.used(grant, call, word);
        let is_silent = call.signs == drift::VendorSigns::default();
        if !is_silent && (state.signs.len() < SIGNS_MAX || state.signs.contains_key(&org)) {
            state.signs.entry(org).or_default().hear(call);
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "milliseconds of one call")]
    fn measure(&self, org: OrgId, call: &CallRecord<'_>, word: &'static str) {
        let metrics = &self.metrics;
        metrics.api_calls.of(word).inc();
        metrics.api_call_seconds.observe(call.latency_ms as f64 / 1_000.0);
        metrics.budget_slots_used.of(org).inc();
        metrics.budget_wait_seconds.observe(call.waited_ms as f64 / 1_000.0);
        if call.outcome == Outcome::Status(429) {
            metrics.budget_refused.of(org).inc();
        }
        if let Some(limit) = call.rate.limit {
            metrics.api_rate_headers.inc();
            metrics.api_rate_limit.of(org).set(i64::from(limit));
        }
        if let Some(remaining) = call.rate.remaining {
            metrics.api_rate_remaining.of(org).set(i64::from(remaining));
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Count a call for its grant.
    fn used(&mut self, grant: &Grant, call: &CallRecord<'_>, word: &'static str) {
        let route = Route::of(call.method, call.path);
        let endpoint = route.map_or(OTHER, |route| (route.method, route.path));
        let rows = i64::try_from(call.rows).unwrap_or(i64::MAX);
        let used = Use { calls: 1, failed: i64::from(word != "ok"), rows };
        self.use_of(grant.clone(), (call_stats::hour_of(call.at), endpoint), used);
        self.last.insert(grant.clone(), call.at);
    }

    fn use_of(&mut self, grant: Grant, of: (Millis, (&'static str, &'static str)), used: Use) {
        if self.uses.len() >= COUNTS_MAX && !self.uses.contains_key(&grant) {
            return;
        }
        // Of a grant there are as many as there are endpoints, for each hour since the last writing.
        let sum = self.uses.entry(grant).or_default().entry(of).or_default();
        sum.calls += used.calls;
        sum.failed += used.failed;
        sum.rows = sum.rows.saturating_add(used.rows);
    }
}

fn call_use(grant: &Grant, hour: Millis, (method, path): (&str, &str), used: Use) -> CallUse {
    let (org, connection) = grant.clone();
    let endpoint = format!("{method} {path}").trim().to_owned();
    CallUse { org, connection, hour, endpoint, calls: used.calls, failed: used.failed, rows: used.rows }
}

impl Signs {
    fn hear(&mut self, call: &CallRecord<'_>) {
        self.certificate_end = call.signs.certificate_end.or(self.certificate_end);
        if let Some(at) = call.signs.sunset
            && self.sunset.as_ref().is_none_or(|(known, _)| at < *known)
        {
            self.sunset = Some((at, route(call.path)));
            self.is_news = true;
        }
        if call.signs.deprecated && self.deprecated.is_none() {
            self.deprecated = Some(route(call.path));
            self.is_news = true;
        }
    }

    /// The notices that what was heard is worth: subject and message.
    #[must_use]
    pub fn notices(&self) -> Vec<(&'static str, String)> {
        let mut found = Vec::new();
        if let Some((at, path)) = &self.sunset {
            found.push((
                "sunset",
                format!(
                    "Drift announces the end of {path} for {}: make an archive now with \"longshore archive --full\"",
                    crate::watch::day(*at)
                ),
            ));
        }
        if let Some(path) = &self.deprecated {
            found.push((
                "deprecation",
                format!(
                    "Drift marks {path} as deprecated: make an archive now with \"longshore archive --full\""
                ),
            ));
        }
        found
    }
}

async fn write(db: &Db, taken: &Taken, now: Millis) -> Result<(), StoreError> {
    let mut tx = db.begin().await?;
    call_stats::add(&mut tx, &taken.counts).await?;
    outward::add(&mut tx, &taken.uses, &taken.last).await?;
    for (org, signs) in &taken.news {
        for (subject, message) in signs.notices() {
            let notice = NewNotice { org: *org, kind: crate::watch::NOTICE, subject, message: &message };
            notices::raise(&mut tx, &notice, now).await?;
        }
    }
    tx.commit().await
}

struct Ear {
    book: Arc<CallBook>,
    grant: Grant,
    next: Option<Arc<dyn Recorder>>,
}

impl Recorder for Ear {
    fn record(&self, call: &CallRecord<'_>) {
        self.book.heard(&self.grant, call);
        if let Some(next) = &self.next {
            next.record(call);
        }
    }
}

/// The path with its ids left out: a route.
fn route(path: &str) -> String {
    let parts = path
        .split('/')
        .map(|part| if part.bytes().any(|byte| byte.is_ascii_digit()) { "{id}" } else { part });
    parts.collect::<Vec<_>>().join("/")
}

/// All outcomes that are told apart.
const WORDS: [&str; 13] =
    ["ok", "400", "401", "403", "404", "409", "410", "422", "429", "4xx", "5xx", "garbled", "failed"];

/// The word of an outcome, from a closed set.
const fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Status(200..=399) => "ok",
        Outcome::Status(400) => "400",
        Outcome::Status(401) => "401",
        Outcome::Status(403) => "403",
        Outcome::Status(404) => "404",
        Outcome::Status(409) => "409",
        Outcome::Status(410) => "410",
        Outcome::Status(422) => "422",
        Outcome::Status(429) => "429",
        Outcome::Status(500..) => "5xx",
        Outcome::Status(_) => "4xx",
        Outcome::Garbled(_) => "garbled",
        Outcome::Failed(_) => "failed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_outcome_has_a_word_of_the_list() {
        let outcomes = (100..600).map(Outcome::Status);
        let others = [Outcome::Garbled(200), Outcome::Failed(drift::TransportKind::Cut)];
        for outcome in outcomes.chain(others) {
            assert!(WORDS.contains(&word(outcome)), "{outcome:?}");
        }
        assert_eq!(route("/conversations/123/messages"), "/conversations/{id}/messages");
    }
}

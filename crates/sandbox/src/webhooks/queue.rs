//! Deliveries that wait for their time, and what became of those that did.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::Body;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use model::Millis;
use serde::Serialize;
use tokio::sync::Notify;

use super::{TOKEN_HEADER, WebhookOptions};

/// Deliveries that may wait; of more, the new ones are dropped and counted.
const WAITING_MAX: usize = 500_000;

/// One webhook, ready to be posted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Counts up with every delivery.
    pub number: u64,
    /// Counts up with every event: a doubled event is two deliveries of one event.
    pub event: u64,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// When it is due, on the sandbox's clock.
    pub due_at: Millis,
    /// The event's type.
    pub kind: String,
    /// The body: `type`, `token`, `orgId`, `data`.
    pub body: Bytes,
    /// The verification token, which a header repeats.
    pub token: Arc<str>,
}

impl Delivery {
    /// The request that Drift would send.
    ///
    /// # Errors
    /// When `uri` or the token cannot stand in a request.
    pub fn request(&self, uri: &str) -> Result<http::Request<Body>, http::Error> {
        http::Request::post(uri)
            .header(CONTENT_TYPE, "application/json")
            .header(TOKEN_HEADER, &*self.token)
            .body(Body::from(self.body.clone()))
    }
}

/// What became of events and deliveries since the start or the last reset.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct WebhookCounts {
    /// Events of ticked types, by type.
    pub events: BTreeMap<String, u64>,
    /// Events of types that are not ticked.
    pub unticked: u64,
    /// Events that a fault swallowed.
    pub lost: u64,
    /// Events that a fault doubled.
    pub doubled: u64,
    /// Deliveries that a fault made late.
    pub late: u64,
    /// Deliveries for which there was no room.
    pub overflowed: u64,
    /// Deliveries that wait for their time now.
    pub waiting: u64,
    /// Deliveries that were taken in process.
    pub taken: u64,
    /// Requests sent; a second attempt is another.
    pub sent: u64,
    /// Requests answered with 2xx.
    pub answered: u64,
    /// Requests answered otherwise, by status.
    pub refused: BTreeMap<u16, u64>,
    /// Requests that got no answer: refused connections, cuts, deadlines.
    pub failed: u64,
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Status(u16),
    NoAnswer,
}

/// Everything about the webhooks of a sandbox.
#[derive(Debug)]
pub(crate) struct Webhooks {
    state: Mutex<State>,
    pub(super) turned: Notify,
    org: i64,
}

#[derive(Debug)]
struct State {
    options: WebhookOptions,
    token: Arc<str>,
    waiting: BTreeMap<(Millis, u64), Delivery>,
    counts: WebhookCounts,
    events: u64,
    deliveries: u64,
}

impl Webhooks {
    pub(crate) fn new(options: WebhookOptions, org: i64) -> Self {
        let state = State {
            token: options.token.as_str().into(),
            options,
            waiting: BTreeMap::new(),
            counts: WebhookCounts::default(),
            events: 0,
            deliveries: 0,
        };
        Self { state: Mutex::new(state), turned: Notify::new(), org }
    }

    pub(crate) fn options(&self) -> WebhookOptions {
        self.lock().options.clone()
    }

    /// Other choices from now on; what waits already goes by them too.
    pub(crate) fn set(&self, options: WebhookOptions) {
        let mut state = self.lock();
        state.token = options.token.as_str().into();
        state.options = options;
        drop(state);
        self.turned.notify_one();
    }

    /// Forget what waits and what was counted.
    pub(crate) fn clear(&self) {
        let mut state = self.lock();
        state.waiting.clear();
        state.counts = WebhookCounts::default();
    }

    pub(crate) fn counts(&self) -> WebhookCounts {
        let state = self.lock();
        WebhookCounts { waiting: state.waiting.len() as u64, ..state.counts.clone() }
    }

    /// An event happened: put its deliveries in line.
    pub(crate) fn tell(&self, kind: &str, data: &[u8], now: Millis) {
        let mut state = self.lock();
        if !state.options.is_on() {
            return;
        }
        if !state.options.types.has(kind) {
            state.counts.unticked += 1;
            return;
        }
        state.events += 1;
        *state.counts.events.entry(kind.to_owned()).or_default() += 1;
        let fate = state.options.faults.fate(state.events);
        state.counts.lost += u64::from(fate.delays_ms.is_empty());
        state.counts.doubled += u64::from(fate.delays_ms.len() > 1);
        state.counts.late += fate.late;
        let body = body(kind, &state.token, self.org, data);
        for delay_ms in fate.delays_ms {
            state.deliveries += 1;
            let delivery = Delivery {
                number: state.deliveries,
                event: state.events,
                attempt: 1,
                due_at: now.plus(i64::try_from(delay_ms).unwrap_or(i64::MAX)),
                kind: kind.to_owned(),
                body: body.clone(),
                token: Arc::clone(&state.token),
            };
            state.wait(delivery);
        }
        drop(state);
        self.turned.notify_one();
    }

    /// The deliveries that are due, at most `limit`, in the order of their times.
    pub(crate) fn take_due(&self, now: Millis, limit: usize) -> Vec<Delivery> {
        let mut state = self.lock();
        let mut due = Vec::new();
        while due.len() < limit {
            let Some(first) = state.waiting.first_entry().filter(|first| first.key().0 <= now) else { break };
            due.push(first.remove());
        }
        if state.options.collect {
            state.counts.taken += due.len() as u64;
        }
        due
    }

    /// When the next delivery is due.
    pub(crate) fn next_due(&self) -> Option<Millis> {
        self.lock().waiting.first_key_value().map(|((due_at, _), _)| *due_at)
    }

    /// Note how a request ended, and put it in line again if it failed and may be tried once more.
    pub(super) fn ended(&self, mut delivery: Delivery, outcome: Outcome, now: Millis) {
        let mut state = self.lock();
        state.counts.sent += 1;
        match outcome {
            Outcome::Status(200..=299) => {
                state.counts.answered += 1;
                return;
            }
            Outcome::Status(status) => *state.counts.refused.entry(status).or_default() += 1,
            Outcome::NoAnswer => state.counts.failed += 1,
        }
        if delivery.attempt < state.options.attempts {
            delivery.attempt += 1;
            delivery.due_at = now.plus(i64::try_from(state.options.retry_ms).unwrap_or(i64::MAX));
            state.wait(delivery);
            drop(state);
            self.turned.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn wait(&mut self, delivery: Delivery) {
        if self.waiting.len() >= WAITING_MAX {
            self.counts.overflowed += 1;
        } else {
            self.waiting.insert((delivery.due_at, delivery.number), delivery);
        }
    }
}

/// Drift's envelope: four keys, in the order of its page.
fn body(kind: &str, token: &str, org: i64, data: &[u8]) -> Bytes {
    let (kind, token) = (serde_json::Value::from(kind), serde_json::Value::from(token));
    let head = format!(r#"{{"type":{kind},"token":{token},"orgId":{org},"data":"#);
    [head.as_bytes(), data, b"}"].concat().into()
}

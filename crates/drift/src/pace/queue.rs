//! Callers who wait for a budget's slots.
//!
//! There is no task and no timer of the queue's own: whoever stands first sleeps until the next slot, takes it and
//! wakes the next. A caller that goes away while it waits takes nothing with it; one that stood first wakes the next.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use model::time::Sleep;
use model::{Clock, Millis};

use super::budget::{Budget, Given, Turn};
use super::{PaceSnapshot, Priority};
use crate::RateHeaders;

/// A place in the order of callers: the lower, the earlier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ticket(u64);

/// A budget and those who wait for it.
pub(super) struct Lane {
    state: Mutex<State>,
    clock: Arc<dyn Clock>,
}

struct State {
    budget: Budget,
    waiting: BTreeMap<Place, Waker>,
    tickets: u64,
}

type Place = (Priority, Ticket, u64);

impl Lane {
    pub(super) fn new(per_minute: Option<u32>, clock: Arc<dyn Clock>) -> Self {
        let budget = Budget::new(per_minute, clock.now());
        Self { state: Mutex::new(State { budget, waiting: BTreeMap::new(), tickets: 0 }), clock }
    }

    pub(super) fn ticket(&self) -> Ticket {
        let mut state = self.lock();
        state.tickets += 1;
        Ticket(state.tickets)
    }

    pub(super) fn snapshot(&self) -> PaceSnapshot {
        let now = self.clock.now();
        let mut state = self.lock();
        let waiting = state.waiting.len();
        state.budget.snapshot(now, waiting)
    }

    /// Wait for a slot.
    pub(super) async fn slot(&self, priority: Priority, ticket: Ticket) -> Slot<'_> {
        let since = self.clock.now();
        let place = {
            let mut state = self.lock();
            state.tickets += 1;
            let place = (priority, ticket, state.tickets);
            if state.waiting.is_empty() && state.budget.turn(since) == Turn::Now {
                let given = state.budget.give(since, since);
                return Slot::new(self, given);
            }
            place
        };
        Wait { lane: self, place, since, sleep: None, done: false }.await
    }

    /// Tell the budget what happened, and whoever stands first that its turn may have moved.
    fn tell(&self, event: impl FnOnce(&mut Budget, Millis)) {
        let now = self.clock.now();
        let mut state = self.lock();
        event(&mut state.budget, now);
        let first = state.first();
        drop(state);
        if let Some(waker) = first {
            waker.wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn first(&self) -> Option<Waker> {
        self.waiting.first_key_value().map(|(_, waker)| waker.clone())
    }
}

struct Wait<'a> {
    lane: &'a Lane,
    place: Place,
    since: Millis,
    sleep: Option<Sleep>,
    done: bool,
}

impl<'a> Future for Wait<'a> {
    type Output = Slot<'a>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Slot<'a>> {
        let lane = self.lane;
        loop {
            let now = lane.clock.now();
            let mut state = lane.lock();
            state.waiting.insert(self.place, cx.waker().clone());
            if state.waiting.first_key_value().is_some_and(|(first, _)| *first != self.place) {
                drop(state);
                self.sleep = None;
                return Poll::Pending;
            }
            let in_ms = match state.budget.turn(now) {
                Turn::Now => {
                    state.waiting.remove(&self.place);
                    let given = state.budget.give(now, self.since);
                    let first = state.first();
                    drop(state);
                    self.done = true;
                    if let Some(waker) = first {
                        waker.wake();
                    }
                    return Poll::Ready(Slot::new(lane, given));
                }
                Turn::In(in_ms) => in_ms,
            };
            drop(state);
            let mut sleep = lane.clock.sleep(whole_ms(in_ms));
            if sleep.as_mut().poll(cx).is_pending() {
                self.sleep = Some(sleep);
                return Poll::Pending;
            }
        }
    }
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        if self.done {
            return;
        }
        let mut state = self.lane.lock();
        state.waiting.remove(&self.place);
        let first = state.first();
        drop(state);
        if let Some(waker) = first {
            waker.wake();
        }
    }
}

/// Milliseconds to sleep: rounded up, and at least 1, so that a slot is never taken early.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded by the longest pause")]
fn whole_ms(ms: f64) -> u64 {
    ms.ceil().max(1.0) as u64
}

/// The right to send one request. Its outcome must be told: a slot dropped before it was sent becomes free again, one
/// dropped after that counts as used.
#[must_use]
pub(crate) struct Slot<'a> {
    lane: &'a Lane,
    given: Option<Given>,
    sent: bool,
}

impl<'a> Slot<'a> {
    const fn new(lane: &'a Lane, given: Given) -> Self {
        Self { lane, given: Some(given), sent: false }
    }

    /// The request goes out now.
    pub(crate) const fn send(&mut self) {
        self.sent = true;
    }

    /// The service took the call, whatever it answered.
    pub(crate) fn accepted(mut self, rate: &RateHeaders) {
        if let Some(given) = self.given.take() {
            self.lane.tell(|budget, now| budget.accepted(given, rate, now));
        }
    }

    pub(super) fn refused(mut self, rate: &RateHeaders, jitter: u64) {
        if let Some(given) = self.given.take() {
            let mut news = false;
            self.lane.tell(|budget, now| news = budget.refused(given, rate, jitter, now));
            if news {
                let PaceSnapshot { per_minute, paused_until, .. } = self.lane.snapshot();
                tracing::warn!(
                    pace.per_minute = per_minute,
                    pace.paused_until_ms = paused_until.map(|until| until.0),
                    "Drift refused a call for coming too soon; all wait, and go on more slowly"
                );
            }
        }
    }
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        let Some(given) = self.given.take() else { return };
        if self.sent {
            self.lane.tell(|budget, now| budget.unknown(given, now));
        } else {
            self.lane.tell(|budget, now| budget.give_back(given, now));
        }
    }
}

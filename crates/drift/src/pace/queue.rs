//! Callers who wait for a budget's slots.
//!
//! There is no task and no timer of the queue's own: whoever stands first sleeps until the next slot, takes it and
//! wakes the next. A caller that goes away while it waits takes nothing with it; one that stood first wakes the next.
//! Only where the budget is shared with other processes, a `clerk` draws slots on the waiters' behalf.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use model::time::Sleep;
use model::{Clock, Millis};
use tokio::sync::Notify;

use super::budget::{Budget, Given, Turn};
use super::hand::{Demand, Hand, Need};
use super::ledger::{Draw, Grant};
use super::{PaceSnapshot, Priority};
use crate::RateHeaders;

/// How many of the most urgent callers are counted for a draw; none takes as many.
const MOST_URGENT_MAX: usize = 1_000;

/// A place in the order of callers: the lower, the earlier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ticket(u64);

/// A budget and those who wait for it.
pub(super) struct Queue {
    state: Mutex<State>,
    pub(super) clock: Arc<dyn Clock>,
    /// Rings when somebody began to wait, or there is something to tell.
    pub(super) bell: Notify,
}

struct State {
    supply: Supply,
    waiting: BTreeMap<Place, Waiter>,
    tickets: u64,
}

struct Waiter {
    waker: Waker,
    since: Millis,
}

/// Where slots come from.
enum Supply {
    /// This process alone keeps the budget.
    Own(Budget),
    /// All nodes do; here is what this one drew.
    Shared(Hand),
}

type Place = (Priority, Ticket, u64);

impl Queue {
    /// A queue for a budget of this process alone.
    pub(super) fn own(per_minute: Option<u32>, clock: Arc<dyn Clock>) -> Self {
        let budget = Budget::new(per_minute, clock.now());
        Self::new(Supply::Own(budget), clock)
    }

    /// A queue for a budget of which slots are drawn.
    pub(super) fn shared(per_minute: u32, clock: Arc<dyn Clock>) -> Self {
        Self::new(Supply::Shared(Hand::new(per_minute)), clock)
    }

    fn new(supply: Supply, clock: Arc<dyn Clock>) -> Self {
        let state = State { supply, waiting: BTreeMap::new(), tickets: 0 };
        Self { state: Mutex::new(state), clock, bell: Notify::new() }
    }

    /// Whether slots have to be drawn for those who wait.
    pub(super) fn need(&self) -> Need {
        let now = self.clock.now();
        let mut state = self.lock();
        let demand = state.demand();
        match &mut state.supply {
            Supply::Own(_) => Need::Nothing,
            Supply::Shared(hand) => hand.need(demand, now),
        }
    }

    /// Take what was drawn, and wake whoever stands first.
    pub(super) fn take(&self, draw: &Draw, grant: Grant) {
        let now = self.clock.now();
        let mut state = self.lock();
        if let Supply::Shared(hand) = &mut state.supply {
            hand.take(draw, grant, now);
        }
        let first = state.first();
        drop(state);
        if let Some(waker) = first {
            waker.wake();
        }
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
        state.supply.snapshot(now, waiting)
    }

    /// Wait for a slot.
    pub(super) async fn slot(&self, priority: Priority, ticket: Ticket) -> Slot<'_> {
        let since = self.clock.now();
        let place = {
            let mut state = self.lock();
            state.tickets += 1;
            let place = (priority, ticket, state.tickets);
            if state.waiting.is_empty() && state.supply.turn(since) == Some(Turn::Now) {
                let given = state.supply.give(since, since);
                return Slot::new(self, given);
            }
            place
        };
        Wait { queue: self, place, since, sleep: None, done: false }.await
    }

    /// Tell the budget what happened, and whoever stands first that its turn may have moved.
    fn tell(&self, event: impl FnOnce(&mut Supply, Millis)) {
        let now = self.clock.now();
        let mut state = self.lock();
        event(&mut state.supply, now);
        let first = state.first();
        drop(state);
        self.bell.notify_one();
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
        self.waiting.first_key_value().map(|(_, waiter)| waiter.waker.clone())
    }

    /// What those who wait want; `None` when nobody does.
    fn demand(&self) -> Option<Demand> {
        let ((priority, ..), first) = self.waiting.first_key_value()?;
        let most_urgent = self.waiting.keys().take(MOST_URGENT_MAX).take_while(|(one, ..)| one == priority);
        Some(Demand {
            waiting: self.waiting.len(),
            most_urgent: most_urgent.count(),
            priority: *priority,
            since: first.since,
        })
    }
}

impl Supply {
    /// When the next slot can be given; `None` while none was drawn.
    fn turn(&mut self, now: Millis) -> Option<Turn> {
        match self {
            Self::Own(budget) => Some(budget.turn(now)),
            Self::Shared(hand) => hand.turn(now),
        }
    }

    fn give(&mut self, now: Millis, since: Millis) -> Given {
        match self {
            Self::Own(budget) => budget.give(now, since),
            Self::Shared(hand) => hand.give(now, since),
        }
    }

    fn give_back(&mut self, given: Given, now: Millis) {
        match self {
            Self::Own(budget) => budget.give_back(given, now),
            Self::Shared(hand) => hand.give_back(given, now),
        }
    }

    fn accepted(&mut self, given: Given, rate: &RateHeaders, now: Millis) {
        match self {
            Self::Own(budget) => budget.accepted(given, rate, now),
            Self::Shared(hand) => hand.accepted(given, rate),
        }
    }

    fn unknown(&mut self, given: Given, now: Millis) {
        match self {
            Self::Own(budget) => budget.unknown(given, now),
            Self::Shared(hand) => hand.unknown(given),
        }
    }

    fn refused(&mut self, given: Given, rate: &RateHeaders, jitter: u64, now: Millis) -> bool {
        match self {
            Self::Own(budget) => budget.refused(given, rate, jitter, now),
            Self::Shared(hand) => hand.refused(given, rate, jitter),
        }
    }

    fn snapshot(&mut self, now: Millis, waiting: usize) -> PaceSnapshot {
        match self {
            Self::Own(budget) => budget.snapshot(now, waiting),
            Self::Shared(hand) => hand.snapshot(now, waiting),
        }
    }
}

struct Wait<'a> {
    queue: &'a Queue,
    place: Place,
    since: Millis,
    sleep: Option<Sleep>,
    done: bool,
}

impl<'a> Future for Wait<'a> {
    type Output = Slot<'a>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Slot<'a>> {
        let queue = self.queue;
        loop {
            let now = queue.clock.now();
            let mut state = queue.lock();
            let waiter = Waiter { waker: cx.waker().clone(), since: self.since };
            if state.waiting.insert(self.place, waiter).is_none() {
                queue.bell.notify_one();
            }
            if state.waiting.first_key_value().is_some_and(|(first, _)| *first != self.place) {
                drop(state);
                self.sleep = None;
                return Poll::Pending;
            }
            let in_ms = match state.supply.turn(now) {
                None => {
                    queue.bell.notify_one();
                    self.sleep = None;
                    return Poll::Pending;
                }
                Some(Turn::Now) => {
                    state.waiting.remove(&self.place);
                    let given = state.supply.give(now, self.since);
                    let first = state.first();
                    drop(state);
                    self.done = true;
                    if let Some(waker) = first {
                        waker.wake();
                    }
                    return Poll::Ready(Slot::new(queue, given));
                }
                Some(Turn::In(in_ms)) => in_ms,
            };
            drop(state);
            let mut sleep = queue.clock.sleep(whole_ms(in_ms));
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
        let mut state = self.queue.lock();
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
pub(super) fn whole_ms(ms: f64) -> u64 {
    ms.ceil().max(1.0) as u64
}

/// The right to send one request. Its outcome must be told: a slot dropped before it was sent becomes free again, one
/// dropped after that counts as used.
#[must_use]
pub(crate) struct Slot<'a> {
    queue: &'a Queue,
    given: Option<Given>,
    sent: bool,
}

impl<'a> Slot<'a> {
    const fn new(queue: &'a Queue, given: Given) -> Self {
        Self { queue, given: Some(given), sent: false }
    }

    /// The request goes out now.
    pub(crate) const fn send(&mut self) {
        self.sent = true;
    }

    /// The service took the call, whatever it answered.
    pub(crate) fn accepted(mut self, rate: &RateHeaders) {
        if let Some(given) = self.given.take() {
            self.queue.tell(|supply, now| supply.accepted(given, rate, now));
        }
    }

    pub(super) fn refused(mut self, rate: &RateHeaders, jitter: u64) {
        if let Some(given) = self.given.take() {
            let mut news = false;
            self.queue.tell(|supply, now| news = supply.refused(given, rate, jitter, now));
            if news {
                let PaceSnapshot { per_minute, paused_until, .. } = self.queue.snapshot();
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
            self.queue.tell(|supply, now| supply.unknown(given, now));
        } else {
            self.queue.tell(|supply, now| supply.give_back(given, now));
        }
    }
}

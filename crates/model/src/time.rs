//! Instants, and the seam through which time enters.
//!
//! Nothing reads the machine's clock or sleeps on the runtime directly: both go through [`Clock`], so that a
//! test can turn the clock and a simulation can step it. The real clock lives at the edge (in `drift`).

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use serde::{Deserialize, Serialize};

/// An instant: milliseconds since the Unix epoch, UTC, as Drift gives all its times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Millis(pub i64);

impl Millis {
    /// This instant moved by `ms` milliseconds, held at the ends of the range.
    #[must_use]
    pub const fn plus(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// Milliseconds from `earlier` to this instant; negative when it lies later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A wait that has been asked for; ready when the clock has reached its end.
pub type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A source of time.
pub trait Clock: Send + Sync + 'static {
    /// The present instant. May be set back by the operating system: durations are clamped at 0 by callers.
    fn now(&self) -> Millis;

    /// A future that is ready once `ms` milliseconds have passed; at once for 0.
    fn sleep(&self, ms: u64) -> Sleep;

    /// Like [`Clock::sleep`], but as the bound of something else that is expected to end first. A fake clock
    /// that hurries from sleep to sleep does not hurry to a deadline.
    fn deadline(&self, ms: u64) -> Sleep {
        self.sleep(ms)
    }
}

/// A clock that moves only when told.
#[derive(Debug, Clone)]
pub struct FakeClock {
    state: Arc<Mutex<FakeState>>,
}

#[derive(Debug)]
struct FakeState {
    now: Millis,
    /// How far the clock was moved by hand, or `now` at the last such move: deadlines are measured against it.
    deadlines_now: Millis,
    sleeps: BTreeMap<(Millis, u64), Waker>,
    deadlines: BTreeMap<(Millis, u64), Waker>,
    numbers: u64,
}

impl FakeClock {
    /// A clock that stands at `now`.
    #[must_use]
    pub fn at(now: Millis) -> Self {
        let state = FakeState {
            now,
            deadlines_now: now,
            sleeps: BTreeMap::new(),
            deadlines: BTreeMap::new(),
            numbers: 0,
        };
        Self { state: Arc::new(Mutex::new(state)) }
    }

    /// Move `ms` milliseconds ahead and wake whoever waited for less, deadlines included.
    pub fn advance(&self, ms: i64) {
        let mut state = self.lock();
        state.now = state.now.plus(ms);
        state.deadlines_now = state.now;
        let now = state.now;
        let mut due = take_due(&mut state.sleeps, now);
        due.extend(take_due(&mut state.deadlines, now));
        drop(state);
        due.into_iter().for_each(Waker::wake);
    }

    /// Move to the end of the earliest sleep and wake it; `None` when nobody sleeps. Deadlines do not fire.
    pub fn advance_to_next_sleeper(&self) -> Option<Millis> {
        let mut state = self.lock();
        let (next, _) = *state.sleeps.first_key_value()?.0;
        state.now = state.now.max(next);
        let now = state.now;
        let due = take_due(&mut state.sleeps, now);
        drop(state);
        due.into_iter().for_each(Waker::wake);
        Some(next)
    }

    /// How many waits have been asked for in all: a driver watches this rise.
    #[must_use]
    pub fn waits_asked(&self) -> u64 {
        self.lock().numbers
    }

    fn lock(&self) -> MutexGuard<'_, FakeState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait(&self, ms: u64, kind: Kind) -> Sleep {
        let mut state = self.lock();
        let until = state.now.plus(i64::try_from(ms).unwrap_or(i64::MAX));
        state.numbers += 1;
        Box::pin(FakeSleep { clock: self.clone(), key: (until, state.numbers), kind })
    }
}

fn take_due(waits: &mut BTreeMap<(Millis, u64), Waker>, now: Millis) -> Vec<Waker> {
    let later = waits.split_off(&(now.plus(1), 0));
    std::mem::replace(waits, later).into_values().collect()
}

impl Clock for FakeClock {
    fn now(&self) -> Millis {
        self.lock().now
    }

    fn sleep(&self, ms: u64) -> Sleep {
        self.wait(ms, Kind::Sleep)
    }

    fn deadline(&self, ms: u64) -> Sleep {
        self.wait(ms, Kind::Deadline)
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Sleep,
    Deadline,
}

struct FakeSleep {
    clock: FakeClock,
    key: (Millis, u64),
    kind: Kind,
}

impl FakeState {
    fn waits(&mut self, kind: Kind) -> &mut BTreeMap<(Millis, u64), Waker> {
        match kind {
            Kind::Sleep => &mut self.sleeps,
            Kind::Deadline => &mut self.deadlines,
        }
    }
}

impl Future for FakeSleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.clock.lock();
        let reached = match self.kind {
            Kind::Sleep => state.now,
            Kind::Deadline => state.deadlines_now,
        };
        if reached >= self.key.0 {
            state.waits(self.kind).remove(&self.key);
            return Poll::Ready(());
        }
        state.waits(self.kind).insert(self.key, cx.waker().clone());
        Poll::Pending
    }
}

impl Drop for FakeSleep {
    fn drop(&mut self) {
        let (key, kind) = (self.key, self.kind);
        self.clock.lock().waits(kind).remove(&key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sleep_ends_when_the_clock_has_been_moved_past_it() {
        let clock = FakeClock::at(Millis(1_000));
        let mut sleep = clock.sleep(50);
        let mut cx = Context::from_waker(Waker::noop());
        assert!(sleep.as_mut().poll(&mut cx).is_pending());
        clock.advance(49);
        assert!(sleep.as_mut().poll(&mut cx).is_pending());
        assert_eq!(clock.advance_to_next_sleeper(), Some(Millis(1_050)));
        assert!(sleep.as_mut().poll(&mut cx).is_ready());
        assert_eq!(clock.now(), Millis(1_050));
    }

    #[test]
    fn hurrying_from_sleep_to_sleep_fires_no_deadline() {
        let clock = FakeClock::at(Millis(0));
        let (mut sleep, mut deadline) = (clock.sleep(100), clock.deadline(10));
        let mut cx = Context::from_waker(Waker::noop());
        assert!(sleep.as_mut().poll(&mut cx).is_pending());
        assert!(deadline.as_mut().poll(&mut cx).is_pending());
        assert_eq!(clock.advance_to_next_sleeper(), Some(Millis(100)));
        assert!(sleep.as_mut().poll(&mut cx).is_ready());
        assert!(deadline.as_mut().poll(&mut cx).is_pending());
        clock.advance(1);
        assert!(deadline.as_mut().poll(&mut cx).is_ready());
    }

    #[test]
    fn nobody_sleeping_means_the_clock_stays() {
        let clock = FakeClock::at(Millis(5));
        assert_eq!(clock.advance_to_next_sleeper(), None);
        assert_eq!(clock.now(), Millis(5));
    }
}

//! One budget as a state machine: instants and events in, slots out. It knows no clock and nobody who waits.
//!
//! Slots lie evenly in time. Whoever waits and is woken late does not lose what was missed: the next slots follow
//! the plan, not the delay, within a small bound. Idle time is never saved up, so that a service with the smallest
//! of buckets is not overflowed.

use super::PaceSnapshot;
use super::learned::Learned;
use super::minute::Minute;
use super::window::Window;
use crate::RateHeaders;
use model::Millis;
use serde::{Deserialize, Serialize};

/// Delay of wake-ups that is made up for, in milliseconds and in slots; the smaller holds.
pub(super) const CATCH_UP_MS: f64 = 100.0;
pub(super) const CATCH_UP_SLOTS: f64 = 5.0;
/// Pause after a refusal without `Retry-After`: this many slots, within these bounds; doubled while refusals go on.
const PAUSE_SLOTS: f64 = 5.0;
const PAUSE_MS_MIN: f64 = 250.0;
const PAUSE_MS_MAX: f64 = 5_000.0;
const PAUSE_DOUBLINGS_MAX: u32 = 4;
/// Longest `Retry-After` that is honoured; a longer one is cut to this.
pub(crate) const RETRY_AFTER_MS_MAX: u64 = 15 * 60_000;
/// After a pause one call goes ahead, and the others wait for its outcome, at most this long.
pub(super) const PROBE_MS_MAX: f64 = 5_000.0;
/// A step back of the clock that is more than callers racing each other.
const SET_BACK_MS: i64 = 1_000;
/// Window of a `Limit` header that does not tell its own.
const LIMIT_WINDOW_MS: f64 = 60_000.0;

/// An instant before everything, in milliseconds since the origin. Finite, so that it can be written down.
const NEVER_MS: f64 = -1e12;

/// One budget.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Budget {
    /// `None` without a limit.
    pub(super) rate: Option<Learned>,
    /// All instants below are milliseconds since this one, to keep their fractions precise.
    origin: Millis,
    /// The latest instant seen.
    pub(super) seen: Millis,
    /// The planned instant of the last slot.
    pub(super) last_ms: f64,
    pub(super) paused_until_ms: f64,
    /// Refusals in a row without a call accepted in between.
    refusals_in_a_row: u32,
    pub(super) probe: Probe,
    /// Slots given so far: the number of the next one.
    pub(super) given: u64,
    /// Refusals of slots before this number tell nothing new.
    pub(super) lowered_before: u64,
    #[serde(skip)]
    refused_429: u64,
    window: Window,
    #[serde(skip, default = "Minute::new")]
    minute: Minute,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) enum Probe {
    None,
    Due,
    Out { number: u64, at_ms: f64 },
}

/// One slot: its number, and what giving it changed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Given {
    pub(super) number: u64,
    pub(super) pressed: bool,
    pub(super) last_ms_before: f64,
    pub(super) last_ms: f64,
}

/// When the next slot can be given.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Turn {
    Now,
    /// In so many milliseconds.
    In(f64),
}

impl Budget {
    pub(super) fn new(per_minute: Option<u32>, now: Millis) -> Self {
        Self {
            rate: per_minute.map(Learned::new),
            origin: now,
            seen: now,
            last_ms: NEVER_MS,
            paused_until_ms: NEVER_MS,
            refusals_in_a_row: 0,
            probe: Probe::None,
            given: 0,
            lowered_before: 0,
            refused_429: 0,
            window: Window::default(),
            minute: Minute::new(),
        }
    }

    /// When the next slot can be given.
    pub(super) fn turn(&mut self, now: Millis) -> Turn {
        let now_ms = self.see(now);
        let ready_ms = match self.probe {
            Probe::Out { at_ms, .. } => at_ms + PROBE_MS_MAX,
            _ => self.next_ms(now_ms),
        };
        if ready_ms <= now_ms { Turn::Now } else { Turn::In(ready_ms - now_ms) }
    }

    /// Give the slot whose turn has come, to somebody who waits since `since`.
    pub(super) fn give(&mut self, now: Millis, since: Millis) -> Given {
        let now_ms = self.see(now);
        let planned_ms = self.next_ms(now_ms);
        let pressed = self.ms(since) <= planned_ms;
        let last_ms_before = self.last_ms;
        let catch_up = CATCH_UP_MS.min(CATCH_UP_SLOTS * self.spacing_ms());
        self.last_ms = if pressed { planned_ms.max(now_ms - catch_up).min(now_ms) } else { now_ms };
        let number = self.given;
        self.given += 1;
        self.probe = match self.probe {
            Probe::Due => Probe::Out { number, at_ms: now_ms },
            Probe::Out { .. } | Probe::None => Probe::None,
        };
        self.minute.add(now.0);
        Given { number, pressed, last_ms_before, last_ms: self.last_ms }
    }

    /// A slot was not used. The last one given becomes free again; an earlier one is lost, since giving it later
    /// would crowd the ones after it.
    pub(super) fn give_back(&mut self, given: Given, now: Millis) {
        if given.number + 1 == self.given && given.last_ms.total_cmp(&self.last_ms).is_eq() {
            self.last_ms = given.last_ms_before;
        }
        if self.is_probe(given) {
            self.probe = Probe::Due;
        }
        self.minute.take_back(now.0);
    }

    /// The service took the call, whatever it answered.
    pub(super) fn accepted(&mut self, given: Given, headers: &RateHeaders, now: Millis) {
        let now_ms = self.see(now);
        self.end_probe(given, now_ms);
        if given.number >= self.lowered_before {
            self.refusals_in_a_row = 0;
        }
        let Some(rate) = &mut self.rate else { return };
        if let Some(limit) = headers.limit {
            let window_ms = headers.window_ms.map_or_else(|| guess_window_ms(headers.reset_ms), ms);
            rate.told(f64::from(limit) * 60_000.0 / window_ms);
        }
        if given.number >= self.lowered_before {
            rate.accepted(now_ms, given.pressed);
        }
        if let (Some(remaining), Some(reset_ms)) = (headers.remaining, headers.reset_ms) {
            self.window.read(now_ms, remaining, ms(reset_ms));
        }
    }

    /// A slot's time passed and nobody used it.
    pub(super) fn lost(&mut self, given: Given) {
        if self.is_probe(given) {
            self.probe = Probe::Due;
        }
    }

    /// Another budget is assumed from now on; what was learned of the one before counts no more.
    pub(super) fn assume(&mut self, per_minute: u32) {
        self.rate = Some(Learned::new(per_minute));
    }

    /// Nobody knows whether the service counted the call.
    pub(super) fn unknown(&mut self, given: Given, now: Millis) {
        let now_ms = self.see(now);
        self.end_probe(given, now_ms);
    }

    /// The service refused the call for coming too soon. `jitter` is one of 0..1000. Says whether this is news.
    pub(super) fn refused(&mut self, given: Given, headers: &RateHeaders, jitter: u64, now: Millis) -> bool {
        let now_ms = self.see(now);
        self.refused_429 += 1;
        self.end_probe(given, now_ms);
        let asked_ms = headers.retry_after_ms.map(|asked| ms(asked.min(RETRY_AFTER_MS_MAX)));
        if given.number < self.lowered_before {
            // Sent before the last lowering: the same event, seen by another caller.
            self.pause_until(now_ms + asked_ms.unwrap_or(0.0));
            let pause_ms = (self.paused_until_ms - now_ms).max(0.0);
            if let Some(rate) = &mut self.rate {
                rate.still_full(now_ms, pause_ms);
            }
            return false;
        }
        let again = self.refusals_in_a_row;
        self.refusals_in_a_row += 1;
        let base_ms = (PAUSE_SLOTS * self.spacing_ms()).clamp(PAUSE_MS_MIN, PAUSE_MS_MAX);
        let own_ms = base_ms * f64::from(1_u32 << again.min(PAUSE_DOUBLINGS_MAX));
        let pause_ms = match asked_ms {
            Some(asked_ms) if again == 0 => asked_ms,
            Some(asked_ms) => asked_ms.max(own_ms),
            None => own_ms * (1.0 + ms(jitter) / 4_000.0),
        };
        if let Some(rate) = &mut self.rate {
            if again > 0 && rate.nothing_since_full() {
                rate.still_full(now_ms, pause_ms);
            } else {
                rate.refused(now_ms, pause_ms);
            }
        }
        self.pause_until(now_ms + pause_ms);
        self.lowered_before = self.given;
        self.probe = Probe::Due;
        true
    }

    pub(super) fn snapshot(&mut self, now: Millis, waiting: usize) -> PaceSnapshot {
        let paused = self.paused_until_ms > self.see(now);
        PaceSnapshot {
            per_minute: self.rate.as_ref().map(Learned::per_minute),
            used_last_minute: self.minute.count(now.0),
            waiting,
            refused_429: self.refused_429,
            paused_until: paused.then(|| self.origin.plus(whole(self.paused_until_ms))),
        }
    }

    /// The planned instant of the next slot.
    pub(super) fn next_ms(&self, now_ms: f64) -> f64 {
        let spacing_ms = self.spacing_ms().max(self.window.spacing_ms(now_ms));
        let closed_ms = self.window.closed_until_ms(now_ms).unwrap_or(NEVER_MS);
        (self.last_ms + spacing_ms).max(self.paused_until_ms).max(closed_ms)
    }

    pub(super) fn spacing_ms(&self) -> f64 {
        self.rate.as_ref().map_or(0.0, Learned::spacing_ms)
    }

    fn pause_until(&mut self, until_ms: f64) {
        self.paused_until_ms = self.paused_until_ms.max(until_ms);
    }

    fn is_probe(&self, given: Given) -> bool {
        matches!(self.probe, Probe::Out { number, .. } if number == given.number)
    }

    /// The others go on from here: what they missed while they waited for the probe is not made up for.
    fn end_probe(&mut self, given: Given, now_ms: f64) {
        if self.is_probe(given) {
            self.probe = Probe::None;
            self.last_ms = self.last_ms.max(now_ms - self.spacing_ms());
        }
    }

    /// The instant as a number that never runs backwards: callers race by a millisecond, and a machine's clock may
    /// be set back, in which case all that is planned moves along.
    pub(super) fn see(&mut self, now: Millis) -> f64 {
        if now.0 < self.seen.0 - SET_BACK_MS {
            self.origin = self.origin.plus(now.since(self.seen));
            self.seen = now;
        }
        self.seen = self.seen.max(now);
        self.ms(self.seen)
    }

    #[expect(clippy::cast_precision_loss, reason = "milliseconds since the origin stay far below 2^52")]
    pub(super) fn ms(&self, at: Millis) -> f64 {
        at.since(self.origin) as f64
    }

    /// The instant as milliseconds since the Unix epoch, with its fraction.
    #[expect(clippy::cast_precision_loss, reason = "the epoch's milliseconds stay far below 2^52")]
    pub(super) fn absolute_ms(&self, at_ms: f64) -> f64 {
        self.origin.0 as f64 + at_ms
    }
}

/// A header's window, judged by how far its end lies away.
fn guess_window_ms(reset_ms: Option<u64>) -> f64 {
    match reset_ms {
        Some(reset_ms) if reset_ms > 3_600_000 => 86_400_000.0,
        Some(reset_ms) if reset_ms > 61_000 => 3_600_000.0,
        _ => LIMIT_WINDOW_MS,
    }
}

#[expect(clippy::cast_precision_loss, reason = "durations stay far below 2^52 milliseconds")]
fn ms(value: u64) -> f64 {
    value as f64
}

#[expect(clippy::cast_possible_truncation, reason = "instants since the origin fit")]
fn whole(value: f64) -> i64 {
    value.ceil() as i64
}

//! The rate at which slots are given, corrected by refusals.
//!
//! A refusal says that the service's bucket is full. Between two refusals it accepted, on average, exactly what it
//! drains (or less, where it ran empty in between), so their distance gives the held rate. From a little below
//! that the rate climbs again along a cubic curve, as CUBIC does for TCP: quickly at first, then long and flat
//! around the held rate, then faster, in case the budget has grown. The curve is measured in calls, not in time:
//! that bounds the share of refused calls at any rate.
//!
//! Only an unbroken run of calls that waited for their slots is a sample: over an idle while, calls accepted per time
//! passed says what was wanted, not what the service drains.

use serde::{Deserialize, Serialize};

/// Part of a known budget that is used: clocks differ by parts in a million, and a bucket filled at exactly the
/// rate at which it drains overflows one day.
const HEADROOM: f64 = 0.995;
/// Calls from a refusal to the flat part of the curve.
const SPAN_CALLS: f64 = 300.0;
/// Calls on the curve for each call lost to a pause, so that pauses cost at most some 3 % of the budget.
const SPAN_PER_LOST_CALL: f64 = 30.0;
/// Accepted calls between two refusals below which their distance says too little.
const SAMPLE_CALLS: u32 = 20;
/// How many times longer than the pause before it a sample must be: while nobody sent, the service's bucket may have
/// run empty, and what it could have drained meanwhile was not seen.
const SAMPLE_PAUSES: f64 = 4.0;
/// Part of the held rate from which the curve starts.
const RESTART: f64 = 0.97;
/// Part of the held rate at which the curve is flat.
const FLAT: f64 = 1.01;
/// Part of the rate that is kept while nothing is known of the held rate.
const BLIND_CUT: f64 = 0.5;
/// Part of the rate that is kept after a refusal that came too early to learn from, once the held rate is known.
const EARLY_CUT: f64 = 0.85;
/// Slowest rate, in calls a minute.
const FLOOR: f64 = 1.0;

/// The rate at which slots are given.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Learned {
    /// What was assumed, or what the service said, in calls a minute.
    told: f64,
    per_minute: f64,
    curve: Option<Curve>,
    knows: Knows,
    /// The last refusal, when the service's bucket was known to be full; or the last call since then that found a slot
    /// waiting for it, from which the sample begins anew.
    full_at_ms: Option<f64>,
    accepted_since_full: u32,
    /// How long nobody sent after that.
    pause_ms: f64,
}

/// What refusals have taught.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Knows {
    /// There was none yet.
    Nothing,
    /// What was accepted before the first one; a large bucket may have swallowed more than it drains.
    FirstRate,
    /// What was accepted between two.
    HeldRate,
}

/// `rate(n) = flat · (1 + depth · (n / span − 1)³)` after `n` calls.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Curve {
    flat: f64,
    depth: f64,
    span: f64,
    calls: f64,
}

impl Curve {
    /// A curve that starts at `start`.
    fn from(start: f64, flat: f64, span: f64) -> Self {
        Self { flat, depth: 1.0 - start / flat, span, calls: 0.0 }
    }

    fn rate(&self) -> f64 {
        let x = self.calls / self.span - 1.0;
        self.flat * (1.0 + self.depth * x * x * x)
    }
}

impl Learned {
    pub(super) fn new(per_minute: u32) -> Self {
        let told = f64::from(per_minute.max(1));
        Self {
            told,
            per_minute: told * HEADROOM,
            curve: None,
            knows: Knows::Nothing,
            full_at_ms: None,
            accepted_since_full: 0,
            pause_ms: 0.0,
        }
    }

    pub(super) const fn per_minute(&self) -> f64 {
        self.per_minute
    }

    /// Milliseconds from one slot to the next.
    pub(super) fn spacing_ms(&self) -> f64 {
        60_000.0 / self.per_minute
    }

    /// The service told its budget; taken at its word when it is news.
    pub(super) fn told(&mut self, per_minute: f64) {
        let told = per_minute.max(FLOOR);
        if (told - self.told).abs() > 0.001 {
            self.told = told;
            self.per_minute = told * HEADROOM;
            self.curve = None;
            self.knows = Knows::Nothing;
            self.full_at_ms = None;
            self.accepted_since_full = 0;
            self.pause_ms = 0.0;
        }
    }

    /// A call was accepted; `pressed` when it had to wait for its slot, so that it tested the rate.
    pub(super) fn accepted(&mut self, now_ms: f64, pressed: bool) {
        if pressed {
            self.full_at_ms.get_or_insert(now_ms);
            self.accepted_since_full = self.accepted_since_full.saturating_add(1);
        } else {
            self.full_at_ms = Some(now_ms);
            self.accepted_since_full = 1;
        }
        let Some(curve) = self.curve.as_mut().filter(|_| pressed) else { return };
        curve.calls += 1.0;
        let ceiling = self.told * HEADROOM;
        self.per_minute = curve.rate().clamp(FLOOR, ceiling);
        if self.per_minute >= ceiling {
            self.curve = None;
        }
    }

    /// The service's bucket is full: lower the rate. `pause_ms` is how long nobody will send.
    pub(super) fn refused(&mut self, now_ms: f64, pause_ms: f64) {
        let span = SPAN_CALLS.max(SPAN_PER_LOST_CALL * pause_ms / 60_000.0 * self.per_minute);
        let (curve, knows) = match (self.held(now_ms), self.knows) {
            (Some(held), knew) => {
                let held = held.clamp(self.per_minute * BLIND_CUT, self.per_minute);
                let knows = if knew == Knows::Nothing { Knows::FirstRate } else { Knows::HeldRate };
                (Curve::from(held * RESTART, held * FLAT, span), knows)
            }
            (None, Knows::HeldRate) => {
                (Curve::from(self.per_minute * EARLY_CUT, self.per_minute, span), Knows::HeldRate)
            }
            (None, Knows::Nothing | Knows::FirstRate) => {
                (Curve::from(self.per_minute * BLIND_CUT, self.per_minute, span), Knows::HeldRate)
            }
        };
        self.knows = knows;
        self.per_minute = curve.rate().max(FLOOR);
        self.curve = Some(curve);
        self.still_full(now_ms, pause_ms);
    }

    /// Another refusal of the same event.
    pub(super) const fn still_full(&mut self, now_ms: f64, pause_ms: f64) {
        self.full_at_ms = Some(now_ms);
        self.accepted_since_full = 0;
        self.pause_ms = pause_ms;
    }

    /// Whether nothing was accepted since the last refusal.
    pub(super) const fn nothing_since_full(&self) -> bool {
        !matches!(self.knows, Knows::Nothing) && self.accepted_since_full == 0
    }

    /// The rate that was held since the last refusal, where enough was accepted to tell.
    fn held(&self, now_ms: f64) -> Option<f64> {
        let passed = now_ms - self.full_at_ms?;
        (self.accepted_since_full >= SAMPLE_CALLS && passed > self.pause_ms * (1.0 + SAMPLE_PAUSES))
            .then(|| f64::from(self.accepted_since_full) / passed * 60_000.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Calls one after the other at the learned rate; the first finds its slot waiting, the others wait for theirs.
    fn run(learned: &mut Learned, now_ms: &mut f64, calls: u32) {
        for call in 0..calls {
            *now_ms += learned.spacing_ms();
            learned.accepted(*now_ms, call > 0);
        }
    }

    #[test]
    fn an_idle_while_does_not_lower_the_rate_that_a_refusal_teaches() {
        let mut learned = Learned::new(600);
        let mut now_ms = 0.0;
        run(&mut learned, &mut now_ms, 200);
        learned.refused(now_ms, 1_000.0);
        run(&mut learned, &mut now_ms, 200);
        learned.refused(now_ms, 1_000.0);
        let before = learned.per_minute();
        run(&mut learned, &mut now_ms, 60);
        now_ms += 120_000.0;
        run(&mut learned, &mut now_ms, 60);
        learned.refused(now_ms, 1_000.0);
        assert!(learned.per_minute() > 0.9 * before, "{} after {before}", learned.per_minute());
    }
}

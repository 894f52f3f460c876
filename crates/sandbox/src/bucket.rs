//! A leaky bucket in whole numbers.
//!
//! A call weighs 60,000 units and `per_minute` units leak out each millisecond, so no rounding ever gives a call away
//! or takes one back. The bucket refuses what would overflow it; a refused call weighs nothing.

use std::sync::{Mutex, PoisonError};

use model::Millis;

const CALL: u64 = 60_000;

/// One organization's allowance for one class of calls.
#[derive(Debug)]
pub(crate) struct Bucket {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Units that leak a millisecond; 0 for a bucket without a limit.
    leak: u64,
    capacity: u64,
    level: u64,
    at: Millis,
}

/// What the bucket said to one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// Milliseconds until the next call would fit, when this one did not.
    pub(crate) refused_for_ms: Option<u64>,
    /// The limit a minute, when there is one.
    pub(crate) limit: Option<u32>,
    /// Whole calls that would still fit now.
    pub(crate) remaining: u64,
    /// Milliseconds until the bucket is empty.
    pub(crate) empty_in_ms: u64,
}

impl Bucket {
    /// An empty bucket; without `per_minute` it never refuses.
    pub(crate) fn new(per_minute: Option<u32>, burst: u32, now: Millis) -> Self {
        let capacity = u64::from(burst.max(1)) * CALL;
        Self {
            state: Mutex::new(State { leak: per_minute.unwrap_or(0).into(), capacity, level: 0, at: now }),
        }
    }

    /// Change the limit and empty the bucket.
    pub(crate) fn set(&self, per_minute: Option<u32>, burst: u32, now: Millis) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.leak = per_minute.unwrap_or(0).into();
        state.capacity = u64::from(burst.max(1)) * CALL;
        state.level = 0;
        state.at = now;
    }

    /// Put one call in, if it fits.
    pub(crate) fn draw(&self, now: Millis) -> Verdict {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.leak == 0 {
            return Verdict { refused_for_ms: None, limit: None, remaining: 0, empty_in_ms: 0 };
        }
        let passed = u64::try_from(now.since(state.at)).unwrap_or(0);
        state.level = state.level.saturating_sub(passed.saturating_mul(state.leak));
        state.at = state.at.max(now);
        let over = (state.level + CALL).saturating_sub(state.capacity);
        if over == 0 {
            state.level += CALL;
        }
        Verdict {
            refused_for_ms: (over > 0).then(|| over.div_ceil(state.leak)),
            limit: u32::try_from(state.leak).ok(),
            remaining: (state.capacity - state.level) / CALL,
            empty_in_ms: state.level.div_ceil(state.leak),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_takes_its_burst_at_once_and_then_what_leaks() {
        let bucket = Bucket::new(Some(60), 3, Millis(0));
        let taken = (0..5).filter(|_| bucket.draw(Millis(0)).refused_for_ms.is_none()).count();
        assert_eq!(taken, 3);
        assert_eq!(bucket.draw(Millis(0)).refused_for_ms, Some(1_000));
        assert_eq!(bucket.draw(Millis(999)).refused_for_ms, Some(1));
        assert_eq!(bucket.draw(Millis(1_000)).refused_for_ms, None);
        assert_eq!(bucket.draw(Millis(1_000)).remaining, 0);
    }

    #[test]
    fn in_the_long_run_exactly_the_limit_passes() {
        let bucket = Bucket::new(Some(600), 1, Millis(0));
        let minutes = 10;
        let passed =
            (0..minutes * 60_000).filter(|ms| bucket.draw(Millis(*ms)).refused_for_ms.is_none()).count();
        assert_eq!(passed, 600 * 10);
    }

    #[test]
    fn a_clock_set_back_neither_fills_nor_empties() {
        let bucket = Bucket::new(Some(60), 1, Millis(10_000));
        assert_eq!(bucket.draw(Millis(10_000)).refused_for_ms, None);
        assert_eq!(bucket.draw(Millis(0)).refused_for_ms, Some(1_000));
        assert_eq!(bucket.draw(Millis(11_000)).refused_for_ms, None);
    }
}

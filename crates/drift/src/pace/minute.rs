//! How many slots were given within the last minute, in one-second steps.

const SECONDS: usize = 60;

/// A ring of one-second counts.
#[derive(Debug)]
pub(super) struct Minute {
    counts: [u32; SECONDS],
    second: i64,
}

impl Minute {
    pub(super) const fn new() -> Self {
        Self { counts: [0; SECONDS], second: 0 }
    }

    pub(super) fn add(&mut self, now_ms: i64) {
        let index = self.turn_to(now_ms);
        self.counts[index] = self.counts[index].saturating_add(1);
    }

    pub(super) fn take_back(&mut self, now_ms: i64) {
        let index = self.turn_to(now_ms);
        self.counts[index] = self.counts[index].saturating_sub(1);
    }

    pub(super) fn count(&mut self, now_ms: i64) -> u32 {
        self.turn_to(now_ms);
        self.counts.iter().sum()
    }

    /// Empty the seconds that have passed unseen. A clock that was set back counts into the last second known.
    fn turn_to(&mut self, now_ms: i64) -> usize {
        let second = now_ms.div_euclid(1000).max(self.second);
        let passed = usize::try_from(second - self.second).unwrap_or(SECONDS).min(SECONDS);
        for step in 1..=passed {
            let index = place(self.second + i64::try_from(step).unwrap_or(0));
            self.counts[index] = 0;
        }
        if passed == SECONDS {
            self.counts = [0; SECONDS];
        }
        self.second = second;
        place(second)
    }
}

fn place(second: i64) -> usize {
    usize::try_from(second.rem_euclid(60)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_later_nothing_counts_any_more() {
        let mut minute = Minute::new();
        let start = 1_700_000_000_000;
        for step in 0..120 {
            minute.add(start + step * 500);
        }
        assert_eq!(minute.count(start + 59_500), 120);
        assert_eq!(minute.count(start + 89_500), 60);
        assert_eq!(minute.count(start + 3_600_000), 0);
    }
}

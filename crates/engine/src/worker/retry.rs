//! When a failed job is tried again.
//!
//! The delay doubles from five seconds to six hours and is jittered by a quarter either way, so that what failed together
//! does not come back together. Twenty-four attempts last at least 53 hours: an outage of a day, or of a
//! weekend, ends before they do.

use model::Entropy;

/// Attempts after which a job becomes a dead letter.
pub const ATTEMPTS_MAX: i64 = 24;
/// The delay after the first attempt, in milliseconds.
const FIRST_MS: i64 = 5_000;
/// The longest delay before jitter, in milliseconds.
const LONGEST_MS: i64 = 6 * 60 * 60 * 1_000;

/// How long to wait after the attempt of this number (from 1) failed, in milliseconds.
#[must_use]
pub fn delay_ms(attempt: i64, entropy: &dyn Entropy) -> i64 {
    let base = base_ms(attempt);
    let jitter = i64::try_from(entropy.below((base / 2).unsigned_abs() + 1)).unwrap_or_default();
    base - base / 4 + jitter
}

fn base_ms(attempt: i64) -> i64 {
    let doublings = u32::try_from((attempt - 1).clamp(0, 30)).unwrap_or_default();
    FIRST_MS.saturating_mul(1_i64 << doublings).min(LONGEST_MS)
}

#[cfg(test)]
mod tests {
    use model::SeededEntropy;

    use super::*;

    #[test]
    fn the_attempts_outlive_two_days_whatever_the_jitter() {
        let least: i64 = (1..ATTEMPTS_MAX).map(|attempt| base_ms(attempt) * 3 / 4).sum();
        assert!(least > 48 * 60 * 60 * 1_000, "{least}");
        assert_eq!(
            (base_ms(1), base_ms(2), base_ms(13), base_ms(14)),
            (5_000, 10_000, 20_480_000, LONGEST_MS)
        );
        assert_eq!(base_ms(i64::MAX), LONGEST_MS);
    }

    #[test]
    fn the_jitter_stays_within_a_quarter() {
        let entropy = SeededEntropy::new(7);
        for attempt in 1..=ATTEMPTS_MAX {
            let (base, delay) = (base_ms(attempt), delay_ms(attempt, &entropy));
            assert!((base * 3 / 4..=base * 5 / 4).contains(&delay), "{attempt}: {delay}");
        }
    }
}

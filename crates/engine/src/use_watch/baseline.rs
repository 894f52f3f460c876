//! What is usual for a grant: the median of its days.
//!
//! A day counts when the grant was used on it: one that is used on Mondays alone is held against its Mondays. The median and
//! not the mean, so that one archive of everything does not become what is usual. With fewer than seven such days among the
//! last 28 nothing is usual yet.

use store::uses::outward::Total;

/// The days before today that are looked at.
pub(super) const DAYS: i64 = 28;
/// Days with use, at least, before anything is usual.
const HISTORY_DAYS_MIN: usize = 7;

/// A usual day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Baseline {
    pub(super) calls: i64,
    pub(super) rows: i64,
}

impl Baseline {
    /// The medians of days with use; `None` when there are too few.
    pub(super) fn of(days: &[Total]) -> Option<Self> {
        if days.len() < HISTORY_DAYS_MIN {
            return None;
        }
        let calls = median(days.iter().map(|day| day.calls).collect());
        Some(Self { calls, rows: median(days.iter().map(|day| day.rows).collect()) })
    }
}

/// Of an even number the greater of the two in the middle.
fn median(mut values: Vec<i64>) -> i64 {
    values.sort_unstable();
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// Whether an amount is more than `factor` times what is usual, and enough to matter.
pub(super) const fn is_far_above(amount: i64, usual: i64, (factor, least): (i64, i64)) -> bool {
    amount >= least && amount > usual.saturating_mul(factor)
}

#[cfg(test)]
mod tests {
    use model::{ConnectionId, OrgId};

    use super::*;

    fn days(calls: &[i64]) -> Vec<Total> {
        let day = |calls: &i64| Total {
            org: OrgId(1),
            connection: ConnectionId("c".into()),
            calls: *calls,
            rows: calls * 10,
        };
        calls.iter().map(day).collect()
    }

    #[test]
    fn one_wild_day_is_not_what_is_usual_and_six_days_are_none() {
        assert_eq!(Baseline::of(&days(&[9, 9, 9, 9, 9, 9])), None);
        let usual = Baseline::of(&days(&[8, 12, 9, 1_000_000, 10, 11, 9])).unwrap();
        assert_eq!(usual, Baseline { calls: 10, rows: 100 });
    }

    #[test]
    fn far_above_is_both_many_times_and_many() {
        assert!(is_far_above(501, 100, (5, 400)));
        assert!(!is_far_above(500, 100, (5, 400)), "five times is not more than five times");
        assert!(!is_far_above(399, 1, (5, 400)), "too few to matter");
        assert!(!is_far_above(i64::MAX, i64::MAX, (5, 0)), "what cannot be multiplied is not passed");
    }
}

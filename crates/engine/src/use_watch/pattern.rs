//! How an intruder reads: first what there is, then how much of it, then a few records, then all of them.
//!
//! So the data was taken out of CRMs in August 2025: list the objects, count them, look at some, and then the bulk. Each of
//! these alone is an ordinary request; in this order, by one caller, within a short time, they are not. A machine of four
//! states: it goes on only when the next sort of reading comes at or after the one before, and ends when enough records were
//! read after the sample. The steps are sums of minutes, so within a minute the order is told by first and last.

use model::Millis;
use store::uses::inward::{Step, StepUse};

/// A pattern that was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seen {
    /// When it was asked what there is.
    pub(super) since: Millis,
    /// The records that were read after the sample.
    pub(super) rows: i64,
}

/// Where the machine stands.
#[derive(Clone, Copy)]
enum State {
    Nothing,
    Described { at: Millis },
    Counted { since: Millis, at: Millis },
    Sampled { since: Millis, at: Millis, rows: i64 },
}

impl State {
    fn next(self, step: &StepUse) -> Self {
        let is_after = |at: Millis| step.last_at >= at;
        match (self, step.step) {
            (Self::Nothing, Step::Describe) => Self::Described { at: step.first_at },
            (Self::Described { at }, Step::Count) if is_after(at) => {
                Self::Counted { since: at, at: step.first_at.max(at) }
            }
            (Self::Counted { since, at }, Step::Sample) if is_after(at) => {
                Self::Sampled { since, at: step.first_at.max(at), rows: step.rows }
            }
            (Self::Sampled { since, at, rows }, Step::Sample | Step::Bulk) if is_after(at) => {
                Self::Sampled { since, at, rows: rows.saturating_add(step.rows) }
            }
            (same, _) => same,
        }
    }
}

/// Look through the steps of one caller in one organization, which are in the order of minutes and sorts.
pub(super) fn find(steps: &[StepUse], rows_min: i64) -> Option<Seen> {
    let mut state = State::Nothing;
    for step in steps {
        state = state.next(step);
        if let State::Sampled { since, rows, .. } = state
            && rows >= rows_min
        {
            return Some(Seen { since, rows });
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use model::OrgId;
    use store::audit::ActorKind;
    use store::uses::inward::Reader;

    use super::*;

    /// Steps as `(minute, sort, records)`.
    fn found(steps: &[(i64, Step, i64)]) -> Option<(i64, i64)> {
        let reader = Reader { org: OrgId(1), kind: ActorKind::ApiKey, id: "key-1".into() };
        let step = |(minute, step, rows): &(i64, Step, i64)| {
            let at = Millis(minute * 60_000);
            StepUse {
                reader: reader.clone(),
                minute: at,
                step: *step,
                first_at: at,
                last_at: at,
                requests: 1,
                rows: *rows,
            }
        };
        let steps: Vec<StepUse> = steps.iter().map(step).collect();
        find(&steps, 1_000).map(|seen| (seen.since.0 / 60_000, seen.rows))
    }

    use Step::{Bulk, Count, Describe, Sample};

    #[test]
    fn describe_count_sample_bulk_is_found_with_other_reading_in_between() {
        assert_eq!(
            found(&[(0, Describe, 1), (1, Count, 1), (2, Sample, 5), (3, Bulk, 995)]),
            Some((0, 1_000))
        );
        let slow = [
            (0, Count, 1),
            (1, Describe, 1),
            (2, Bulk, 50),
            (5, Count, 1),
            (6, Describe, 1),
            (9, Sample, 3),
            (20, Bulk, 600),
            (25, Count, 1),
            (30, Bulk, 600),
        ];
        assert_eq!(found(&slow), Some((1, 1_203)));
        let small = [(0, Describe, 1), (1, Count, 1), (2, Sample, 400), (3, Sample, 400), (4, Sample, 400)];
        assert_eq!(found(&small), Some((0, 1_200)), "many small ones are a bulk, too");
    }

    #[test]
    fn ordinary_reading_is_not() {
        for ordinary in [
            &[(0, Count, 1), (1, Sample, 5), (2, Bulk, 9_000)][..],
            &[(0, Describe, 1), (1, Sample, 5), (2, Bulk, 9_000)],
            &[(0, Describe, 1), (1, Count, 1), (2, Bulk, 9_000)],
            &[(0, Describe, 1), (1, Count, 1), (2, Sample, 5), (3, Bulk, 900)],
            &[(0, Bulk, 9_000), (1, Sample, 5), (2, Count, 1), (3, Describe, 1)],
            &[],
        ] {
            assert_eq!(found(ordinary), None, "{ordinary:?}");
        }
    }

    #[test]
    fn within_a_minute_the_last_of_a_sort_tells_the_order() {
        let reader = Reader { org: OrgId(1), kind: ActorKind::User, id: "u".into() };
        let step = |step, first: i64, last: i64| StepUse {
            reader: reader.clone(),
            minute: Millis(0),
            step,
            first_at: Millis(first),
            last_at: Millis(last),
            requests: 2,
            rows: 1_000,
        };
        let bulk_last = [step(Describe, 1, 1), step(Count, 2, 2), step(Sample, 3, 3), step(Bulk, 4, 9)];
        assert!(find(&bulk_last, 1_500).is_some());
        let bulk_first = [step(Describe, 5, 5), step(Count, 6, 6), step(Sample, 7, 7), step(Bulk, 1, 2)];
        assert_eq!(find(&bulk_first, 1_500), None);
    }
}

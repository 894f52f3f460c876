//! Months of the calendar in UTC, by which large tables are cut.

use std::fmt;

use jiff::Span;
use jiff::civil::Date;
use model::Millis;

/// Milliseconds of a day.
const DAY_MS: i64 = 86_400_000;
/// The first day that is counted.
const FIRST_DAY: Date = Date::constant(1, 1, 1);
/// The same in milliseconds.
const FIRST_MS: i64 = -62_135_596_800_000;

/// A month of the years 1 to 9999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month {
    first: Date,
}

impl Month {
    /// The first and the last millisecond of all months.
    pub const FIRST_MS: i64 = FIRST_MS;
    /// See [`Month::FIRST_MS`].
    pub const LAST_MS: i64 = 253_402_300_799_999;

    /// The month that is written so, as `2026-01`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (year, month) =
            text.split_once('-').filter(|(year, month)| year.len() == 4 && month.len() == 2)?;
        let first = Date::new(year.parse().ok()?, month.parse().ok()?, 1).ok()?;
        (first >= FIRST_DAY).then_some(Self { first })
    }

    /// The month of a day, counted from 0001-01-01; `None` before it and after the year 9999.
    pub(crate) fn of_day(day: i64) -> Option<Self> {
        let since = Span::new().try_days(day).ok()?;
        let date = FIRST_DAY.checked_add(since).ok()?;
        (day >= 0).then(|| Self { first: date.first_of_month() })
    }

    /// The month of an instant; `None` where it has none that can be written.
    #[must_use]
    pub fn of(at: Millis) -> Option<Self> {
        Self::of_day(at.0.checked_sub(FIRST_MS)?.div_euclid(DAY_MS))
    }

    /// The day of an instant, as [`Self::of_day`] takes it; `None` where it has no month.
    pub(crate) fn day(at: i64) -> Option<i64> {
        Self::of(Millis(at)).map(|_| (at - FIRST_MS).div_euclid(DAY_MS))
    }

    /// The month so many before; the first there is where there are not so many.
    #[must_use]
    pub fn before(self, months: u32) -> Self {
        let first = Span::new().try_months(months).ok().and_then(|span| self.first.checked_sub(span).ok());
        Self { first: first.filter(|first| *first >= FIRST_DAY).unwrap_or(FIRST_DAY) }
    }

    /// Its first and its last millisecond.
    #[must_use]
    pub fn bounds(self) -> (Millis, Millis) {
        let since = FIRST_DAY.until(self.first).map_or(0, |span| i64::from(span.get_days()));
        let start = FIRST_MS + since * DAY_MS;
        (Millis(start), Millis(start + i64::from(self.first.days_in_month()) * DAY_MS - 1))
    }
}

/// `2026-01`.
impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.first.year(), self.first.month())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(at: i64, expected: Option<&str>) {
        assert_eq!(Month::of(Millis(at)).map(|month| month.to_string()).as_deref(), expected);
    }

    #[test]
    fn every_instant_has_its_month() {
        check(0, Some("1970-01"));
        check(-1, Some("1969-12"));
        check(1_767_225_599_999, Some("2025-12"));
        check(1_767_225_600_000, Some("2026-01"));
        check(FIRST_MS, Some("0001-01"));
        check(FIRST_MS - 1, None);
        check(253_402_300_799_999, Some("9999-12"));
        check(253_402_300_800_000, None);
        check(i64::MAX, None);
        check(i64::MIN, None);
    }

    #[test]
    fn a_month_is_read_as_it_is_written() {
        for at in [Month::FIRST_MS, 0, 1_767_225_600_000, Month::LAST_MS] {
            let month = Month::of(Millis(at)).unwrap();
            assert_eq!(Month::parse(&month.to_string()), Some(month));
        }
        for text in ["", "none", "2026", "2026-13", "2026-1", "0000-01", "-001-01", "2026-01-01"] {
            assert_eq!(Month::parse(text), None, "{text}");
        }
    }

    #[test]
    fn months_are_counted_back() {
        let month = |text| Month::parse(text).unwrap();
        assert_eq!(month("2026-03").before(0), month("2026-03"));
        assert_eq!(month("2026-03").before(3), month("2025-12"));
        assert_eq!(month("0001-02").before(9), month("0001-01"));
        assert_eq!(month("2026-03").before(u32::MAX), month("0001-01"));
    }

    #[test]
    fn a_month_ends_where_another_begins() {
        for at in [FIRST_MS, 0, 951_782_400_000, 1_767_225_600_000] {
            let month = Month::of(Millis(at)).unwrap();
            assert_eq!(Month::day(at).and_then(Month::of_day), Some(month));
            let (first, last) = month.bounds();
            assert!(first.0 <= at && at <= last.0);
            assert_eq!(Month::of(first), Some(month));
            assert_eq!(Month::of(last), Some(month));
            assert_ne!(Month::of(first.plus(-1)), Some(month));
            assert_ne!(Month::of(last.plus(1)), Some(month));
        }
    }
}

//! Months as conditions of SQL, the same on both engines.

use store::tables::Month;

/// Whether an instant is of a month, or of none that can be written.
pub(crate) fn within(instant: &str, month: Option<Month>) -> String {
    match month {
        Some(month) => {
            let (first, last) = month.bounds();
            format!("({instant} BETWEEN {first} AND {last})")
        }
        None => {
            format!(
                "({instant} IS NULL OR {instant} < {} OR {instant} > {})",
                Month::FIRST_MS,
                Month::LAST_MS
            )
        }
    }
}

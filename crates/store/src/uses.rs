//! Use that is watched: what each grant was used for at Drift (`outward`), who read what through our own doors (`inward`),
//! and the alarms that came of it (`alarms`).
//!
//! Coarse on purpose: counts by hour and endpoint, the clients of a caller, what sort of reading was done in a minute. Whoever
//! counts does so in memory and hands the sums over every few seconds, so no call and no request waits for a write. What is
//! older than the settings say is pruned. Judging is not done here.

pub mod alarms;
pub mod inward;
pub mod outward;

use model::Millis;

/// Milliseconds of a day.
pub const DAY_MS: i64 = 24 * 60 * 60 * 1_000;
/// Milliseconds of a minute.
const MINUTE_MS: i64 = 60 * 1_000;

/// The start of the day (UTC) that an instant lies in.
#[must_use]
pub const fn day_of(at: Millis) -> Millis {
    Millis(at.0 - at.0.rem_euclid(DAY_MS))
}

/// The start of the minute that an instant lies in.
#[must_use]
pub const fn minute_of(at: Millis) -> Millis {
    Millis(at.0 - at.0.rem_euclid(MINUTE_MS))
}

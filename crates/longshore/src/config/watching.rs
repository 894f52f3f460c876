//! The settings of what counts as unusual use, and how long use is kept recorded.

use engine::use_watch::WatchOptions;

use super::layer::Layers;
use super::{MS_PER_DAY, bounded, read};
use crate::failure::Failure;

/// What is usual is told from 28 days; a week more leaves room.
const KEPT_DAYS_MIN: i64 = 35;
const KEPT_DAYS_MAX: i64 = 3_660;
const DORMANT_DAYS_MAX: i64 = 366;
const FACTOR_MAX: i64 = 1_000;
const PATTERN_MINUTES: (i64, i64) = (5, 1_440);
/// More calls or records a day than any organization has.
const VOLUME_MAX: i64 = 1_000_000_000_000;
const MS_PER_MINUTE: i64 = 60_000;

pub(super) fn parse(layers: &Layers) -> Result<WatchOptions, Failure> {
    let (least, most) = PATTERN_MINUTES;
    let number = |name, least, most| read(layers, name, |text| bounded(text, least, most));
    Ok(WatchOptions {
        dormant_ms: MS_PER_DAY * number("watch_dormant_days", 1, DORMANT_DAYS_MAX)?,
        volume_factor: number("watch_volume_factor", 2, FACTOR_MAX)?,
        volume_calls_min: number("watch_volume_calls", 1, VOLUME_MAX)?,
        volume_rows_min: number("watch_volume_rows", 1, VOLUME_MAX)?,
        pattern_ms: MS_PER_MINUTE * number("watch_pattern_minutes", least, most)?,
        pattern_rows_min: number("watch_pattern_rows", 1, VOLUME_MAX)?,
    })
}

pub(super) fn kept_ms(layers: &Layers) -> Result<i64, Failure> {
    let days: i64 = read(layers, "use_days", |text| bounded(text, KEPT_DAYS_MIN, KEPT_DAYS_MAX))?;
    Ok(MS_PER_DAY * days)
}

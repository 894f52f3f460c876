//! Days and clock faces, for reports (`YYYY-MM-DD`) and transcripts (Pacific time, as Drift's samples have it).

const DAY_MS: i64 = 86_400_000;
const HOUR_MS: i64 = 3_600_000;
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// The day number (since 1970-01-01) of a civil date.
const fn day_number(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// Year, month (from 1), day of a day number.
const fn civil(day: i64) -> (i64, i64, i64) {
    let day = day + 719_468;
    let era = day.div_euclid(146_097);
    let of_era = day.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let day_of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + if month <= 2 { 1 } else { 0 };
    (year, month, day_of_year - (153 * shifted + 2) / 5 + 1)
}

/// Midnight UTC of a `YYYY-MM-DD`.
pub(super) fn parse_date(text: &str) -> Option<i64> {
    let mut parts = text.splitn(3, '-');
    let mut part = |length: usize| {
        let digits = parts.next()?;
        (digits.len() == length && digits.bytes().all(|byte| byte.is_ascii_digit()))
            .then(|| digits.parse().ok())?
    };
    let (year, month, day): (i64, i64, i64) = (part(4)?, part(2)?, part(2)?);
    let number = day_number(year, month, day);
    (civil(number) == (year, month, day)).then_some(number * DAY_MS)
}

/// `<Mon> <d>, <hh:mm:ss> <AM|PM> <PST|PDT>`.
pub(super) fn pacific(at: i64) -> String {
    let (offset, zone) = if is_summer(at) { (-7, "PDT") } else { (-8, "PST") };
    let local = at + offset * HOUR_MS;
    let (_, month, day) = civil(local.div_euclid(DAY_MS));
    let seconds = local.rem_euclid(DAY_MS) / 1_000;
    let (hour, half) = (seconds / 3_600, if seconds < 43_200 { "AM" } else { "PM" });
    let face = if hour % 12 == 0 { 12 } else { hour % 12 };
    let name = MONTHS[usize::try_from(month - 1).expect("months count from 1")];
    format!("{name} {day}, {face:02}:{:02}:{:02} {half} {zone}", seconds / 60 % 60, seconds % 60)
}

/// Daylight time runs from the second Sunday of March to the first Sunday of November, 2 o'clock local.
fn is_summer(at: i64) -> bool {
    let (year, _, _) = civil(at.div_euclid(DAY_MS));
    let first_sunday = |month| {
        let first = day_number(year, month, 1);
        first + (7 - (first + 4).rem_euclid(7)) % 7
    };
    let start = (first_sunday(3) + 7) * DAY_MS + 10 * HOUR_MS;
    let end = first_sunday(11) * DAY_MS + 9 * HOUR_MS;
    (start..end).contains(&at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_parse_and_instants_read_as_on_the_wall() {
        assert_eq!(parse_date("1970-01-02"), Some(DAY_MS));
        assert_eq!(parse_date("2024-02-29"), Some(1_709_164_800_000));
        for broken in ["2023-02-29", "2024-3-01", "2024-13-01", "24-01-01", "", "2024-01-01T"] {
            assert_eq!(parse_date(broken), None, "{broken}");
        }
        assert_eq!(pacific(1_709_280_000_000), "Mar 1, 12:00:00 AM PST");
        assert_eq!(pacific(1_720_040_405_000), "Jul 3, 02:00:05 PM PDT");
    }
}

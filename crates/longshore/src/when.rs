//! Instants as people type them: `2026-11-22`, `2026-11-22T10:00:00Z`, `2h` ago, or milliseconds since 1970.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use model::Millis;

const MS_PER_MINUTE: i64 = 60_000;

/// An instant on the command line; how long ago is measured when the command runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    At(Millis),
    Ago { ms: i64 },
}

impl When {
    pub(crate) fn instant(self, now: Millis) -> Millis {
        match self {
            Self::At(at) => at,
            Self::Ago { ms } => now.plus(-ms),
        }
    }
}

/// Read one, for clap.
pub(crate) fn parse(text: &str) -> Result<When, String> {
    if let Some(ms) = ago(text) {
        return Ok(When::Ago { ms });
    }
    if let Ok(ms) = text.parse::<i64>() {
        return Ok(When::At(Millis(ms)));
    }
    if let Ok(at) = text.parse::<jiff::Timestamp>() {
        return Ok(When::At(Millis(at.as_millisecond())));
    }
    let midnight = text.parse::<Date>().ok().and_then(|date| date.to_zoned(TimeZone::UTC).ok());
    midnight
        .map(|midnight| When::At(Millis(midnight.timestamp().as_millisecond())))
        .ok_or_else(|| "expected 2026-11-22, 2026-11-22T10:00:00Z, 2h ago as 2h, or milliseconds".into())
}

/// A length of time, for clap: `90m`, `2h`, `7d`, in milliseconds.
pub(crate) fn span(text: &str) -> Result<i64, String> {
    ago(text).ok_or_else(|| "expected a number of minutes, hours or days, such as 90m, 12h or 7d".into())
}

/// `90m`, `2h`, `7d`, in milliseconds.
fn ago(text: &str) -> Option<i64> {
    let unit = match text.chars().last()? {
        'm' => MS_PER_MINUTE,
        'h' => 60 * MS_PER_MINUTE,
        'd' => 24 * 60 * MS_PER_MINUTE,
        _ => return None,
    };
    let count: u32 = text[..text.len() - 1].parse().ok()?;
    i64::from(count).checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_read_as_people_type_it() {
        let check = |text: &str, expected: Option<i64>| {
            let now = Millis(1_000_000_000_000);
            assert_eq!(parse(text).ok().map(|when| when.instant(now).0), expected, "{text}");
        };
        check("1970-01-02", Some(86_400_000));
        check("1970-01-01T00:00:01Z", Some(1_000));
        check("1970-01-01T01:00:00+01:00", Some(0));
        check("1500", Some(1_500));
        check("2h", Some(1_000_000_000_000 - 7_200_000));
        check("7d", Some(1_000_000_000_000 - 604_800_000));
        check("yesterday", None);
        check("h", None);
        check("é", None);
    }
}

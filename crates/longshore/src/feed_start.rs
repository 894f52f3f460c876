//! Places in the change feed as people name them.

use model::Millis;
use store::changes::Start;

const MS_PER_DAY: i64 = 86_400_000;

/// A place in the feed, named on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum From {
    /// At the beginning, now, at a number or at a time.
    Start(Start),
    /// So many milliseconds ago.
    Ago(i64),
}

impl From {
    /// The place, seen from now.
    pub(crate) fn start(self, now: Millis) -> Start {
        match self {
            Self::Start(start) => start,
            Self::Ago(ms) => Start::Since(now.plus(-ms)),
        }
    }
}

/// Read a place: `beginning`, `now`, `1234`, `2026-11-22`, `2026-11-22T10:00:00Z`, `90s`, `15m`, `2h`, `7d`.
pub(crate) fn parse(text: &str) -> Result<From, String> {
    let text = text.trim();
    match text {
        "beginning" => return Ok(From::Start(Start::Beginning)),
        "now" => return Ok(From::Start(Start::Now)),
        _ => {}
    }
    if let Ok(seq) = text.parse::<i64>()
        && seq >= 0
    {
        return Ok(From::Start(Start::At(seq)));
    }
    if let Some(ms) = ago(text) {
        return Ok(From::Ago(ms));
    }
    let midnight = format!("{text}T00:00:00Z");
    let instant = [text, midnight.as_str()].into_iter().find_map(|text| text.parse::<jiff::Timestamp>().ok());
    let instant = instant.ok_or_else(|| {
        "expected a change's number, a time (2026-11-22T10:00:00Z, 2026-11-22, or 2h for two hours ago), \"beginning\" or \"now\""
            .to_owned()
    })?;
    Ok(From::Start(Start::Since(Millis(instant.as_millisecond()))))
}

fn ago(text: &str) -> Option<i64> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let unit_ms = match unit {
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => MS_PER_DAY,
        _ => return None,
    };
    digits.parse::<i64>().ok().filter(|number| *number >= 0)?.checked_mul(unit_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read_as_people_write_them() {
        let check = |text: &str, expected: Start| {
            assert_eq!(parse(text).unwrap().start(Millis(10 * MS_PER_DAY)), expected, "{text}");
        };
        check("beginning", Start::Beginning);
        check(" now ", Start::Now);
        check("17", Start::At(17));
        check("2h", Start::Since(Millis(10 * MS_PER_DAY - 7_200_000)));
        check("7d", Start::Since(Millis(3 * MS_PER_DAY)));
        check("1970-01-02", Start::Since(Millis(MS_PER_DAY)));
        check("1970-01-02T00:00:01+00:00", Start::Since(Millis(MS_PER_DAY + 1_000)));
        for wrong in ["", "-5", "yesterday", "2h ago", "é"] {
            assert!(parse(wrong).unwrap_err().contains("beginning"), "{wrong}");
        }
    }
}

//! Places in the change feed as people name them: a change's number, an instant ([`crate::when`]), an end of the feed.

use model::Millis;
use store::changes::Start;

use crate::when::{self, When};

/// A place in the feed, named on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum From {
    /// At an end of the feed, or at a number.
    Start(Start),
    /// At an instant; how long ago is measured when the command runs.
    Since(When),
}

impl From {
    /// The place, seen from now.
    pub(crate) fn start(self, now: Millis) -> Start {
        match self {
            Self::Start(start) => start,
            Self::Since(when) => Start::Since(when.instant(now)),
        }
    }
}

/// Read a place: `beginning`, `now`, `1234`, `2026-11-22`, `2026-11-22T10:00:00Z`, `15m`, `2h`, `7d`.
pub(crate) fn parse(text: &str) -> Result<From, String> {
    let text = text.trim();
    let wrong = "expected a change's number, a time (2026-11-22T10:00:00Z, 2026-11-22, or 2h for two hours ago), \"beginning\" or \"now\"";
    match (text, text.parse::<i64>()) {
        ("beginning", _) => Ok(From::Start(Start::Beginning)),
        ("now", _) => Ok(From::Start(Start::Now)),
        (_, Ok(seq)) if seq >= 0 => Ok(From::Start(Start::At(seq))),
        (_, Ok(_)) => Err(wrong.into()),
        (_, Err(_)) => when::parse(text).map(From::Since).map_err(|_| wrong.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS_PER_DAY: i64 = 86_400_000;

    #[test]
    fn places_are_read_as_people_write_them() {
        let check = |text: &str, expected: Start| {
            assert_eq!(parse(text).unwrap().start(Millis(10 * MS_PER_DAY)), expected, "{text}");
        };
        check("beginning", Start::Beginning);
        check(" now ", Start::Now);
        check("17", Start::At(17));
        check("2h", Start::Since(Millis(10 * MS_PER_DAY - 7_200_000)));
        check("1970-01-02", Start::Since(Millis(MS_PER_DAY)));
        for wrong in ["", "-5", "yesterday", "2h ago", "é"] {
            assert!(parse(wrong).unwrap_err().contains("beginning"), "{wrong}");
        }
    }
}

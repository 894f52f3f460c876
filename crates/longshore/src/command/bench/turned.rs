//! A clock that goes faster than the machine's, for this process and for those that it starts: what takes an hour is seen in
//! minutes, and all of them agree what time it is.
//!
//! Deadlines are not turned: what answers over a wire answers no faster for it.

use std::ffi::OsString;

use drift::SystemClock;
use model::time::Sleep;
use model::{Clock, Millis};

/// Run a command of this program on a clock that goes faster
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// When it began to, in milliseconds
    #[arg(long)]
    from: i64,
    /// How many times as fast
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    speed: u32,
    /// The command's words
    #[arg(last = true, required = true)]
    words: Vec<OsString>,
}

impl Args {
    /// The clock, and the words as if they were this program's own.
    pub(super) fn turned(&self) -> (TurnedClock, Vec<OsString>) {
        let clock = TurnedClock { from: Millis(self.from), speed: self.speed };
        (clock, std::iter::once("longshore".into()).chain(self.words.iter().cloned()).collect())
    }
}

/// The machine's clock until `from`, and from then on as many times as fast.
#[derive(Debug, Clone, Copy)]
pub(super) struct TurnedClock {
    from: Millis,
    speed: u32,
}

impl TurnedClock {
    /// From now on so many times as fast; 1 is the machine's own clock.
    pub(super) fn from_now(speed: u32) -> Self {
        Self { from: SystemClock.now(), speed }
    }

    /// The words that run a command of this program on this clock.
    pub(super) fn words(self, words: Vec<String>) -> Vec<String> {
        if self.speed == 1 {
            return words;
        }
        let (from, speed) = (self.from.to_string(), self.speed.to_string());
        let turned = ["bench", "turned", "--from", &from, "--speed", &speed, "--"].map(str::to_owned);
        turned.into_iter().chain(words).collect()
    }

    fn at(self, real: Millis) -> Millis {
        let since = real.since(self.from);
        self.from.plus(if since > 0 { since.saturating_mul(i64::from(self.speed)) } else { since })
    }
}

impl Clock for TurnedClock {
    fn now(&self) -> Millis {
        self.at(SystemClock.now())
    }

    fn sleep(&self, ms: u64) -> Sleep {
        SystemClock.sleep(ms.div_ceil(u64::from(self.speed)))
    }

    fn deadline(&self, ms: u64) -> Sleep {
        SystemClock.deadline(ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_passes_in_five_minutes_from_its_beginning_on() {
        let clock = TurnedClock { from: Millis(1_000_000), speed: 12 };
        assert_eq!(clock.at(Millis(999_000)), Millis(999_000));
        assert_eq!(clock.at(Millis(1_000_000 + 300_000)), Millis(1_000_000 + 3_600_000));
    }

    #[test]
    fn what_is_started_goes_by_the_same_clock() {
        let clock = TurnedClock { from: Millis(5), speed: 12 };
        let words = clock.words(vec!["serve".to_owned(), "--quiet".to_owned()]);
        assert_eq!(words, ["bench", "turned", "--from", "5", "--speed", "12", "--", "serve", "--quiet"]);
        let own = TurnedClock { from: Millis(5), speed: 1 };
        assert_eq!(own.words(vec!["serve".to_owned()]), ["serve"]);
    }
}

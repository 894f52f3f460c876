//! The real clock, and a bound on how long something may take.

use std::future::Future;
use std::pin::pin;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::future::{Either, select};
use model::time::Sleep;
use model::{Clock, Millis};

/// The machine's clock, with waits on the tokio runtime.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is where the machine's time enters")]
    fn now(&self) -> Millis {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    #[expect(clippy::disallowed_methods, reason = "this is where the runtime's timer enters")]
    fn sleep(&self, ms: u64) -> Sleep {
        Box::pin(tokio::time::sleep(Duration::from_millis(ms)))
    }
}

/// The time given was used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no answer within {ms} ms")]
pub struct Elapsed {
    /// How long was waited, in milliseconds.
    pub ms: u64,
}

/// Let `work` run for at most `ms` milliseconds of the clock's deadline time.
///
/// # Errors
/// [`Elapsed`] when the time was used up; `work` is dropped then.
pub async fn deadline<T>(clock: &dyn Clock, ms: u64, work: impl Future<Output = T>) -> Result<T, Elapsed> {
    match select(pin!(work), clock.deadline(ms)).await {
        Either::Left((value, _)) => Ok(value),
        Either::Right(((), _)) => Err(Elapsed { ms }),
    }
}

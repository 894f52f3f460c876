//! `GET /users/meetings/org?min_start_time=&max_start_time=&limit=`

use model::Millis;

use crate::call::Call;
use crate::wire::Meetings;
use crate::{Client, Error, Scope};

/// The most that one call gives, and what is asked for: the default would be 100.
const LIMIT_MAX: usize = 1_000;

impl Client {
    /// The organization's meetings that start between two instants. An answer that may have been cut
    /// says so in [`Meetings::maybe_truncated`].
    ///
    /// `GET /users/meetings/org?min_start_time=&max_start_time=&limit=`; scope `user_read`. At most
    /// 1,000 meetings, no pages, and nothing older than 30 days whatever `min` says.
    ///
    /// Drift: "Get booked meetings", <https://devdocs.drift.com/docs/get-booked-meetings>.
    ///
    /// # Errors
    /// As every call: [`Error`].
    pub async fn meetings(&self, min: Millis, max: Millis) -> Result<Meetings, Error> {
        let call = Call::get("/users/meetings/org")
            .query("min_start_time", min)
            .query("max_start_time", max)
            .query("limit", LIMIT_MAX)
            .scope(Scope::UserRead);
        let items = self.list(call).await?;
        Ok(Meetings { maybe_truncated: items.len() >= LIMIT_MAX, items })
    }
}

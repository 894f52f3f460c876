//! `POST /track/multi on the collector's host`

use crate::call::Call;
use crate::endpoint::done;
use crate::wire::Track;
use crate::{Client, Error};

/// Objects in one call.
const OBJECTS_MAX: usize = 600;

impl Client {
    /// Tell the legacy collector of many things that were done.
    ///
    /// `POST /track/multi on the collector's host`; no token, hence no scope. At most 600 a call: for
    /// more, several calls are made.
    ///
    /// Legacy, superseded by timeline events. Drift: "Add contact event",
    /// <https://devdocs.drift.com/docs/add-contact-event>.
    ///
    /// # Errors
    /// As every call: [`Error`]; what was sent in earlier calls stays sent.
    pub async fn track_all(&self, events: &[Track]) -> Result<(), Error> {
        for events in events.chunks(OBJECTS_MAX) {
            self.call_decoded(Call::post("/track/multi").events_host().json(events)?, done).await?;
        }
        Ok(())
    }
}

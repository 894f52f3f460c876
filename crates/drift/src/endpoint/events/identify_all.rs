//! `POST /identify/multi on the collector's host`

use crate::call::Call;
use crate::endpoint::done;
use crate::wire::Identify;
use crate::{Client, Error};

/// Objects in one call.
const OBJECTS_MAX: usize = 600;

impl Client {
    /// Tell the legacy collector what is known of many.
    ///
    /// `POST /identify/multi on the collector's host`; no token, hence no scope. At most 600 a call:
    /// for more, several calls are made.
    ///
    /// Legacy, superseded by timeline events. Drift: "Add contact event",
    /// <https://devdocs.drift.com/docs/add-contact-event>.
    ///
    /// # Errors
    /// As every call: [`Error`]; what was sent in earlier calls stays sent.
    pub async fn identify_all(&self, subjects: &[Identify]) -> Result<(), Error> {
        for subjects in subjects.chunks(OBJECTS_MAX) {
            self.call_decoded(Call::post("/identify/multi").events_host().json(subjects)?, done).await?;
        }
        Ok(())
    }
}

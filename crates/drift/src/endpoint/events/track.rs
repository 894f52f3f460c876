//! `POST /track on the collector's host`

use crate::call::Call;
use crate::endpoint::done;
use crate::wire::{Done, Track};
use crate::{Client, Error};

impl Client {
    /// Tell the legacy collector that somebody did something.
    ///
    /// `POST /track on the collector's host`; no token, hence no scope.
    ///
    /// Legacy, superseded by timeline events. Drift: "Add contact event",
    /// <https://devdocs.drift.com/docs/add-contact-event>.
    ///
    /// # Errors
    /// As every call: [`Error`]. Tried again only where nothing can have been taken.
    pub async fn track(&self, event: &Track) -> Result<Done, Error> {
        self.call_decoded(Call::post("/track").events_host().json(event)?, done).await
    }
}

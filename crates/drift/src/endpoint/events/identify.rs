//! `POST /identify on the collector's host`

use crate::call::Call;
use crate::endpoint::done;
use crate::wire::{Done, Identify};
use crate::{Client, Error};

impl Client {
    /// Tell the legacy collector what is known of somebody.
    ///
    /// `POST /identify on the collector's host`; no token, hence no scope.
    ///
    /// Legacy, superseded by timeline events. Drift: "Add contact event",
    /// <https://devdocs.drift.com/docs/add-contact-event>.
    ///
    /// # Errors
    /// As every call: [`Error`]. Tried again only where nothing can have been taken.
    pub async fn identify(&self, subject: &Identify) -> Result<Done, Error> {
        self.call_decoded(Call::post("/identify").events_host().json(subject)?, done).await
    }
}

//! `GET /teams/org`

use crate::call::Call;
use crate::wire::{List, Team};
use crate::{Client, Error};

impl Client {
    /// All teams of the organization.
    ///
    /// `GET /teams/org`; scope not documented. One answer, no pages.
    ///
    /// Drift: "Team model", <https://devdocs.drift.com/docs/team-model>.
    ///
    /// # Errors
    /// As every call: [`Error`].
    pub async fn teams(&self) -> Result<Vec<Team>, Error> {
        Ok(self.data::<List<Team>>(Call::get("/teams/org")).await?.0)
    }
}

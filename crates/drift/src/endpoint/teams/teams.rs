//! `GET /teams/org`

use crate::call::Call;
use crate::wire::Team;
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
        self.list(Call::get("/teams/org")).await
    }
}

//! `GET /teams/users/{userId}`

use model::UserId;

use crate::call::Call;
use crate::wire::Team;
use crate::{Client, Error};

impl Client {
    /// The teams that a user belongs to.
    ///
    /// `GET /teams/users/{userId}`; scope not documented. One answer, no pages.
    ///
    /// Drift: "Team model", <https://devdocs.drift.com/docs/team-model>.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such user; otherwise as every call.
    pub async fn user_teams(&self, id: UserId) -> Result<Vec<Team>, Error> {
        let call = Call::get("/teams/users").segment(id);
        self.list(call).await
    }
}

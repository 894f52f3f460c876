//! `GET /users?userId=&userId=`

use std::collections::BTreeMap;

use model::UserId;

use crate::answer::Answer;
use crate::call::Call;
use crate::wire::User;
use crate::{Client, DecodeError, Error, Scope};

/// Ids in one call.
const IDS_MAX: usize = 20;

/// The answer is a map by id, not a list.
type ById = BTreeMap<String, Option<User>>;

impl Client {
    /// Some users, in the order of their ids. Those that do not exist are left out.
    ///
    /// `GET /users?userId=&userId=`; scope `user_read`. At most 20 ids a call: for more, several calls
    /// are made.
    ///
    /// Drift: "Retrieving a user", <https://devdocs.drift.com/docs/retrieving-user>.
    ///
    /// # Errors
    /// As every call: [`Error`].
    pub async fn users_by_id(&self, ids: &[UserId]) -> Result<Vec<User>, Error> {
        let mut users = Vec::with_capacity(ids.len());
        for ids in ids.chunks(IDS_MAX) {
            let call = Call::get("/users").scope(Scope::UserRead);
            let call = ids.iter().fold(call, |call, id| call.query("userId", id));
            let by_id = self.call_decoded(call, decode).await?;
            users.extend(by_id.into_values().flatten());
        }
        users.sort_by_key(|user: &User| user.id);
        Ok(users)
    }
}

fn decode(answer: &Answer) -> Result<ById, DecodeError> {
    let by_id: ById = answer.data()?;
    answer.holds(by_id.len());
    Ok(by_id)
}

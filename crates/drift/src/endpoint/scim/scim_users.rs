//! `GET /scim/Users`

use crate::call::Call;
use crate::wire::ScimList;
use crate::{Client, Error};

/// Which users to list, in SCIM's words.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ScimQuery {
    /// A filter, such as `userName eq "…"`.
    pub filter: Option<String>,
    /// The first row to give, from 1.
    pub start_index: Option<u32>,
    /// How many rows to give.
    pub count: Option<u32>,
}

impl Client {
    /// The provisioned users.
    ///
    /// `GET /scim/Users`; scope not documented. Paid plans only. `startIndex` and `count` are SCIM's
    /// own; whether Drift heeds them is not documented.
    ///
    /// Drift: "Searching", <https://devdocs.drift.com/docs/searching>.
    ///
    /// # Errors
    /// As every call: [`Error`].
    pub async fn scim_users(&self, query: &ScimQuery) -> Result<ScimList, Error> {
        let call = Call::get("/scim/Users")
            .query_some("filter", query.filter.as_deref())
            .query_some("startIndex", query.start_index)
            .query_some("count", query.count);
        self.bare(call).await
    }
}

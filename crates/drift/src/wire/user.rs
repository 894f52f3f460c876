#![expect(missing_docs, reason = "the fields are Drift's own and carry its names")]
//! Users: the people of the team, and its bots.

use model::{Millis, OrgId, Pii, UserId};

use super::open_enum::open_enum;
use super::shape::shape;

shape! {
    /// One user.
    ///
    /// Drift: "User model", <https://devdocs.drift.com/docs/user-model>. Keys without a value are absent.
    #[serde(rename_all = "camelCase")]
    pub struct User {
        pub id: UserId,
        pub org_id: Option<OrgId>,
        pub name: Option<Pii<String>>,
        pub alias: Option<Pii<String>>,
        pub email: Option<Pii<String>>,
        pub phone: Option<Pii<String>>,
        pub locale: Option<String>,
        pub availability: Option<Availability>,
        pub role: Option<UserRole>,
        pub time_zone: Option<String>,
        pub avatar_url: Option<Pii<String>>,
        pub verified: Option<bool>,
        pub bot: Option<bool>,
        pub created_at: Option<Millis>,
        pub updated_at: Option<Millis>,
    }
}

open_enum! {
    /// Whether a user takes chats, in the REST API's words. Webhooks use others.
    pub enum Availability {
        /// Takes chats.
        Available = "AVAILABLE",
        /// Does not.
        Offline = "OFFLINE",
        /// Takes them when called.
        OnCall = "ON_CALL",
    }
}

open_enum! {
    /// What a user may do.
    pub enum UserRole {
        /// An ordinary member.
        Member = "member",
        /// An administrator.
        Admin = "admin",
        /// A member who chats only.
        Agent = "agent",
    }
}

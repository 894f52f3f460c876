#![expect(missing_docs, reason = "the fields are Drift's own and carry its names")]
//! Users by SCIM 2.0, for provisioning; paid plans only.
//!
//! Drift: "User schema", <https://devdocs.drift.com/docs/user-schema>.

use model::Pii;

use super::Extra;
use super::shape::shape;

shape! {
    /// A provisioned user, as sent and as answered.
    #[serde(rename_all = "camelCase")]
    pub struct ScimUser {
        pub schemas: Vec<String>,
        pub id: Option<String>,
        /// The e-mail address. Required on creation.
        pub user_name: Option<Pii<String>>,
        /// Required on creation.
        pub display_name: Option<Pii<String>>,
        pub name: Option<ScimName>,
        pub phone_numbers: Vec<ScimPhone>,
        pub roles: Vec<ScimRole>,
        pub locale: Option<String>,
    }
}

impl ScimUser {
    /// The schema of a user, in Drift's spelling.
    pub const SCHEMA: &str = "urn:scim:schemas:core:2.0";

    /// A user to create, with what creation requires.
    #[must_use]
    pub fn new(user_name: impl Into<String>, display_name: impl Into<String>) -> Self {
        Self {
            schemas: vec![Self::SCHEMA.to_owned()],
            id: None,
            user_name: Some(Pii::new(user_name.into())),
            display_name: Some(Pii::new(display_name.into())),
            name: None,
            phone_numbers: Vec::new(),
            roles: Vec::new(),
            locale: None,
            extra: Extra::default(),
        }
    }
}

shape! {
    /// A name in parts.
    #[serde(rename_all = "camelCase")]
    pub struct ScimName {
        pub given_name: Option<Pii<String>>,
        pub family_name: Option<Pii<String>>,
        pub formatted: Option<Pii<String>>,
    }
}

shape! {
    /// A phone number.
    #[serde(rename_all = "camelCase")]
    pub struct ScimPhone {
        pub value: Option<Pii<String>>,
        pub display: Option<Pii<String>>,
        pub primary: Option<bool>,
    }
}

shape! {
    /// A role: `ADMIN`, `MEMBER`, in answers also `OWNER`, or `role-ids=[…]` where access is by roles.
    #[serde(rename_all = "camelCase")]
    pub struct ScimRole {
        pub value: Option<String>,
        pub display: Option<String>,
        pub primary: Option<bool>,
    }
}

shape! {
    /// A list of users. `items_per_page` is 0 even when there are some.
    #[serde(rename_all = "camelCase")]
    pub struct ScimList {
        pub schemas: Vec<String>,
        pub total_results: Option<i64>,
        #[serde(rename = "Resources")]
        pub resources: Vec<ScimUser>,
        pub start_index: Option<i64>,
        pub items_per_page: Option<i64>,
    }
}

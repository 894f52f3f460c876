#![expect(missing_docs, reason = "the fields are Drift's own and carry its names")]
//! Accounts: the companies.

use std::fmt;

use model::{AccountId, Millis, OrgId, UserId};
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::open_enum::open_enum;
use super::shape::shape;
use super::{Extra, Field};

shape! {
    /// One account.
    ///
    /// Drift: "Account model", <https://devdocs.drift.com/docs/account-model>.
    #[serde(rename_all = "camelCase")]
    pub struct Account {
        /// A UUID, or `<orgId>_<domain>`.
        pub account_id: AccountId,
        pub org_id: Option<OrgId>,
        pub owner_id: Option<UserId>,
        pub name: Option<String>,
        /// Unique within the organization.
        pub domain: Option<String>,
        pub custom_properties: Option<CustomProperties>,
        /// Deleted accounts can still be read.
        pub deleted: Option<bool>,
        pub targeted: Option<bool>,
        /// Note the name, unlike elsewhere.
        pub create_date_time: Option<Millis>,
        pub update_date_time: Option<Millis>,
    }
}

shape! {
    /// One custom property of an account.
    #[serde(rename_all = "camelCase")]
    pub struct CustomProperty {
        pub name: Option<String>,
        pub label: Option<String>,
        pub value: Option<Value>,
        #[serde(rename = "type")]
        pub kind: Option<PropertyKind>,
    }
}

open_enum! {
    /// What a custom property of an account holds.
    pub enum PropertyKind {
        /// Text.
        String = "STRING",
        /// An e-mail address.
        Email = "EMAIL",
        /// A number.
        Number = "NUMBER",
        /// A user.
        TeamMember = "TEAMMEMBER",
        /// One of a set of words.
        Enum = "ENUM",
        /// Several of a set of words.
        EnumArray = "ENUMARRAY",
        /// A day.
        Date = "DATE",
        /// An instant.
        DateTime = "DATETIME",
        /// A place.
        LatLon = "LATLON",
        /// A latitude.
        Lat = "LAT",
        /// A longitude.
        Lon = "LON",
        /// A phone number.
        Phone = "PHONE",
        /// An address on the web.
        Url = "URL",
    }
}

/// An account's custom properties: a list by Drift's page, and `{}` when empty in answers seen.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(transparent)]
pub struct CustomProperties(pub Vec<CustomProperty>);

impl Field for CustomProperties {
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Vec<CustomProperty>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of properties, or an object")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut properties = Vec::new();
                while let Some(property) = seq.next_element()? {
                    properties.push(property);
                }
                Ok(properties)
            }
            /// An object that is not empty has only been imagined; its pairs are kept as name and value.
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut properties = Vec::new();
                while let Some((name, value)) = map.next_entry()? {
                    properties.push(CustomProperty {
                        name: Some(name),
                        label: None,
                        value: Some(value),
                        kind: None,
                        extra: Extra::default(),
                    });
                }
                Ok(properties)
            }
        }
        deserializer.deserialize_any(Either).map(Self)
    }
}

impl<'de> Deserialize<'de> for CustomProperties {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::read(deserializer)
    }
}

#![expect(missing_docs, reason = "the fields are Drift's own and carry its names")]
//! Bought-in data about a contact. The key is `socialProfiles`; the accounts inside are kept as they come.

use model::Pii;
use serde_json::Value;

use super::shape::shape;

shape! {
    /// What an enrichment service knew.
    #[serde(rename_all = "camelCase")]
    pub struct SocialProfiles {
        pub id: Option<Pii<String>>,
        pub email: Option<Pii<String>>,
        pub fuzzy: Option<bool>,
        pub email_provider: Option<bool>,
        /// An instant, or a text that names one.
        pub active_at: Option<Value>,
        /// An instant, or a text that names one.
        pub indexed_at: Option<Value>,
        pub name: Option<SocialName>,
        pub employment: Option<Employment>,
        pub geo: Option<Geo>,
    }
}

shape! {
    /// A person's name.
    #[serde(rename_all = "camelCase")]
    pub struct SocialName {
        pub full_name: Option<Pii<String>>,
        pub given_name: Option<Pii<String>>,
        pub family_name: Option<Pii<String>>,
    }
}

shape! {
    /// A person's work.
    #[serde(rename_all = "camelCase")]
    pub struct Employment {
        pub domain: Option<String>,
        pub name: Option<String>,
        pub title: Option<Pii<String>>,
        pub role: Option<String>,
        pub seniority: Option<String>,
    }
}

shape! {
    /// A person's place.
    #[serde(rename_all = "camelCase")]
    pub struct Geo {
        pub city: Option<Pii<String>>,
        pub state: Option<String>,
        pub state_code: Option<String>,
        pub country: Option<String>,
        pub country_code: Option<String>,
        pub lat: Option<Pii<f64>>,
        pub lng: Option<Pii<f64>>,
    }
}

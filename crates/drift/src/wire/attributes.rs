#![expect(missing_docs, reason = "the fields are Drift's own and carry its names")]
//! What is known about a contact.
//!
//! A mixture, as Drift's is: its own keys in three spellings, and the customer's own, which are the rest (`extra`).

use model::{Millis, Pii};
use serde_json::Value;

use super::shape::shape;
use super::{Extra, SocialProfiles, Tag};

shape! {
    /// A contact's attributes. Custom ones are in `extra`, with case-sensitive names.
    pub struct Attributes {
        pub name: Option<Pii<String>>,
        pub email: Option<Pii<String>>,
        pub phone: Option<Pii<String>>,
        /// The site's own id for the person, first spelling; see [`Attributes::external_id`].
        #[serde(rename = "externalId")]
        pub external_id_camel: Option<Pii<String>>,
        /// The same, second spelling; after a creation both come.
        #[serde(rename = "external_id")]
        pub external_id_snake: Option<Pii<String>>,
        pub events: Option<Extra>,
        /// Bought-in data about the person.
        #[serde(rename = "socialProfiles")]
        pub social_profiles: Option<SocialProfiles>,
        /// Legacy; attributes replace them.
        pub tags: Vec<Tag>,
        pub _calculated_version: Option<i64>,
        pub _end_user_version: Option<i64>,
        #[serde(rename = "_END_USER_VERSION")]
        pub _end_user_version_upper: Option<i64>,
        pub _classification: Option<String>,
        pub start_date: Option<Millis>,
        pub last_active: Option<Millis>,
        pub last_contacted: Option<Millis>,
        /// May be several, joined with commas.
        pub ip: Option<Pii<String>>,
        pub original_ip: Option<Pii<String>>,
        pub first_name: Option<Pii<String>>,
        pub last_name: Option<Pii<String>>,
        pub display_location: Option<Pii<String>>,
        pub employment_name: Option<Pii<String>>,
        pub employment_title: Option<Pii<String>>,
        pub recent_entrance_page_url: Option<Pii<String>>,
        pub recent_entrance_page_title: Option<String>,
        pub original_entrance_page_url: Option<Pii<String>>,
        pub original_entrance_page_title: Option<String>,
        pub recent_conversation_started_page_url: Option<Pii<String>>,
        pub recent_conversation_started_page_title: Option<String>,
        pub original_conversation_started_page_url: Option<Pii<String>>,
        pub original_conversation_started_page_title: Option<String>,
        pub recent_medium: Option<String>,
        pub recent_source: Option<String>,
        pub recent_referer_url: Option<Pii<String>>,
        pub original_referer_url: Option<Pii<String>>,
        /// JSON text inside a text; see [`Attributes::last_location`].
        pub last_context_location: Option<Pii<String>>,
    }
}

impl Attributes {
    /// The site's own id for the person, whichever of its two keys came.
    #[must_use]
    pub fn external_id(&self) -> Option<&Pii<String>> {
        self.external_id_camel.as_ref().or(self.external_id_snake.as_ref())
    }

    /// [`Attributes::external_id`], by value.
    #[must_use]
    pub fn into_external_id(self) -> Option<Pii<String>> {
        self.external_id_camel.or(self.external_id_snake)
    }

    /// Where the contact was last, when there is such a text and it can be read.
    #[must_use]
    pub fn last_location(&self) -> Option<Location> {
        serde_json::from_str(self.last_context_location.as_ref()?.expose()).ok()
    }

    /// A custom attribute.
    #[must_use]
    pub fn custom(&self, name: &str) -> Option<&Value> {
        self.extra.get(name)
    }
}

shape! {
    /// A place, found from an address on the network.
    #[serde(rename_all = "camelCase")]
    pub struct Location {
        pub city: Option<Pii<String>>,
        pub region: Option<String>,
        /// Two letters.
        pub country: Option<String>,
        pub country_name: Option<String>,
        pub postal_code: Option<Pii<String>>,
        pub latitude: Option<Pii<f64>>,
        pub longitude: Option<Pii<f64>>,
    }
}

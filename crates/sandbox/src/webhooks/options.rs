//! Where webhooks go, and which: the Events section of the app's settings page.

use std::collections::BTreeSet;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use url::Url;

use super::{DeliveryFaults, WEBHOOK_TYPES};

/// Deliveries under way at once, at most.
const CONCURRENT_MAX: usize = 256;
/// Most attempts of a delivery.
const ATTEMPTS_MAX: u32 = 100;

/// All choices about webhooks. The default sends none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WebhookOptions {
    /// Where to post: `http://`, since the sandbox's sender speaks no TLS.
    pub url: Option<String>,
    /// Whether deliveries wait for [`crate::Sandbox::take_webhooks`] instead; nothing is posted then.
    pub collect: bool,
    /// The app's verification token; for the sandbox alone, so it has a well-known default.
    pub token: String,
    /// The types that are ticked.
    pub types: WebhookTypes,
    /// What goes wrong.
    pub faults: DeliveryFaults,
    /// Deliveries under way at once. More than one can change their order.
    pub concurrent: usize,
    /// How long an answer is waited for, in milliseconds. Not documented by Drift.
    pub deadline_ms: u64,
    /// How often a delivery is tried. Drift documents no second time.
    pub attempts: u32,
    /// Time from an attempt to the next, in milliseconds.
    pub retry_ms: u64,
}

impl Default for WebhookOptions {
    fn default() -> Self {
        Self {
            url: None,
            collect: false,
            token: "sandbox-webhook-token".to_owned(),
            types: WebhookTypes::default(),
            faults: DeliveryFaults::default(),
            concurrent: 4,
            deadline_ms: 5_000,
            attempts: 1,
            retry_ms: 1_000,
        }
    }
}

impl WebhookOptions {
    /// Deliveries for a test that takes them in process.
    #[must_use]
    pub fn collected() -> Self {
        Self { collect: true, ..Self::default() }
    }

    /// Deliveries to an address.
    #[must_use]
    pub fn to(url: impl Into<String>) -> Self {
        Self { url: Some(url.into()), ..Self::default() }
    }

    /// Whether anybody gets them.
    #[must_use]
    pub const fn is_on(&self) -> bool {
        self.collect || self.url.is_some()
    }

    /// What is wrong with these options, if anything.
    #[must_use]
    pub fn complaint(&self) -> Option<String> {
        let url = self.url.as_deref().map(|url| Url::parse(url).map(|url| url.scheme() == "http"));
        if url.is_some_and(|url| url != Ok(true)) {
            return Some("the webhook url must be an absolute http:// address".to_owned());
        }
        if !(1..=CONCURRENT_MAX).contains(&self.concurrent) {
            return Some(format!("concurrent is {}: 1 to {CONCURRENT_MAX}", self.concurrent));
        }
        if !(1..=ATTEMPTS_MAX).contains(&self.attempts) {
            return Some(format!("attempts is {}: 1 to {ATTEMPTS_MAX}", self.attempts));
        }
        if self.deadline_ms == 0 {
            return Some("deadline_ms is 0: no answer comes in no time".to_owned());
        }
        self.types.complaint().or_else(|| self.faults.complaint())
    }
}

/// The ticked types: all of them, or those that are named.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WebhookTypes(Option<BTreeSet<String>>);

impl WebhookTypes {
    /// These alone.
    pub fn only<'a>(types: impl IntoIterator<Item = &'a str>) -> Self {
        Self(Some(types.into_iter().map(str::to_owned).collect()))
    }

    /// Whether a type is ticked.
    #[must_use]
    pub fn has(&self, kind: &str) -> bool {
        self.0.as_ref().is_none_or(|types| types.contains(kind))
    }

    fn complaint(&self) -> Option<String> {
        let unknown = self.0.iter().flatten().find(|kind| !WEBHOOK_TYPES.contains(&kind.as_str()))?;
        Some(format!("no webhook \"{unknown}\": expected {}", WEBHOOK_TYPES.join(", ")))
    }
}

impl FromStr for WebhookTypes {
    type Err = String;

    /// `all`, or types divided by commas.
    fn from_str(text: &str) -> Result<Self, String> {
        if text == "all" {
            return Ok(Self::default());
        }
        let types = Self::only(text.split(',').map(str::trim).filter(|kind| !kind.is_empty()));
        types.complaint().map_or(Ok(types), Err)
    }
}

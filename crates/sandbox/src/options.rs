//! Everything about a sandbox that can be chosen before it starts.
//!
//! The defaults are the Drift of the documentation: tokens that live two hours, all scopes, both hosts' list forms,
//! and no general rate limit, because Drift publishes none. The 60 calls a minute of the reports are documented.

use std::path::PathBuf;
use std::str::FromStr;

use model::Millis;
use serde::{Deserialize, Serialize};

use crate::faults::FaultProfile;
use crate::scope::ScopeSet;
use crate::webhooks::WebhookOptions;
use crate::world::Shape;

/// Life of an access token: about two hours (Drift: Authentication and scopes).
pub const TOKEN_LIFETIME_MS: i64 = 7_200_000;
/// Life of an authorization code; Drift does not say, other makers' codes live about a minute.
pub const CODE_LIFETIME_MS: i64 = 60_000;
/// Report calls a minute (Drift: Conversation reporting).
pub const REPORTS_PER_MINUTE: u32 = 60;
/// Entries the request log keeps unless told otherwise; about 25 MB when full.
pub const LOG_ENTRIES_MAX: usize = 200_000;

/// Where the world comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Computed from the seed: any number of conversations, none of them stored.
    Generated {
        /// How many conversations there are at the start.
        conversations: u64,
    },
    /// Read from a file of dialogues, one JSON object a line.
    Dialogues(PathBuf),
}

/// Which form `GET /conversations/list` answers in (Drift's two pages contradict each other).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ListForm {
    /// `links.next` with `page_token`, at most 100 rows, on every host.
    Newer,
    /// `pagination{more,next}`, at most 50 rows, on every host.
    Older,
    /// The newer form on `api.drift.com` and for whoever sends a `page_token`, the older one elsewhere.
    #[default]
    ByHost,
}

impl FromStr for ListForm {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "newer" => Ok(Self::Newer),
            "older" => Ok(Self::Older),
            "by-host" | "by_host" => Ok(Self::ByHost),
            other => Err(format!("no list form \"{other}\": expected newer, older or by-host")),
        }
    }
}

/// The HTTP status of a missing, unknown, expired or revoked token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthFailure {
    /// 401, as several clients expect.
    Unauthorized,
    /// 403, as documented (Drift: Data and errors).
    #[default]
    Forbidden,
}

/// The leaky bucket of the organization.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RateLimit {
    /// Calls that leak out a minute; `None` for no limit.
    pub per_minute: Option<u32>,
    /// Calls the bucket holds: how many may come at once after a rest. At least 1.
    pub burst: u32,
    /// Calls to the reports a minute, which have a bucket of their own; `None` for no limit.
    pub reports_per_minute: Option<u32>,
    /// Whether answers carry `X-RateLimit-Limit`, `-Remaining` and `-Reset` (seconds until the bucket is empty).
    pub headers: bool,
    /// Whether a 429 carries `Retry-After`, in whole seconds.
    pub retry_after: bool,
}

impl Default for RateLimit {
    fn default() -> Self {
        Self {
            per_minute: None,
            burst: 10,
            reports_per_minute: Some(REPORTS_PER_MINUTE),
            headers: false,
            retry_after: true,
        }
    }
}

impl RateLimit {
    /// No limit at all, not even for reports.
    #[must_use]
    pub fn none() -> Self {
        Self { per_minute: None, reports_per_minute: None, ..Self::default() }
    }

    /// A limit of `per_minute` calls with the default burst.
    #[must_use]
    pub fn per_minute(per_minute: u32) -> Self {
        Self { per_minute: Some(per_minute), ..Self::default() }
    }
}

/// All choices of a sandbox. `Options::default()` is a healthy Drift with 500 conversations.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where the conversations come from.
    pub source: Source,
    /// Everything that is drawn is drawn from this.
    pub seed: u64,
    /// How long the conversations of a generated world are.
    pub shape: Shape,
    /// When the world's history ends; `None` for the moment of the start.
    pub ends_at: Option<Millis>,
    /// The form of the conversation list.
    pub list_form: ListForm,
    /// The organization's budget.
    pub rate: RateLimit,
    /// Life of an access token in milliseconds.
    pub token_lifetime_ms: i64,
    /// Life of an authorization code in milliseconds.
    pub code_lifetime_ms: i64,
    /// Whether a refresh yields a new refresh token and kills the old one (not documented by Drift).
    pub rotate_refresh_tokens: bool,
    /// For how long, in milliseconds, a refresh token that was replaced may be used again, as after an answer that was lost;
    /// 0 for never (Drift documents neither).
    pub refresh_grace_ms: i64,
    /// Scopes ticked on the app's settings page; consent and the first private token get these.
    pub scopes: ScopeSet,
    /// The status of a bad token.
    pub auth_failure: AuthFailure,
    /// The app's name, as the consent page shows it.
    pub app_name: String,
    /// The public app's id.
    pub client_id: String,
    /// The public app's secret; for the sandbox alone, so it has a well-known default.
    pub client_secret: String,
    /// The one redirect address saved for the app.
    pub redirect_uri: String,
    /// Whether the callback joins `state` with a second `?`, as the sample of Drift's page does.
    pub second_question_mark: bool,
    /// A token for the private app, if it should be a known one; otherwise one is drawn.
    pub private_token: Option<String>,
    /// Scheme and host for absolute links; `None` for those of the request.
    pub public_url: Option<String>,
    /// What goes wrong.
    pub faults: FaultProfile,
    /// Changes a minute while serving on a socket; 0 for a still world.
    pub traffic_per_minute: u32,
    /// Where webhooks go, and how they fail.
    pub webhooks: WebhookOptions,
    /// Entries the request log keeps.
    pub log_entries_max: usize,
    /// Whether `/_sandbox` answers callers from other machines.
    pub control_from_anywhere: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            source: Source::Generated { conversations: 500 },
            seed: 7,
            shape: Shape::default(),
            ends_at: None,
            list_form: ListForm::default(),
            rate: RateLimit::default(),
            token_lifetime_ms: TOKEN_LIFETIME_MS,
            code_lifetime_ms: CODE_LIFETIME_MS,
            rotate_refresh_tokens: true,
            refresh_grace_ms: 0,
            scopes: ScopeSet::all(),
            auth_failure: AuthFailure::default(),
            app_name: "Longshore".to_owned(),
            client_id: "sandbox-app".to_owned(),
            client_secret: "sandbox-secret".to_owned(),
            redirect_uri: "http://127.0.0.1:8917/callback".to_owned(),
            second_question_mark: false,
            private_token: None,
            public_url: None,
            faults: FaultProfile::default(),
            traffic_per_minute: 0,
            webhooks: WebhookOptions::default(),
            log_entries_max: LOG_ENTRIES_MAX,
            control_from_anywhere: false,
        }
    }
}

//! The flags of `longshore sandbox`: every choice of the sandbox, by the sandbox's own names.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use model::Millis;
use sandbox::world::Shape;
use sandbox::{
    AuthFailure, BindOptions, DeliveryFaults, FaultProfile, ListForm, Options, RateLimit, ScopeSet, Source,
    TlsOptions, WebhookOptions, WebhookTypes,
};

use crate::failure::Failure;

const MS_PER_SECOND: i64 = 1_000;

/// Serve a Drift of your own: the same routes and quirks, from a seed or from a file
///
/// It needs no account and no network. Everything that talks to Drift can be tried against it, with faults on demand.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Port to listen on; 0 for any free one
    #[arg(long, default_value_t = 4010, help_heading = "Listening")]
    port: u16,
    /// Address to listen on
    #[arg(long, default_value = "127.0.0.1", value_name = "IP", help_heading = "Listening")]
    address: IpAddr,
    /// Serve Drift's own host names over TLS, with a certificate authority of its own
    #[arg(long, help_heading = "Listening")]
    tls: bool,
    /// Keep that authority in this folder, to be trusted once
    #[arg(long, value_name = "DIR", requires = "tls", help_heading = "Listening")]
    ca_dir: Option<PathBuf>,
    /// Present the certificate of this host instead: clients must refuse it
    #[arg(long, value_name = "HOST", requires = "tls", help_heading = "Listening")]
    certificate_for: Option<String>,
    /// Scheme and host of absolute links, when not those of the request
    #[arg(long, value_name = "URL", help_heading = "Listening")]
    public_url: Option<String>,
    /// Let other machines use the control routes under /_sandbox
    #[arg(long, help_heading = "Listening")]
    control_from_anywhere: bool,

    /// How many conversations the world has; they are computed, not stored
    #[arg(long, value_name = "N", default_value_t = 500, help_heading = "World")]
    conversations: u64,
    /// Take the conversations from this file instead, one JSON object a line
    #[arg(long, value_name = "FILE", conflicts_with = "conversations", help_heading = "World")]
    dialogues: Option<PathBuf>,
    /// Everything that is drawn is drawn from this
    #[arg(long, default_value_t = 7, help_heading = "World")]
    seed: u64,
    /// When the world's history ends, in Unix milliseconds; now, if not given
    #[arg(long, value_name = "MS", help_heading = "World")]
    ends_at: Option<i64>,
    /// Messages of each conversation, MIN-MAX; as in life, if not given
    #[arg(long, value_name = "MIN-MAX", value_parser = shape, help_heading = "World")]
    messages: Option<Shape>,
    /// Changes a minute while it runs: new conversations, messages, edits, status
    #[arg(long, value_name = "N", default_value_t = 0, help_heading = "World")]
    traffic: u32,

    /// Form of the conversation list: newer, older or by-host
    #[arg(long, value_name = "FORM", default_value = "by-host", help_heading = "Behaviour")]
    list_form: ListForm,
    /// Calls a minute that are let through; no limit, if not given
    #[arg(long, value_name = "N", help_heading = "Behaviour")]
    rate: Option<u32>,
    /// How many of them may come at once after a rest
    #[arg(long, value_name = "N", default_value_t = RateLimit::default().burst, help_heading = "Behaviour")]
    burst: u32,
    /// Report calls a minute; 0 for no limit
    #[arg(long, value_name = "N", default_value_t = sandbox::options::REPORTS_PER_MINUTE, help_heading = "Behaviour")]
    reports_rate: u32,
    /// Tell the limit in X-RateLimit headers
    #[arg(long, help_heading = "Behaviour")]
    rate_headers: bool,
    /// Refuse without Retry-After
    #[arg(long, help_heading = "Behaviour")]
    no_retry_after: bool,
    /// What goes wrong: the name of a profile (calm, rough, hostile, throttled, …) or a JSON file with rules
    #[arg(long, value_name = "NAME|FILE", default_value = "calm", help_heading = "Behaviour")]
    faults: String,
    /// Status of a bad token: 401 or 403
    #[arg(long, value_name = "STATUS", default_value = "403", value_parser = ["401", "403"], help_heading = "Behaviour")]
    auth_failure: String,
    /// Requests kept in the log
    #[arg(long, value_name = "N", default_value_t = sandbox::options::LOG_ENTRIES_MAX, help_heading = "Behaviour")]
    log_entries: usize,

    /// Post webhooks of what happens to this address; http:// alone
    #[arg(long, value_name = "URL", help_heading = "Webhooks")]
    webhook_url: Option<String>,
    /// The verification token that webhooks carry
    #[arg(long, value_name = "TEXT", default_value_t = WebhookOptions::default().token, help_heading = "Webhooks")]
    webhook_token: String,
    /// Which types are sent, divided by commas; or all
    #[arg(long, value_name = "LIST", default_value = "all", help_heading = "Webhooks")]
    webhook_types: WebhookTypes,
    /// How deliveries fail: calm, rough, or a JSON file
    #[arg(long, value_name = "NAME|FILE", default_value = "calm", help_heading = "Webhooks")]
    webhook_faults: String,

    /// Scopes of the app, divided by commas; or all
    #[arg(long, value_name = "LIST", default_value = "all", help_heading = "App and tokens")]
    scopes: ScopeSet,
    /// The app's name on the consent page
    #[arg(long, value_name = "NAME", default_value_t = Options::default().app_name, help_heading = "App and tokens")]
    app_name: String,
    /// The public app's id
    #[arg(long, value_name = "ID", default_value_t = Options::default().client_id, help_heading = "App and tokens")]
    client_id: String,
    /// The public app's secret, good for this sandbox alone
    #[arg(long, value_name = "TEXT", default_value_t = Options::default().client_secret, help_heading = "App and tokens")]
    client_secret: String,
    /// The redirect address saved for the app
    #[arg(long, value_name = "URL", default_value_t = Options::default().redirect_uri, help_heading = "App and tokens")]
    redirect_uri: String,
    /// The private app's token; drawn, if not given
    #[arg(long, value_name = "TEXT", help_heading = "App and tokens")]
    private_token: Option<String>,
    /// Life of an access token, in seconds
    #[arg(long, value_name = "S", default_value_t = 7_200, help_heading = "App and tokens")]
    token_seconds: u32,
    /// Life of an authorization code, in seconds
    #[arg(long, value_name = "S", default_value_t = 60, help_heading = "App and tokens")]
    code_seconds: u32,
    /// Let a refresh token live on after its use
    #[arg(long, help_heading = "App and tokens")]
    keep_refresh_token: bool,
    /// For how long a used refresh token may be used again, in seconds
    #[arg(long, value_name = "S", default_value_t = 0, help_heading = "App and tokens")]
    refresh_grace_seconds: u32,
    /// Join state to the callback with a second "?", as a sample of Drift's pages does
    #[arg(long, help_heading = "App and tokens")]
    second_question_mark: bool,
}

impl Args {
    /// As the sandbox takes them.
    pub(super) fn options(self) -> Result<(Options, BindOptions), Failure> {
        let faults = faults(&self.faults, self.seed)?;
        let webhooks = WebhookOptions {
            url: self.webhook_url,
            token: self.webhook_token,
            types: self.webhook_types,
            faults: webhook_faults(&self.webhook_faults, self.seed)?,
            ..WebhookOptions::default()
        };
        let source = match self.dialogues {
            Some(path) => Source::Dialogues(path),
            None => Source::Generated { conversations: self.conversations },
        };
        let rate = RateLimit {
            per_minute: self.rate.filter(|rate| *rate > 0),
            burst: self.burst.max(1),
            reports_per_minute: Some(self.reports_rate).filter(|rate| *rate > 0),
            headers: self.rate_headers,
            retry_after: !self.no_retry_after,
        };
        let auth_failure =
            if self.auth_failure == "401" { AuthFailure::Unauthorized } else { AuthFailure::Forbidden };
        let tls =
            self.tls.then_some(TlsOptions { folder: self.ca_dir, certificate_for: self.certificate_for });
        let options = Options {
            source,
            seed: self.seed,
            shape: self.messages.unwrap_or_default(),
            ends_at: self.ends_at.map(Millis),
            list_form: self.list_form,
            rate,
            token_lifetime_ms: i64::from(self.token_seconds) * MS_PER_SECOND,
            code_lifetime_ms: i64::from(self.code_seconds) * MS_PER_SECOND,
            rotate_refresh_tokens: !self.keep_refresh_token,
            refresh_grace_ms: i64::from(self.refresh_grace_seconds) * MS_PER_SECOND,
            scopes: self.scopes,
            auth_failure,
            app_name: self.app_name,
            client_id: self.client_id,
            client_secret: self.client_secret,
            redirect_uri: self.redirect_uri,
            second_question_mark: self.second_question_mark,
            private_token: self.private_token,
            public_url: self.public_url,
            faults,
            traffic_per_minute: self.traffic,
            webhooks,
            log_entries_max: self.log_entries,
            control_from_anywhere: self.control_from_anywhere,
        };
        Ok((options, BindOptions { address: self.address, port: self.port, tls }))
    }
}

/// A profile by its name, or from a file of rules.
fn faults(text: &str, seed: u64) -> Result<FaultProfile, Failure> {
    let path = Path::new(text);
    if !path.is_file() {
        return FaultProfile::preset(text, seed).map_err(|error| {
            Failure::usage(format!("--faults: {error}")).hint("or name a JSON file with rules")
        });
    }
    let rules = std::fs::read_to_string(path).map_err(|error| Failure::input(path, &error))?;
    serde_json::from_str(&rules).map_err(|error| {
        Failure::usage(format!("{}:{}:{}: {error}", path.display(), error.line(), error.column())).hint(
            "a file of faults reads {\"rules\":[{\"fault\":\"server_error\",\"status\":503,\"percent\":5}]}",
        )
    })
}

/// A profile by its name, or from a file.
fn webhook_faults(text: &str, seed: u64) -> Result<DeliveryFaults, Failure> {
    let path = Path::new(text);
    if !path.is_file() {
        return DeliveryFaults::preset(text, seed).map_err(|error| {
            Failure::usage(format!("--webhook-faults: {error}")).hint("or name a JSON file")
        });
    }
    let profile = std::fs::read_to_string(path).map_err(|error| Failure::input(path, &error))?;
    serde_json::from_str(&profile).map_err(|error| {
        Failure::usage(format!("{}:{}:{}: {error}", path.display(), error.line(), error.column()))
            .hint("a file of webhook faults reads {\"seed\":7,\"doubled_percent\":30,\"lost_percent\":20}")
    })
}

fn shape(text: &str) -> Result<Shape, String> {
    let parts = text.split_once('-').and_then(|(min, max)| Some((min.parse().ok()?, max.parse().ok()?)));
    match parts {
        Some((min, max)) if min <= max => Ok(Shape::uniform(min, max)),
        _ => Err("expected two numbers such as 12-120".into()),
    }
}

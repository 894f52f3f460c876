//! The sandbox itself: one organization, its tokens, its bucket, its faults, its log.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, PoisonError, RwLock};

use axum::Router;
use axum::extract::Request;
use axum::extract::State;
use model::{Clock, Entropy, Millis, Secret};

use crate::answer::Answer;
use crate::bucket::Bucket;
use crate::door::{self, Connection};
use crate::faults::Faults;
use crate::log::RequestLog;
use crate::options::{AuthFailure, Options, RateLimit, Source};
use crate::scope::ScopeSet;
use crate::tokens::{Refused, Terms, Tokens, draw};
use crate::traffic::Traffic;
use crate::webhooks::{Delivery, WebhookCounts, WebhookOptions, Webhooks, example};
use crate::world::{DialogueError, Listener, Notice, World};

/// Why a sandbox could not be made.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The file of dialogues is not what was expected.
    #[error("could not load the dialogues\nhint: one JSON object a line, with \"id\" and \"turns\"")]
    Dialogues(#[from] DialogueError),
    /// The fault profile cannot be played.
    #[error("the fault profile is wrong: {0}")]
    Faults(String),
    /// The choices about webhooks do not go together.
    #[error("the webhooks are wrong: {0}")]
    Webhooks(String),
}

/// A running double of Drift; clones are the same sandbox.
#[derive(Clone)]
pub struct Sandbox {
    pub(crate) inner: Arc<Inner>,
}

/// What the app's settings page holds; may change while the sandbox runs.
#[derive(Debug, Clone)]
pub(crate) struct App {
    pub(crate) redirect_uri: String,
    pub(crate) scopes: ScopeSet,
}

pub(crate) struct Inner {
    pub(crate) options: Options,
    pub(crate) world: World,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) tokens: Tokens,
    pub(crate) rate: RwLock<RateLimit>,
    pub(crate) bucket: Bucket,
    pub(crate) reports_bucket: Bucket,
    pub(crate) faults: Faults,
    pub(crate) log: RequestLog,
    pub(crate) traffic: Traffic,
    pub(crate) webhooks: Arc<Webhooks>,
    /// Requests to the API so far.
    pub(crate) numbers: AtomicU64,
    app: RwLock<App>,
    private_token: Secret,
}

impl Sandbox {
    /// Build the world and issue the first private token.
    ///
    /// # Errors
    /// When the dialogues cannot be read, or the fault profile has a value out of range.
    pub fn new(
        options: Options,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self, SandboxError> {
        if let Some(complaint) = options.faults.complaint() {
            return Err(SandboxError::Faults(complaint));
        }
        if let Some(complaint) = options.webhooks.complaint() {
            return Err(SandboxError::Webhooks(complaint));
        }
        let now = clock.now();
        let world = build_world(&options, now)?;
        let terms = Terms {
            lifetime_ms: options.token_lifetime_ms,
            code_lifetime_ms: options.code_lifetime_ms,
            rotate: options.rotate_refresh_tokens,
            grace_ms: options.refresh_grace_ms,
        };
        let private = options.private_token.clone().unwrap_or_else(|| draw("sbx-pt-", &*entropy));
        let tokens = Tokens::new(terms);
        tokens.issue_private(&private, options.scopes, now);
        let rate = options.rate.clone();
        let world_org = world.org_id();
        let inner = Inner {
            world,
            tokens,
            bucket: Bucket::new(rate.per_minute, rate.burst, now),
            reports_bucket: Bucket::new(rate.reports_per_minute, rate.burst, now),
            faults: Faults::new(options.faults.clone()),
            log: RequestLog::new(options.log_entries_max),
            traffic: Traffic::new(options.traffic_per_minute),
            webhooks: Arc::new(Webhooks::new(options.webhooks.clone(), world_org)),
            numbers: AtomicU64::new(0),
            app: RwLock::new(App { redirect_uri: options.redirect_uri.clone(), scopes: options.scopes }),
            private_token: Secret::new(private),
            rate: RwLock::new(rate),
            options,
            clock,
            entropy,
        };
        inner.listen();
        Ok(Self { inner: Arc::new(inner) })
    }

    /// All hosts in process, without a socket. The host is the one in `Host` or in the request's own address.
    pub fn router(&self) -> Router {
        async fn handle(State(sandbox): State<Sandbox>, request: Request) -> axum::response::Response {
            door::answer(&sandbox.inner, request, Connection::IN_PROCESS).await
        }
        Router::new().fallback(handle).with_state(self.clone())
    }

    /// The world behind the API.
    #[must_use]
    pub fn world(&self) -> &World {
        &self.inner.world
    }

    /// What was asked and answered.
    #[must_use]
    pub fn log(&self) -> &RequestLog {
        &self.inner.log
    }

    /// What goes wrong.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.inner.faults
    }

    /// The options it was made with.
    #[must_use]
    pub fn options(&self) -> &Options {
        &self.inner.options
    }

    /// The first private token: all of the options' scopes, never expires.
    #[must_use]
    pub fn private_token(&self) -> &str {
        self.inner.private_token.expose()
    }

    /// Make another token for the private app.
    #[must_use]
    pub fn issue_private_token(&self, scopes: ScopeSet) -> String {
        let text = draw("sbx-pt-", &*self.inner.entropy);
        self.inner.tokens.issue_private(&text, scopes, self.inner.clock.now());
        text
    }

    /// Refreshes that yielded a token, without those of [`Sandbox::replays`].
    #[must_use]
    pub fn refreshes(&self) -> u64 {
        self.inner.tokens.refreshes()
    }

    /// Refreshes that yielded a token for a refresh token that had been used before, within the time of grace.
    #[must_use]
    pub fn replays(&self) -> u64 {
        self.inner.tokens.replays()
    }

    /// Let all access tokens of public apps expire now. Gives how many.
    pub fn expire_tokens(&self) -> usize {
        self.inner.tokens.expire(None, self.inner.clock.now())
    }

    /// Revoke all tokens, private and public, with their grants. Gives how many.
    pub fn revoke_tokens(&self) -> usize {
        self.inner.tokens.revoke(None)
    }

    /// Save another redirect address for the app.
    pub fn set_redirect_uri(&self, redirect_uri: impl Into<String>) {
        self.inner.set_app(Some(redirect_uri.into()), None);
    }

    /// Tick other scopes on the app's settings page. Tokens already issued keep what they have, as in Drift.
    pub fn set_scopes(&self, scopes: ScopeSet) {
        self.inner.set_app(None, Some(scopes));
    }

    /// Change the rate limit; the buckets start empty.
    pub fn set_rate(&self, rate: RateLimit) {
        self.inner.set_rate(rate);
    }

    /// Changes a minute while serving on a socket; 0 for a still world.
    pub fn set_traffic(&self, per_minute: u32) {
        self.inner.traffic.set(per_minute);
    }
}

/// Webhooks, for a harness in process.
impl Sandbox {
    /// The deliveries that are due by now, in the order of their times. For options with `collect`; each is given once.
    #[must_use]
    pub fn take_webhooks(&self) -> Vec<Delivery> {
        self.inner.webhooks.take_due(self.inner.clock.now(), usize::MAX)
    }

    /// When the next delivery is due; `None` when none waits.
    #[must_use]
    pub fn next_webhook_at(&self) -> Option<Millis> {
        self.inner.webhooks.next_due()
    }

    /// What became of events and deliveries.
    #[must_use]
    pub fn webhook_counts(&self) -> WebhookCounts {
        self.inner.webhooks.counts()
    }

    /// Other choices about webhooks from now on.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn set_webhooks(&self, options: WebhookOptions) -> Result<(), String> {
        self.inner.set_webhooks(options)
    }

    /// Let an event be told that nothing in the world caused. `data` is its JSON.
    pub fn post_webhook(&self, kind: &str, data: &serde_json::Value) {
        self.inner.webhooks.tell(kind, data.to_string().as_bytes(), self.inner.clock.now());
    }

    /// The `data` of an example of this type, about a conversation (the newest, if none is named); `None` when the
    /// conversation or the type is unknown.
    #[must_use]
    pub fn webhook_example(&self, kind: &str, conversation: Option<i64>) -> Option<serde_json::Value> {
        example(&self.inner.world, kind, conversation, self.inner.clock.now())
    }

    /// How many calls were made to a route, by its method and pattern: `GET /conversations/{id}`.
    #[must_use]
    pub fn calls(&self, route: &str) -> u64 {
        self.log().totals().by_route.get(route).copied().unwrap_or(0)
    }
}

impl Inner {
    pub(crate) fn set_webhooks(&self, options: WebhookOptions) -> Result<(), String> {
        if let Some(complaint) = options.complaint() {
            return Err(complaint);
        }
        self.webhooks.set(options);
        self.listen();
        Ok(())
    }

    /// Hear of what happens in the world while anybody gets webhooks; a silent world costs nothing.
    fn listen(&self) {
        let (webhooks, clock) = (Arc::clone(&self.webhooks), Arc::clone(&self.clock));
        let tell = move |notice: Notice| webhooks.tell(notice.kind, &notice.data, clock.now());
        let on = self.webhooks.options().is_on();
        self.world.listen(on.then(|| Arc::new(tell) as Listener));
    }

    pub(crate) fn app(&self) -> App {
        self.app.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn set_app(&self, redirect_uri: Option<String>, scopes: Option<ScopeSet>) {
        let mut app = self.app.write().unwrap_or_else(PoisonError::into_inner);
        app.redirect_uri = redirect_uri.unwrap_or_else(|| std::mem::take(&mut app.redirect_uri));
        app.scopes = scopes.unwrap_or(app.scopes);
    }

    pub(crate) fn set_rate(&self, rate: RateLimit) {
        let now = self.clock.now();
        self.bucket.set(rate.per_minute, rate.burst, now);
        self.reports_bucket.set(rate.reports_per_minute, rate.burst, now);
        *self.rate.write().unwrap_or_else(PoisonError::into_inner) = rate;
    }

    /// The answer to a token that opens nothing. One error type for all of it, as documented.
    pub(crate) fn bad_token(&self, why: Refused) -> Answer {
        let message = match why {
            Refused::Unknown => "the access token is unknown",
            Refused::Expired(_) => "the access token has expired",
            Refused::Revoked(_) => "the access token has been revoked",
        };
        self.authentication_error(message)
    }

    pub(crate) fn authentication_error(&self, message: &str) -> Answer {
        let status = match self.options.auth_failure {
            AuthFailure::Unauthorized => 401,
            AuthFailure::Forbidden => 403,
        };
        Answer::error(status, "authentication_error", message)
    }
}

fn build_world(options: &Options, now: Millis) -> Result<World, DialogueError> {
    let ends_at = options.ends_at.unwrap_or(now);
    match &options.source {
        Source::Generated { conversations } => {
            Ok(World::generated(options.seed, *conversations, ends_at, options.shape))
        }
        Source::Dialogues(path) => World::from_dialogues(path, options.seed, ends_at),
    }
}

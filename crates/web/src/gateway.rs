//! The gateway: a webhook is verified, read, committed, and only then answered.
//!
//! Drift's webhooks carry no signature, only the app's verification token, in a header and in the body. So the order is
//! fixed: bounds first, the token next, compared with what is held in memory; nothing is looked up or stored for a
//! request whose token is not right. What follows is parsed, given its key, and handed to the committer, which writes
//! many requests' events in one transaction; the answer is given after that commit, so an acknowledged event is on disk.
//!
//! Backpressure is a bound on the requests in hand and on the bytes that wait. Above it the answer is 503 with
//! `Retry-After`, before the body is read: refusing must stay cheaper than accepting.

mod commit;
mod envelope;
mod tokens;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use axum::body::Body;
use bytes::Bytes;
use drift::deadline;
use drift::webhook::{Event, EventKind, redact};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use model::{Clock, ConnectionId, Entropy, EventId, OrgId};
use store::inbox::{NewEvent, Payload};
use store::vault::Vault;
use store::{Db, honey};
use telemetry::{Metrics, TraceParent};

pub use tokens::{GatewayTokens, WEBHOOK_TOKEN};

use crate::answer::Refusal;
use crate::serve::Peer;
use crate::source::Sources;
use commit::{Committer, Failed};
use tokens::Place;

/// The header with the app's verification token (Drift: "Webhook events").
pub const TOKEN_HEADER: &str = "x-verification-token";
/// For how long a second delivery of an event that holds its own id or time is the same event: 7 days.
const WINDOW_MS: i64 = 7 * 24 * 3_600_000;
/// The same for an event that holds neither: 10 minutes, since a later one may be a new one.
const WINDOW_UNTIMED_MS: i64 = 600_000;
/// Seconds after which an overloaded gateway, and one whose database fails, may be tried again.
const RETRY_OVERLOAD_S: u64 = 1;
const RETRY_FAILED_S: u64 = 5;

/// How the gateway works.
#[derive(Debug, Clone)]
pub struct GatewayOptions {
    /// Most bytes of a body.
    pub body_bytes_max: usize,
    /// Most requests in hand; more are answered 503.
    pub requests_max: usize,
    /// Most bytes of bodies that wait for a commit; more are answered 503.
    pub waiting_bytes_max: usize,
    /// Most events in a commit, at most [`store::inbox::BATCH_MAX`].
    pub commit_events_max: usize,
    /// Time for a body to arrive, in milliseconds.
    pub body_ms_max: u64,
    /// Time from a parsed event to its answer, in milliseconds.
    pub answer_ms_max: u64,
    /// What is kept of an event's data.
    pub payload: PayloadSetting,
    /// From which addresses events are taken.
    pub sources: Sources,
    /// Whether events are stored at all; anything but the default is for measuring.
    pub storing: Storing,
}

/// What is kept of an event's data, beside its ids, its times and the facts that only it tells.
#[derive(Debug, Clone)]
pub enum PayloadSetting {
    /// Nothing.
    None,
    /// Its JSON with texts, names and addresses replaced.
    Redacted,
    /// The whole body, encrypted with this vault's key.
    Sealed(Vault),
}

/// Whether events are stored: a bench measures the gateway against itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Storing {
    /// Yes, and the answer waits for it.
    Committed,
    /// No: every event is answered once it has its key and could be committed. Loses every event.
    Nothing,
}

impl Default for GatewayOptions {
    fn default() -> Self {
        Self {
            body_bytes_max: 256 * 1_024,
            requests_max: 256,
            waiting_bytes_max: 32 * 1_024 * 1_024,
            commit_events_max: 512,
            body_ms_max: 10_000,
            answer_ms_max: 5_000,
            payload: PayloadSetting::None,
            sources: Sources::default(),
            storing: Storing::Committed,
        }
    }
}

/// The gateway at work.
#[derive(Debug)]
pub struct Gateway {
    db: Db,
    options: GatewayOptions,
    tokens: Arc<GatewayTokens>,
    committer: Committer,
    in_hand: AtomicUsize,
    /// Whether a decoy's token is just being written down.
    hearing: Arc<AtomicBool>,
    seams: Seams,
}

/// Time, randomness and measurement.
#[derive(Clone)]
pub(crate) struct Seams {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) metrics: Arc<Metrics>,
}

impl std::fmt::Debug for Seams {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Seams").finish_non_exhaustive()
    }
}

impl Gateway {
    /// Begin. Starts the committer on the present runtime; it ends after [`Gateway::close`] or when this is dropped,
    /// with everything that was handed to it.
    #[must_use]
    pub fn start(
        db: Db,
        tokens: Arc<GatewayTokens>,
        options: GatewayOptions,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        metrics: Arc<Metrics>,
    ) -> Self {
        let seams = Seams { clock, entropy, metrics };
        let committer = Committer::start(db.clone(), &options, seams.clone());
        Self { db, options, tokens, committer, in_hand: AtomicUsize::new(0), hearing: Arc::default(), seams }
    }

    /// Whether events can be committed.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.committer.is_alive()
    }

    /// Take no more events, and wait until those that were taken are committed and answered.
    pub async fn close(&self) {
        self.committer.close().await;
    }

    /// Answer one webhook: `None` is the common path, else the connection's.
    pub(crate) async fn answer(
        &self,
        connection: Option<&str>,
        request: Request<Body>,
    ) -> Result<(), Refusal> {
        let began = self.seams.clock.now();
        let metrics = &self.seams.metrics;
        let answered = match Held::take(&self.in_hand, self.options.requests_max) {
            Some(_held) => self.take(connection, request).await,
            None => Err(overload()),
        };
        let status = match &answered {
            Ok(()) => StatusCode::OK,
            Err(refusal) if refusal.kind == OVERLOAD => {
                metrics.gateway_events_overload.inc();
                refusal.status
            }
            Err(refusal) if refusal.kind == FAILED => {
                metrics.gateway_events_failed.inc();
                refusal.status
            }
            Err(refusal) => {
                metrics.gateway_events_refused.of(refusal.kind).inc();
                refusal.status
            }
        };
        metrics.gateway_requests.at([telemetry::Label::Number(i64::from(status.as_u16()))]).inc();
        let took_ms = self.seams.clock.now().since(began).max(0);
        metrics.gateway_answer_seconds.observe(took_ms as f64 / 1_000.0);
        answered
    }

    /// The order of this function is the gateway's promise: see the module.
    async fn take(&self, connection: Option<&str>, request: Request<Body>) -> Result<(), Refusal> {
        let (parts, body) = request.into_parts();
        let peer = parts.extensions.get::<Peer>().map(|peer| peer.0.ip());
        if !self.options.sources.admit(peer, &parts.headers) {
            return Err(Refusal::new(StatusCode::FORBIDDEN, "source", "this address may not send events"));
        }
        content_type(&parts.headers)?;
        let body = self.read(&parts.headers, body).await?;
        self.seams.metrics.gateway_events_received.inc();
        let place = connection.map_or(Place::Common, Place::Connection);
        self.verify(place, &parts.headers, &body)?;
        self.seams.metrics.gateway_events_verified.inc();
        let event = Event::parse(&body).map_err(|error| malformed(error.to_string()))?;
        if let Place::Connection(id) = place
            && self.tokens.org(id) != Some(event.org)
        {
            let message = "the event is of another organization than the connection of this path";
            return Err(Refusal::new(StatusCode::BAD_REQUEST, "other_organization", message));
        }
        if matches!(event.kind, EventKind::Other(_)) {
            self.seams.metrics.inbox_events_unknown.inc();
        }
        let new = self.event(connection, &parts, &body, event).await?;
        match self.options.storing {
            Storing::Committed => self.commit(new, body.len()).await,
            Storing::Nothing => Ok(()),
        }
    }

    /// The whole body, within its bounds of bytes and time.
    async fn read(&self, headers: &HeaderMap, body: Body) -> Result<Bytes, Refusal> {
        let bytes_max = self.options.body_bytes_max;
        let told = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
        if told.is_some_and(|bytes| bytes > bytes_max) {
            return Err(too_large(bytes_max));
        }
        let reading = Limited::new(body, bytes_max).collect();
        match deadline(self.seams.clock.as_ref(), self.options.body_ms_max, reading).await {
            Ok(Ok(body)) => Ok(body.to_bytes()),
            Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large(bytes_max)),
            Ok(Err(_)) => Err(malformed("the body ended early".to_owned())),
            Err(_) => {
                Err(Refusal::new(StatusCode::REQUEST_TIMEOUT, "timeout", "the body took too long to arrive"))
            }
        }
    }

    /// Every token that is given must be right, and one must be given. A wrong header is told before the body is read.
    fn verify(&self, place: Place<'_>, headers: &HeaderMap, body: &[u8]) -> Result<(), Refusal> {
        let header = headers.get(TOKEN_HEADER);
        if let Some(header) = header
            && !self.tokens.is_right(place, header.as_bytes())
        {
            self.hear(header.as_bytes());
            return Err(wrong_token());
        }
        let inside = envelope::token(body).map_err(malformed)?;
        match inside {
            envelope::Token::Text(token) if self.tokens.is_right(place, token.as_bytes()) => Ok(()),
            envelope::Token::Absent if header.is_some() => Ok(()),
            envelope::Token::Text(token) => {
                self.hear(token.as_bytes());
                Err(wrong_token())
            }
            _ => Err(wrong_token()),
        }
    }

    /// A refused token that is a decoy's is written down, beside the answer. One at a time: who knocks on has been heard.
    fn hear(&self, token: &[u8]) {
        if !self.tokens.is_honey(token) || self.hearing.swap(true, Ordering::Relaxed) {
            return;
        }
        let (db, token, hearing) = (self.db.clone(), token.to_vec(), Arc::clone(&self.hearing));
        tokio::spawn(async move {
            if let Err(error) = honey::used(&db, &token).await {
                tracing::error!(
                    "A honey token was shown at the gateway, and could not be written down: {error}"
                );
            }
            hearing.store(false, Ordering::Relaxed);
        });
    }

    async fn event(
        &self,
        connection: Option<&str>,
        parts: &Parts,
        body: &Bytes,
        event: Event<'_>,
    ) -> Result<NewEvent, Refusal> {
        let entropy = self.seams.entropy.as_ref();
        let received_at = self.seams.clock.now();
        let event_id = EventId::new(received_at, entropy);
        let payload = match &self.options.payload {
            PayloadSetting::None => Payload::None,
            PayloadSetting::Redacted => Payload::Redacted(redact(event.data)),
            PayloadSetting::Sealed(vault) => {
                Payload::Sealed(self.seal(vault, (event.org, &event_id), body).await?)
            }
        };
        let identity = event.identity();
        Ok(NewEvent {
            event_id,
            org_id: event.org,
            connection_id: connection.map(|id| ConnectionId(id.to_owned())),
            kind: event.kind.as_str().to_owned(),
            spelled: event.spelled,
            conversation_id: event.conversation,
            contact_id: event.contact,
            user_id: event.user,
            message_id: event.message,
            playbook_id: event.playbook,
            occurred_at: event.occurred_at,
            received_at,
            key: identity.key,
            window_ms: if identity.timed { WINDOW_MS } else { WINDOW_UNTIMED_MS },
            facts: event.facts.map(|facts| facts.to_json()),
            payload,
            trace: Some(trace(&parts.headers, entropy).to_string()),
        })
    }

    /// Seal a body. The vault reads its key from the database once a minute at most.
    async fn seal(&self, vault: &Vault, event: (OrgId, &EventId), body: &[u8]) -> Result<Vec<u8>, Refusal> {
        let sealing = vault.seal_event(&self.db, event, body, self.seams.clock.now());
        match deadline(self.seams.clock.as_ref(), self.options.answer_ms_max, sealing).await {
            Ok(Ok(sealed)) => Ok(sealed),
            Ok(Err(error)) => {
                tracing::error!("Could not seal an event: {error}");
                Err(Refusal::later(FAILED, "the event could not be sealed", RETRY_FAILED_S))
            }
            Err(_) => Err(Refusal::later(FAILED, "the event was not sealed in time", RETRY_FAILED_S)),
        }
    }

    async fn commit(&self, event: NewEvent, bytes: usize) -> Result<(), Refusal> {
        let committed = self.committer.commit(event, bytes).ok_or_else(overload)?;
        match deadline(self.seams.clock.as_ref(), self.options.answer_ms_max, committed).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(Failed)) => Err(Refusal::later(FAILED, "the event could not be stored", RETRY_FAILED_S)),
            Err(_) => Err(Refusal::later(FAILED, "the event was not stored in time", RETRY_FAILED_S)),
        }
    }
}

/// A request in hand, counted until it is dropped.
struct Held<'a>(&'a AtomicUsize);

impl<'a> Held<'a> {
    fn take(count: &'a AtomicUsize, max: usize) -> Option<Self> {
        let held = Self(count);
        // Dropped right away when there were too many.
        (count.fetch_add(1, Ordering::Relaxed) < max).then_some(held)
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

const OVERLOAD: &str = "overload";
const FAILED: &str = "not_stored";

fn overload() -> Refusal {
    Refusal::later(OVERLOAD, "too many events at once", RETRY_OVERLOAD_S)
}

fn wrong_token() -> Refusal {
    Refusal::new(StatusCode::UNAUTHORIZED, "token", "the verification token is missing or wrong")
}

fn malformed(message: String) -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, "malformed", message)
}

fn too_large(bytes_max: usize) -> Refusal {
    let message = format!("the body is longer than {bytes_max} bytes");
    Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", message)
}

/// JSON, whatever its parameters. Drift documents no header, so that none at all is taken for JSON.
fn content_type(headers: &HeaderMap) -> Result<(), Refusal> {
    let Some(value) = headers.get(CONTENT_TYPE) else { return Ok(()) };
    let kind = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if kind.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    let message = "the content type is not application/json";
    Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "content_type", message))
}

/// The sender's trace goes on; without one a trace begins.
fn trace(headers: &HeaderMap, entropy: &dyn Entropy) -> TraceParent {
    let told = headers.get(TraceParent::HEADER).and_then(|value| value.to_str().ok());
    match told.and_then(|text| TraceParent::parse(text).ok()) {
        Some(parent) => parent.child(entropy),
        None => TraceParent::new(entropy),
    }
}

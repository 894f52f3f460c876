//! The one place that makes calls: pace, send, classify, retry with jitter, decode.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, StatusCode, Uri};
use url::Url;

use crate::answer::Answer;
use crate::auth::{Credentials, Token, Verdict};
use crate::call::{Base, Body, Call};
use crate::error::Failure;
use crate::pace::{RETRY_AFTER_MS_MAX, Slot, Ticket};
use crate::recorder::{CallRecord, Outcome, RateHeaders};
use crate::refusal::Refusal;
use crate::transport::{Limits, TransportError, TransportKind};
use crate::{Config, DecodeError, Error, Pace, Priority, Seams, VendorSigns, deadline, retry};

/// Attempts for an answer that is well-formed but of the wrong shape: asking once or twice more rules out a hiccup.
const SHAPE_ATTEMPTS_MAX: u32 = 3;
/// Times that one call is repeated with a new token.
const RENEWALS_MAX: u32 = 3;
/// Why a token opens nothing any more that our own side has given up.
const WITHDRAWN: &str = "the connection was given up";
/// Times that a call takes a slot only to find that its token has expired meanwhile.
const STALE_SLOTS_MAX: u32 = 3;

/// What every call needs.
pub(crate) struct Core {
    pub(crate) config: Config,
    pub(crate) seams: Seams,
    pub(crate) pace: Arc<Pace>,
}

/// In whose name a call is made.
#[derive(Clone, Copy)]
pub(crate) enum Right<'a> {
    /// Without a token.
    Nobody,
    /// With this very token, dead or alive.
    Fixed(&'a Token),
    /// With the connection's token, renewed where needed.
    Held(&'a Arc<Credentials>),
}

/// Reads an answer; may be asked again after a failure.
pub(crate) type Decode<'a> = &'a mut (dyn FnMut(&Answer) -> Result<(), DecodeError> + Send);

/// One call on its way.
struct Errand<'a> {
    call: &'a Call,
    target: Uri,
    right: Right<'a>,
    priority: Priority,
    ticket: Ticket,
    attempt: u32,
}

/// How one attempt ended.
enum Ended {
    Decoded { rows: usize },
    Garbled(DecodeError),
    Denied(Refusal, Option<Arc<Token>>),
    RateLimited,
    Failed { failure: Failure, retry_after_ms: u64 },
    Over(Error),
}

impl Core {
    pub(crate) const fn new(config: Config, seams: Seams, pace: Arc<Pace>) -> Self {
        Self { config, seams, pace }
    }

    /// Make a call: its answer is handed to `decode` until that is content, or nothing more can be done.
    pub(crate) async fn run(
        self: &Arc<Self>,
        call: &Call,
        right: Right<'_>,
        priority: Priority,
        decode: Decode<'_>,
    ) -> Result<(), Error> {
        let target = self.target(call)?;
        let ticket = self.pace.ticket();
        let mut errand = Errand { call, target, right, priority, ticket, attempt: 0 };
        let (mut renewals, mut misshapen, mut confirmed) = (0, 0, false);
        loop {
            errand.attempt += 1;
            let (failure, wait_ms) = match self.attempt(&errand, decode).await? {
                Ended::Decoded { .. } => return Ok(()),
                Ended::Over(error) => return Err(error),
                Ended::Denied(refusal, token) => {
                    let (Right::Held(credentials), Some(token)) = (right, token) else {
                        return Err(refusal.into_error(call));
                    };
                    match credentials.refused(self, &token, call.scope).await? {
                        Verdict::Renewed if renewals < RENEWALS_MAX => renewals += 1,
                        Verdict::Doubtful if !confirmed => confirmed = true,
                        Verdict::Renewed | Verdict::Doubtful | Verdict::Forbidden => {
                            return Err(call.forbidden());
                        }
                    }
                    errand.attempt -= 1;
                    continue;
                }
                // Everyone waits for the pace, this call with its old place in the order.
                Ended::RateLimited => (Failure::Status(429), 0),
                Ended::Garbled(error) => {
                    misshapen += u32::from(!error.is_garbled());
                    if !call.idempotent || misshapen >= SHAPE_ATTEMPTS_MAX {
                        return Err(call.unreadable(error));
                    }
                    (Failure::Body(error), self.backoff_ms(errand.attempt))
                }
                Ended::Failed { failure, retry_after_ms } => {
                    if !call.idempotent && !failure.nothing_sent() {
                        return Err(call.exhausted(errand.attempt, failure));
                    }
                    (failure, self.backoff_ms(errand.attempt).max(retry_after_ms))
                }
            };
            if errand.attempt >= call.attempts_max.unwrap_or(self.config.attempts_max) {
                return Err(call.exhausted(errand.attempt, failure));
            }
            tracing::debug!(
                call.method = %call.method, call.path = %call.path, call.attempt = errand.attempt, wait_ms,
                "Trying {} {} again after {failure}", call.method, call.path
            );
            if wait_ms > 0 {
                self.seams.clock.sleep(wait_ms).await;
            }
        }
    }

    /// One attempt: a slot and a token, an exchange, and the news of it.
    async fn attempt(self: &Arc<Self>, errand: &Errand<'_>, decode: Decode<'_>) -> Result<Ended, Error> {
        let clock = &self.seams.clock;
        let asked_at = clock.now();
        let (mut slots, token) = self.slots(errand).await?;
        let request = errand.request(token.as_deref());
        let limits =
            Limits { body_bytes_max: errand.call.body_bytes_max.unwrap_or(self.config.body_bytes_max) };
        let sent_at = clock.now();
        slots.send();
        let sending = self.seams.transport.send(request, limits);
        let result = deadline(&**clock, self.config.deadline_ms, sending).await;
        let result =
            result.unwrap_or_else(|elapsed| Err(TransportError::because(TransportKind::Timeout, elapsed)));
        let ended_at = clock.now();

        let (mut rate, mut signs) = (RateHeaders::default(), VendorSigns::default());
        let mut body_bytes = 0;
        let (ended, outcome) = match result {
            Ok(response) => {
                rate = RateHeaders::read(response.headers(), ended_at);
                signs = VendorSigns::read(&response);
                body_bytes = response.body().len();
                let status = response.status().as_u16();
                let ended = classify(errand.call, response, &rate, token, decode);
                slots.settle(&self.pace, &rate, matches!(ended, Ended::RateLimited));
                let garbled = matches!(ended, Ended::Garbled(_));
                (ended, if garbled { Outcome::Garbled(status) } else { Outcome::Status(status) })
            }
            Err(error) => {
                let outcome = Outcome::Failed(error.kind);
                (failed(error, errand, limits), outcome)
            }
        };
        if let Some(recorder) = &self.seams.recorder {
            recorder.record(&CallRecord {
                at: sent_at,
                method: &errand.call.method,
                path: &errand.call.path,
                scope: errand.call.scope,
                attempt: errand.attempt,
                priority: errand.priority,
                outcome,
                rate,
                signs,
                waited_ms: u64::try_from(sent_at.since(asked_at)).unwrap_or(0),
                latency_ms: u64::try_from(ended_at.since(sent_at)).unwrap_or(0),
                rows: if let Ended::Decoded { rows } = ended { rows } else { 0 },
                body_bytes,
            });
        }
        Ok(ended)
    }

    /// The right to send, and a token that is alive when it comes: a refresh while holding a slot would let the
    /// slots of all who wait for it out at once.
    async fn slots(self: &Arc<Self>, errand: &Errand<'_>) -> Result<(Slots<'_>, Option<Arc<Token>>), Error> {
        let report = match errand.call.reports {
            true => Some(self.pace.report_slot(errand.priority, errand.ticket).await),
            false => None,
        };
        let mut tries = 0;
        loop {
            let token = match errand.right {
                Right::Held(credentials) => Some(credentials.ready(self).await?),
                Right::Nobody | Right::Fixed(_) => None,
            };
            let all = self.pace.slot(errand.priority, errand.ticket).await;
            tries += 1;
            let due = token.as_ref().is_some_and(|token| token.is_due(self.seams.clock.now()));
            if !due || tries >= STALE_SLOTS_MAX {
                return Ok((Slots { all, report }, token));
            }
        }
    }

    pub(crate) fn backoff_ms(&self, attempt: u32) -> u64 {
        let config = &self.config;
        retry::backoff_ms(attempt, config.backoff_base_ms, config.backoff_max_ms, &*self.seams.entropy)
    }

    /// The address of a call; for a page link, after a look at where it leads.
    fn target(&self, call: &Call) -> Result<Uri, Error> {
        let list = || self.config.conversation_list.as_ref().unwrap_or(&self.config.api);
        let base = match &call.base {
            Base::Api => &self.config.api,
            Base::ConversationList => list(),
            Base::Events => &self.config.events,
            Base::Link(token) => {
                let link = list().join(token.value()).map_err(|_| call.bad_link())?;
                return if self.config.allows(&link) {
                    link.as_str().parse().map_err(|_| call.bad_link())
                } else {
                    Err(Error::HostNotAllowed { host: origin(&link) })
                };
            }
        };
        let base = base.as_str().trim_end_matches('/');
        let mut target = String::with_capacity(base.len() + call.path.len() + call.query.len() + 1);
        target.push_str(base);
        target.push_str(&call.path);
        if !call.query.is_empty() {
            target.push('?');
            target.push_str(&call.query);
        }
        Uri::from_maybe_shared(Bytes::from(target))
            .map_err(|_| Error::InvalidConfig { what: "the call's address is no URL".to_owned() })
    }
}

/// A call's slots: of the budget for all calls, and for a report of the reports' own.
struct Slots<'a> {
    all: Slot<'a>,
    report: Option<Slot<'a>>,
}

impl Slots<'_> {
    fn send(&mut self) {
        self.all.send();
        if let Some(report) = &mut self.report {
            report.send();
        }
    }

    /// Tell the budgets what the service said. A refused report is counted against the reports' budget, the tighter
    /// one; the headers speak of one budget and are likewise given to that alone.
    fn settle(self, pace: &Pace, rate: &RateHeaders, refused: bool) {
        let silent = RateHeaders::default();
        match (self.report, refused) {
            (None, false) => self.all.accepted(rate),
            (None, true) => pace.refused(self.all, rate),
            (Some(report), false) => {
                self.all.accepted(&silent);
                report.accepted(rate);
            }
            (Some(report), true) => {
                self.all.accepted(&silent);
                pace.refused(report, rate);
            }
        }
    }
}

impl Errand<'_> {
    fn request(&self, held: Option<&Token>) -> http::Request<Bytes> {
        let token = match self.right {
            Right::Nobody => None,
            Right::Fixed(token) => Some(token),
            Right::Held(_) => held,
        };
        let (body, kind) = match &self.call.body {
            Body::Nothing => (Bytes::new(), None),
            Body::Json(json) => (json.clone(), Some("application/json")),
            Body::Form(form) => (form.clone(), Some("application/x-www-form-urlencoded")),
            Body::OwnToken => match token {
                Some(token) => (token.as_json(), Some("application/json")),
                None => (Bytes::new(), None),
            },
        };
        let mut request = http::Request::new(body);
        *request.method_mut() = self.call.method.clone();
        *request.uri_mut() = self.target.clone();
        if let Some(token) = token {
            request.headers_mut().insert(AUTHORIZATION, token.header.clone());
        }
        if let Some(kind) = kind {
            request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        }
        request
    }
}

fn classify(
    call: &Call,
    response: http::Response<Bytes>,
    rate: &RateHeaders,
    token: Option<Arc<Token>>,
    decode: Decode<'_>,
) -> Ended {
    let (parts, body) = response.into_parts();
    let status = parts.status;
    if status.is_success() {
        let answer = Answer::new(status, parts.headers, body);
        return match decode(&answer) {
            Ok(()) => Ended::Decoded { rows: answer.rows() },
            Err(error) if error.is_garbled() => Ended::Garbled(error),
            Err(error) => match Refusal::inside(&answer) {
                Some(refusal) => Ended::Over(refusal.into_error(call)),
                None => Ended::Garbled(error),
            },
        };
    }
    if retry::may_pass(status) {
        let retry_after_ms = rate.retry_after_ms.unwrap_or(0).min(RETRY_AFTER_MS_MAX);
        return Ended::Failed { failure: Failure::Status(status.as_u16()), retry_after_ms };
    }
    if status == StatusCode::TOO_MANY_REQUESTS {
        return Ended::RateLimited;
    }
    let refusal = Refusal::read(status, &body);
    if refusal.is_rate_limit() {
        Ended::RateLimited
    } else if refusal.is_auth() {
        Ended::Denied(refusal, token)
    } else {
        Ended::Over(refusal.into_error(call))
    }
}

fn failed(error: TransportError, errand: &Errand<'_>, limits: Limits) -> Ended {
    let call = errand.call;
    match error.kind {
        TransportKind::Tls => Ended::Over(Error::Tls {
            host: errand.target.host().unwrap_or_default().to_owned(),
            source: error,
        }),
        TransportKind::Withdrawn => Ended::Over(Error::Unauthorized { reason: WITHDRAWN }),
        TransportKind::TooLarge => Ended::Over(call.too_large(limits.body_bytes_max)),
        TransportKind::Protocol => {
            Ended::Over(call.exhausted(errand.attempt, Failure::Transport(TransportKind::Protocol)))
        }
        kind => Ended::Failed { failure: Failure::Transport(kind), retry_after_ms: 0 },
    }
}

fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}

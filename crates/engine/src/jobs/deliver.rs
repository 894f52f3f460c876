//! From what is owed to the receiver: the webhooks of one lane (a conversation) of one endpoint, in order.
//!
//! What was sent is recorded in the transaction that completes the job. A death before that sends it again, with the same
//! id and the same bytes. A webhook that was not taken holds up its lane and no other; the job then waits on the
//! queue until the next attempt (`crate::retries`).

use model::{EndpointId, Millis};
use serde::{Deserialize, Serialize};
use sinks::webhook::{self, Delivery, Outcome, SigningSecret, payload};
use store::Tx;
use store::audit::{self, Action, NewEntry, Object, ObjectKind, Who};
use store::changes::{self, Change};
use store::consumers::{self, ConsumerState};
use store::effects::{self, Attempt, Effect, EffectState};
use store::endpoints::{self, Endpoint, EndpointState};
use store::notices::{self, NewNotice};
use store::queue::{self, priority};
use url::Url;

use super::fan_out::CONSUMER_LABEL;
use crate::job::{Class, Finished, Job, JobContext, JobError, Order};
use crate::retries;
use crate::webhooks::Webhooks;

/// Webhooks sent before what came of them is recorded: what a death may send again.
const RUN_MAX: u32 = 32;
/// No further webhook is begun after this time, in milliseconds: others wait for the worker, too.
const RUN_MS_MAX: i64 = 10_000;
/// Longest reason that is kept, in characters.
const REASON_CHARS_MAX: usize = 300;

/// Send what one endpoint is owed in one lane.
///
/// Safe to run twice: a webhook has the same id and the same bytes each time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deliver {
    /// Where they go.
    pub endpoint: EndpointId,
    /// Which of them, in order ([`effects::lane`]).
    pub lane: i64,
}

/// What a run of sending came to.
struct Sent {
    attempts: Vec<Attempt>,
    taken: usize,
    end: End,
}

/// Whose trouble it is that a webhook was not taken.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Trouble {
    /// The webhook's: the receiver works otherwise.
    Webhook,
    /// The receiver's: it is left alone for a while.
    Receiver,
}

/// Why it ended.
enum End {
    /// Everything that was looked at is sent.
    Done,
    /// There is more, and no time.
    More,
    /// The last one was not taken.
    Failed { reason: String, asked_ms: Option<u64>, at: Millis, trouble: Trouble },
    /// The receiver wants nothing more.
    Gone,
}

impl Job for Deliver {
    const KIND: &'static str = "deliver";
    const PRIORITY: i64 = priority::LIVE;

    fn key(&self) -> String {
        format!("{}/{}", self.endpoint, self.lane)
    }

    async fn run(&self, ctx: &JobContext) -> Result<Finished, JobError> {
        let (db, org, now) = (&ctx.node.db, ctx.org(), ctx.now());
        let Some(webhooks) = &ctx.node.webhooks else {
            return Err(JobError::retry(Class::Other, "this node sends no webhooks"));
        };
        let consumer = consumers::get(db, org, &self.endpoint.0).await?;
        let endpoint = endpoints::get(db, org, &self.endpoint).await?;
        let (Some(consumer), Some(endpoint)) = (consumer, endpoint) else {
            return Ok(ctx.done("removed"));
        };
        // Whoever enables or resumes puts the deliveries back on the queue.
        if endpoint.state == EndpointState::Disabled || consumer.state == ConsumerState::Paused {
            return Ok(ctx.done("paused"));
        }
        let owed = effects::owed(db, org, &self.endpoint.0, self.lane, RUN_MAX).await?;
        let Some(first) = owed.first() else {
            return Ok(ctx.done("nothing owed"));
        };
        if let Some(due_at) = due_at(&endpoint, first, now).filter(|due_at| *due_at > now) {
            return self.wait(ctx, due_at).await;
        }
        let sent = self.send(ctx, webhooks, &endpoint, &owed).await?;
        self.record(ctx, webhooks, &endpoint, sent).await
    }
}

/// Not before this instant: the receiver is left alone, or the webhook has its own time.
fn due_at(endpoint: &Endpoint, first: &Effect, now: Millis) -> Option<Millis> {
    let own = if retries::is_outage(endpoint, first, now) { None } else { retries::due_at(first) };
    endpoint.retry_at.max(own)
}

impl Deliver {
    /// Come back at that time.
    async fn wait(&self, ctx: &JobContext, due_at: Millis) -> Result<Finished, JobError> {
        let due_at = retries::jittered(due_at, ctx.node.clock.now(), ctx.node.entropy.as_ref());
        let mut tx = ctx.begin().await?;
        self.come_back(ctx, &mut tx, due_at).await?;
        ctx.finish(tx, "waiting").await
    }

    async fn come_back(&self, ctx: &JobContext, tx: &mut Tx, due_at: Millis) -> Result<(), JobError> {
        let order = Order { org: ctx.org(), due_at, trace: ctx.job.trace.clone() };
        queue::enqueue(tx, &[self.new_job(&ctx.node, order)], ctx.now()).await?;
        Ok(())
    }

    /// Send what is owed, in order, up to the first that is not taken.
    async fn send(
        &self,
        ctx: &JobContext,
        webhooks: &Webhooks,
        endpoint: &Endpoint,
        owed: &[Effect],
    ) -> Result<Sent, JobError> {
        let (node, began) = (&ctx.node, ctx.node.clock.now());
        let held = endpoints::secrets(&node.db, ctx.org(), &self.endpoint, &webhooks.vault, began).await?;
        let secrets: Result<Vec<SigningSecret>, _> = held.iter().map(SigningSecret::parse).collect();
        let secrets = secrets.map_err(|error| JobError::fail(Class::Store, error.to_string()))?;
        let url = webhooks.reach.url(&endpoint.url);
        let mut sent = Sent { attempts: Vec::new(), taken: 0, end: End::Done };
        for effect in owed {
            let now = node.clock.now();
            if !sent.attempts.is_empty() && (now.since(began) > RUN_MS_MAX || node.stop.is_set()) {
                sent.end = End::More;
                return Ok(sent);
            }
            let Some(change) = change_of(ctx, effect.seq).await? else {
                let reason = "the change is no longer stored";
                sent.attempts.push(attempt(effect, EffectState::Failed, Some(reason), now));
                continue;
            };
            let outcome = match &url {
                Ok(url) => one(ctx, webhooks, (url, &secrets), &change).await,
                Err(error) => Outcome::Refused { reason: error.to_string() },
            };
            if !sent.note(endpoint, effect, outcome, node.clock.now()) {
                return Ok(sent);
            }
            node.metrics.change_to_effect_seconds.observe(seconds(node.clock.now().since(change.at)));
        }
        if u32::try_from(owed.len()).is_ok_and(|owed| owed == RUN_MAX) {
            sent.end = End::More;
        }
        Ok(sent)
    }

    /// Record what came of it, and say when to come back.
    async fn record(
        &self,
        ctx: &JobContext,
        webhooks: &Webhooks,
        endpoint: &Endpoint,
        sent: Sent,
    ) -> Result<Finished, JobError> {
        let (org, now, id) = (ctx.org(), ctx.now(), &self.endpoint);
        let given_up = sent.attempts.iter().filter(|one| one.state == EffectState::Failed).count();
        let mut tx = ctx.begin().await?;
        effects::attempted(&mut tx, org, &id.0, &sent.attempts).await?;
        if sent.taken > 0 {
            endpoints::succeeded(&mut tx, org, id).await?;
        }
        let outcome = match &sent.end {
            End::Done => "delivered",
            End::More => {
                self.come_back(ctx, &mut tx, now).await?;
                "delivered a part"
            }
            End::Gone => {
                self.disable(ctx, &mut tx, "the receiver answered 410: it wants nothing more").await?;
                "gone"
            }
            End::Failed { reason, asked_ms, at, trouble } => {
                let failing_since = endpoint.failing_since.filter(|_| sent.taken == 0).unwrap_or(*at);
                let pause_ms = retries::pause_ms(failing_since, *asked_ms, now);
                let retry_at = (*trouble == Trouble::Receiver).then(|| now.plus(pause_ms));
                endpoints::failed(&mut tx, org, id, (reason, retry_at), *at).await?;
                if now.since(failing_since) >= webhooks.disable_ms {
                    self.disable(ctx, &mut tx, reason).await?;
                }
                // When exactly is looked up again at that time; a webhook given up leaves the way to the next.
                let due_at = retries::jittered(retry_at.unwrap_or(now), now, ctx.node.entropy.as_ref());
                self.come_back(ctx, &mut tx, due_at).await?;
                "not taken"
            }
        };
        let finished = ctx.finish(tx, outcome).await?;
        ctx.node.metrics.effects_done.of(CONSUMER_LABEL).inc_by(sent.taken as u64);
        ctx.node.metrics.effects_failed.of(CONSUMER_LABEL).inc_by(given_up as u64);
        Ok(finished)
    }

    async fn disable(&self, ctx: &JobContext, tx: &mut Tx, reason: &str) -> Result<(), JobError> {
        let (org, now) = (ctx.org(), ctx.now());
        endpoints::disable(tx, org, &self.endpoint, Some(reason), now).await?;
        let who = Who::node();
        let object = Object::new(ObjectKind::Endpoint, self.endpoint.0.as_str());
        let entry = NewEntry::done(now, &who, Action::EndpointDisable, object).org(org);
        audit::append(tx, &entry.because("not_taken"))?;
        let message = format!(
            "Endpoint {} is disabled: {reason}. Enable it with \"longshore endpoints enable {}\"; it goes on where it stopped.",
            self.endpoint, self.endpoint
        );
        let notice = NewNotice { org, kind: endpoints::NOTICE, subject: &self.endpoint.0, message: &message };
        notices::raise(tx, &notice, now).await?;
        Ok(())
    }
}

impl Sent {
    /// Note an outcome; `false` ends the run.
    fn note(&mut self, endpoint: &Endpoint, effect: &Effect, outcome: Outcome, now: Millis) -> bool {
        let (reason, asked_ms, unavailable) = match outcome {
            Outcome::Taken { .. } => {
                self.attempts.push(attempt(effect, EffectState::Done, None, now));
                self.taken += 1;
                return true;
            }
            Outcome::Gone => {
                self.end = End::Gone;
                return false;
            }
            Outcome::Unavailable { reason, after_ms } => (reason, after_ms, true),
            Outcome::Refused { reason } => (reason, None, false),
        };
        let outage = self.taken == 0 && retries::is_outage(endpoint, effect, now);
        let is_last = !outage && retries::is_last(effect);
        let state = if is_last { EffectState::Failed } else { EffectState::Owed };
        let failed = Attempt { counts: !outage, ..attempt(effect, state, Some(&reason), now) };
        self.attempts.push(failed);
        let trouble = if unavailable || outage { Trouble::Receiver } else { Trouble::Webhook };
        self.end = End::Failed { reason, asked_ms, at: now, trouble };
        false
    }
}

fn attempt(effect: &Effect, state: EffectState, reason: Option<&str>, now: Millis) -> Attempt {
    let error = reason.map(|reason| reason.chars().take(REASON_CHARS_MAX).collect());
    Attempt { key: effect.key.clone(), state, counts: true, outside_id: None, error, at: now }
}

async fn change_of(ctx: &JobContext, seq: i64) -> Result<Option<Change>, JobError> {
    let found = changes::read(&ctx.node.db, ctx.org(), seq - 1, 1).await?.into_iter().next();
    Ok(found.filter(|change| change.seq == seq))
}

/// Send one webhook, once.
async fn one(
    ctx: &JobContext,
    webhooks: &Webhooks,
    (url, secrets): (&Url, &[SigningSecret]),
    change: &Change,
) -> Outcome {
    let (node, began) = (&ctx.node, ctx.node.clock.now());
    let id = payload::message_id(change);
    let trace = change.trace.as_deref();
    let delivery = Delivery { url, secrets, id: &id, body: payload::body(change).into(), trace };
    let outcome = webhook::send(webhooks.transport.as_ref(), node.clock.as_ref(), delivery).await;
    node.metrics.delivery_attempts.of(outcome.as_str()).inc();
    node.metrics.delivery_seconds.observe(seconds(node.clock.now().since(began)));
    outcome
}

fn seconds(ms: i64) -> f64 {
    ms.max(0) as f64 / 1_000.0
}

//! Bring one conversation up to date with Drift: its fields, its details and all its messages, and then whatever they name that
//! is not here.
//!
//! Safe to run twice, late, or beside an archive: what the API says now is applied, and of two fetches the newer holds.
//! Its contact and its files have jobs of their own, so that one that cannot be had holds no message back.

use model::record::Snapshot;
use model::{AttachmentId, ConversationId, Millis};
use serde::{Deserialize, Serialize};
use store::mirror::{self, ConversationState};
use store::queue::priority;
use store::signals::{self, Signal, Subject, kind};

use super::asking;
use crate::convert::{self, Part};
use crate::job::{Class as Cause, Finished, Job, JobContext, JobError};
use crate::route::SKEW_MS;

/// Attempts for a conversation that nobody has seen and that Drift does not show: it may be told of before it can be read.
const UNSEEN_ATTEMPTS: i64 = 3;
/// Between these attempts, in milliseconds.
const UNSEEN_MS: u64 = 10_000;

/// Bring one conversation up to date.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RefreshConversation {
    /// Which one.
    pub conversation: ConversationId,
}

/// What there is to do.
enum Step {
    Fetch,
    /// It was fetched after the last signal: whatever was signalled is here.
    Current,
    /// It was fetched a moment ago: more may be coming.
    Later(Millis),
}

impl Job for RefreshConversation {
    const KIND: &'static str = kind::REFRESH_CONVERSATION;
    const PRIORITY: i64 = priority::LIVE;

    fn key(&self) -> String {
        self.conversation.to_string()
    }

    async fn run(&self, ctx: &JobContext) -> Result<Finished, JobError> {
        let (org, id) = (ctx.job.org, self.conversation);
        let held = mirror::states(&ctx.node.db, org, &[id]).await?.remove(&id);
        match step(ctx, held.as_ref()) {
            Step::Fetch => {}
            Step::Current => return Ok(asking::done(ctx, "current")),
            Step::Later(due_at) => return self.put_off(ctx, due_at).await,
        }
        let drift = asking::client(ctx).await?;
        let fetched_at = ctx.node.clock.now();
        match convert::whole(&drift, id, fetched_at).await {
            Ok(snapshot) => self.store(ctx, &snapshot).await,
            Err((_, error)) if error.class() == drift::Class::Scope => asking::refused(ctx, &error).await,
            Err((part, error)) if error.class() == drift::Class::Gone => {
                if !self.is_gone(ctx, &drift, part).await? {
                    let reason = format!("Drift answers 404 for its {part}, and yet has the conversation");
                    return Err(JobError::retry(Cause::Unreadable, reason));
                }
                self.bury(ctx, held.is_some(), fetched_at).await
            }
            Err((_, error)) => Err(asking::failed(ctx, error).await),
        }
    }
}

/// Of a conversation that webhooks keep telling of, one fetch in a while is enough; whatever else asks, asks now.
fn step(ctx: &JobContext, held: Option<&ConversationState>) -> Step {
    let parts = held.filter(|held| !held.gone).and_then(|held| Some((held.messages_at?, held.details_at?)));
    let Some((messages, details)) = parts else { return Step::Fetch };
    let fetched_at = messages.fetched_at.min(details.fetched_at);
    if fetched_at > ctx.job.signalled_at.plus(SKEW_MS) {
        return Step::Current;
    }
    let now = ctx.node.clock.now();
    let next_at = fetched_at.plus(ctx.node.settling.spacing_ms);
    let is_ahead = fetched_at > now;
    if ctx.job.priority == priority::LIVE && next_at > now && !is_ahead {
        Step::Later(next_at)
    } else {
        Step::Fetch
    }
}

impl RefreshConversation {
    /// End this job and leave the signal for later, in one transaction.
    async fn put_off(&self, ctx: &JobContext, due_at: Millis) -> Result<Finished, JobError> {
        let mut tx = ctx.begin().await?;
        let signal = self.signal(ctx, Subject::Conversation(self.conversation), due_at);
        signals::signal(&mut tx, &[signal], &*ctx.node.clock, &*ctx.node.entropy).await?;
        asking::end(ctx, tx, "put_off").await
    }

    async fn store(&self, ctx: &JobContext, snapshot: &Snapshot) -> Result<Finished, JobError> {
        let (org, now) = (ctx.job.org, ctx.node.clock.now());
        let lacking = self.lacking(ctx, snapshot).await?;
        let signals: Vec<Signal> =
            lacking.into_iter().map(|subject| self.signal(ctx, subject, now)).collect();
        let mut tx = ctx.begin().await?;
        let applied =
            mirror::apply(&mut tx, org, std::slice::from_ref(snapshot), now).await.map_err(unstored)?;
        signals::signal(&mut tx, &signals, &*ctx.node.clock, &*ctx.node.entropy).await?;
        let outcome = if applied.changes > 0 { "changed" } else { "unchanged" };
        let finished = asking::end(ctx, tx, outcome).await?;
        ctx.node.metrics.mirror_conversations_applied.inc();
        ctx.node.metrics.mirror_changes.inc_by(applied.changes);
        if ctx.job.priority == priority::LIVE {
            #[expect(clippy::cast_precision_loss, reason = "milliseconds between an event and its refresh")]
            let seconds = now.since(ctx.job.enqueued_at).max(0) as f64 / 1_000.0;
            ctx.node.metrics.event_to_mirror_seconds.observe(seconds);
        }
        Ok(finished)
    }

    /// What the snapshot names and the mirror lacks.
    async fn lacking(&self, ctx: &JobContext, snapshot: &Snapshot) -> Result<Vec<Subject>, JobError> {
        let (db, org) = (&ctx.node.db, ctx.job.org);
        let mut lacking = Vec::new();
        if let Some(contact) = snapshot.conversation.contact_id
            && !mirror::contact_is_held(db, org, contact).await?
        {
            lacking.push(Subject::Contact(contact));
        }
        let messages = snapshot.messages.iter().flatten();
        let files: Vec<AttachmentId> =
            messages.flat_map(|message| &message.attachments).map(|file| file.attachment_id).collect();
        if !files.is_empty() {
            let held = mirror::files_held(db, org, &files).await?;
            if files.iter().any(|id| !held.contains(id)) {
                lacking.push(Subject::Attachments(self.conversation));
            }
        }
        Ok(lacking)
    }

    /// A 404 for one part counts only when the other part is not there either.
    async fn is_gone(&self, ctx: &JobContext, drift: &drift::Client, part: Part) -> Result<bool, JobError> {
        let other = match part {
            Part::Conversation => drift.messages(self.conversation).next_page().await.map(drop),
            Part::Messages => drift.conversation(self.conversation).await.map(drop),
        };
        match other {
            Ok(()) => Ok(false),
            Err(error) if error.class() == drift::Class::Gone => Ok(true),
            Err(error) => Err(asking::failed(ctx, error).await),
        }
    }

    async fn bury(&self, ctx: &JobContext, is_known: bool, asked_at: Millis) -> Result<Finished, JobError> {
        if !is_known && ctx.job.attempt < UNSEEN_ATTEMPTS {
            let reason = "Drift does not show the conversation (yet)".to_owned();
            return Err(JobError::Retry { class: Cause::Gone, reason, after_ms: Some(UNSEEN_MS) });
        }
        let mut tx = ctx.begin().await?;
        mirror::mark_gone(&mut tx, ctx.job.org, &[self.conversation], asked_at).await?;
        asking::end(ctx, tx, "gone").await
    }

    fn signal(&self, ctx: &JobContext, subject: Subject, due_at: Millis) -> Signal {
        let (org, priority, trace) = (ctx.job.org, ctx.job.priority, ctx.job.trace.clone());
        Signal { org, subject, priority, due_at, trace }
    }
}

/// A message id that belongs to another conversation is no matter of time.
fn unstored(error: store::StoreError) -> JobError {
    match error {
        store::StoreError::Conflict { .. } => {
            JobError::fail(Cause::Refused, "a message id of it belongs to another conversation")
        }
        error => JobError::from_store(error),
    }
}

//! Looking over Drift's conversation list for what differs from the mirror: the part that sweep and comparison share.
//!
//! A look costs list pages and nothing else: what differs is signalled, and refreshes fetch it. A page's signals, its
//! listing and the place to go on from are one transaction, so a look that was cut off goes on where it was. Rows move
//! while the list is read; what slips over a page's border is in the overlap of the next sweep.

use std::collections::HashMap;

use drift::endpoint::ListQuery;
use drift::{Client, PageToken};
use model::record::Conversation;
use model::{ConversationId, Millis, RunId};
use serde::{Deserialize, Serialize};
use store::checkpoints::{self, Checkpoint};
use store::mirror::{self, ConversationState};
use store::queue::priority;
use store::signals::{self, Signal, Subject};
use store::sweeps::{self, Found};
use store::{Tx, listings, watermarks};

use crate::archive::WATERMARK;
use crate::archive::listing::Tally;
use crate::convert;
use crate::job::{JobContext, JobError};

/// The watermark that sweeps leave: Drift's newest update time at the start of the last one that ended.
pub(crate) const SWEPT: &str = "swept";
/// What changed within this time may still be told of by an event that is on its way, in milliseconds.
const GRACE_MS: i64 = 5 * 60 * 1_000;
/// How far Drift's clock and ours may be apart, in milliseconds.
const SKEW_MS: i64 = 60 * 1_000;
/// The step under which a look's place is kept.
const STEP: &str = "look";
/// The pass under which a look's rows are listed.
const PASS: u32 = 1;
/// Conversations that the list lacks, read from the store at once.
const UNLISTED_PAGE: u32 = 500;

/// Whether a look remembers what it has been shown, to ask for what it has not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// From the newest row down to this update time, and no further.
    Since(Option<Millis>),
    /// The whole list, held against the whole mirror.
    Whole,
}

/// A look over the list.
pub(crate) struct Look<'a> {
    ctx: &'a JobContext,
    id: RunId,
    kind: &'static str,
    scope: Scope,
    /// Up to where the last look has read: what is newer has changed since.
    before: Option<Millis>,
    state: State,
}

/// How far a look has come; kept with its checkpoint.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct State {
    tally: Tally,
    changed: i64,
    differing: i64,
    missed: i64,
}

impl<'a> Look<'a> {
    /// Begin a look, or go on with the one that this job began.
    pub(crate) async fn begin(
        ctx: &'a JobContext,
        kind: &'static str,
        scope: Scope,
    ) -> Result<(Self, Option<PageToken>), JobError> {
        let id = RunId(ctx.job.job_id.0.clone());
        let found = checkpoints::load(&ctx.node.db, &id, STEP).await?;
        let state = found.as_ref().and_then(|found| serde_json::from_str(&found.counts).ok());
        let token = found.and_then(|found| found.token).and_then(|token| token.parse().ok());
        let mut tx = ctx.begin().await?;
        sweeps::start(&mut tx, ctx.org(), &id.0, kind, ctx.now()).await?;
        tx.commit().await?;
        let before = last_read(ctx).await?;
        Ok((Self { ctx, id, kind, scope, before, state: state.unwrap_or_default() }, token))
    }

    /// Read the list, page by page, to the end of the scope.
    ///
    /// # Errors
    /// The call's, for the caller to judge; or the store's.
    pub(crate) async fn read(&mut self, drift: &Client, token: Option<PageToken>) -> Result<(), LookError> {
        let mut pages = drift.list_conversations(&ListQuery::default());
        if let Some(token) = token {
            pages = pages.resume(token);
        }
        while let Some(page) = pages.next_page().await.map_err(LookError::Call)? {
            let rows: Vec<Conversation> = page.items.into_iter().map(convert::conversation_row).collect();
            self.page(&rows, page.next.as_ref()).await?;
            if let Scope::Since(since) = self.scope
                && self.state.tally.reached(since)
            {
                break;
            }
            if self.ctx.node.stop.is_set() {
                return Err(LookError::Job(JobError::Stopped));
            }
        }
        Ok(())
    }

    async fn page(&mut self, rows: &[Conversation], next: Option<&PageToken>) -> Result<(), JobError> {
        let (db, org) = (&self.ctx.node.db, self.ctx.org());
        let ids: Vec<ConversationId> = rows.iter().map(|row| row.conversation_id).collect();
        let states = mirror::states(db, org, &ids).await?;
        let differing: Vec<&Conversation> =
            rows.iter().filter(|row| differs(states.get(&row.conversation_id), row)).collect();
        let wanted: Vec<ConversationId> = differing.iter().map(|row| row.conversation_id).collect();
        let told =
            if wanted.is_empty() { HashMap::new() } else { sweeps::last_told(db, org, &wanted).await? };
        for row in rows {
            self.state.tally.row(row.updated_at);
            self.state.changed += i64::from(self.before.is_none_or(|before| row.updated_at > Some(before)));
        }
        let now = self.ctx.now();
        let missed =
            differing.iter().filter(|row| is_missed(row, told.get(&row.conversation_id), now)).count();
        self.state.missed += i64::try_from(missed).unwrap_or(i64::MAX);
        let mut tx = self.ctx.begin().await?;
        self.signal(&mut tx, &wanted).await?;
        if self.scope == Scope::Whole {
            listings::record(&mut tx, &self.id, PASS, &ids).await?;
        }
        let checkpoint = Checkpoint {
            token: next.map(ToString::to_string),
            done: next.is_none(),
            counts: serde_json::to_string(&self.state).expect("counts are plain data"),
        };
        checkpoints::save(&mut tx, &self.id, STEP, &checkpoint).await?;
        Ok(tx.commit().await?)
    }

    /// Signal what the mirror holds as live and the list has not shown: gone, or only hidden from the list.
    pub(crate) async fn unlisted(&mut self) -> Result<(), JobError> {
        let (db, org) = (&self.ctx.node.db, self.ctx.org());
        let mut after = None;
        loop {
            let page = listings::unlisted(db, org, &self.id, PASS, after, UNLISTED_PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(*last);
            let mut tx = self.ctx.begin().await?;
            self.signal(&mut tx, &page).await?;
            tx.commit().await?;
        }
    }

    async fn signal(&mut self, tx: &mut Tx, ids: &[ConversationId]) -> Result<(), JobError> {
        let (org, due_at) = (self.ctx.org(), self.ctx.now());
        let signal = |id: &ConversationId| Signal {
            org,
            subject: Subject::Conversation(*id),
            priority: priority::SWEEP,
            due_at,
            trace: self.ctx.job.trace.clone(),
        };
        let signals: Vec<Signal> = ids.iter().map(signal).collect();
        self.state.differing += i64::try_from(ids.len()).unwrap_or(i64::MAX);
        signals::signal(tx, &signals, &*self.ctx.node.clock, &*self.ctx.node.entropy).await?;
        Ok(())
    }

    /// Write what was found, in the transaction that ends the job.
    pub(crate) async fn conclude(self, tx: &mut Tx) -> Result<(), JobError> {
        let (org, now, found) = (self.ctx.org(), self.ctx.now(), self.found());
        sweeps::finish(tx, &self.id.0, found, "done", now).await?;
        if let Some(newest) = self.state.tally.newest {
            watermarks::set(tx, org, SWEPT, newest).await?;
        }
        listings::clear(tx, &self.id).await?;
        checkpoints::clear(tx, &self.id).await?;
        self.count(found);
        Ok(())
    }

    fn found(&self) -> Found {
        let State { tally, changed, differing, missed } = &self.state;
        let listed = i64::try_from(tally.rows).unwrap_or(i64::MAX);
        Found { listed, changed: *changed, differing: *differing, missed: *missed }
    }

    #[expect(clippy::cast_precision_loss, reason = "a share is rounded anyway")]
    fn count(&self, found: Found) {
        let (metrics, org) = (&self.ctx.node.metrics, self.ctx.org());
        metrics.sweep_runs.of(self.kind, "done").inc();
        metrics.sweep_listed.inc_by(found.listed.unsigned_abs());
        metrics.sweep_differing.inc_by(found.differing.unsigned_abs());
        metrics.sweep_missed.inc_by(found.missed.unsigned_abs());
        metrics.sweep_missed_ratio.of(org).set(found.missed as f64 / found.changed.max(1) as f64);
    }
}

/// How reading a list ended early.
#[derive(Debug)]
pub(crate) enum LookError {
    /// A call failed.
    Call(drift::Error),
    /// Something else did.
    Job(JobError),
}

impl From<JobError> for LookError {
    fn from(error: JobError) -> Self {
        Self::Job(error)
    }
}

/// Up to where the list has been read: by a sweep, or else by an archive.
async fn last_read(ctx: &JobContext) -> Result<Option<Millis>, JobError> {
    let swept = watermarks::get(&ctx.node.db, ctx.org(), SWEPT).await?;
    let archived = watermarks::get(&ctx.node.db, ctx.org(), WATERMARK).await?;
    Ok(swept.max(archived))
}

/// From where on a sweep reads: the overlap before the last reading; everything, if there was none.
pub(crate) async fn since(ctx: &JobContext, overlap_ms: i64) -> Result<Option<Millis>, JobError> {
    Ok(last_read(ctx).await?.map(|at| at.plus(-overlap_ms)))
}

/// Whether the mirror lacks the row, or holds either part of it in an older state.
fn differs(state: Option<&ConversationState>, row: &Conversation) -> bool {
    let parts =
        state.filter(|state| !state.gone).and_then(|state| Some((state.messages_at?, state.details_at?)));
    let Some((messages, details)) = parts else { return true };
    row.updated_at.is_some_and(|at| messages.updated_at < at || details.updated_at < at)
}

/// Whether no event told of the change, and none can be on its way any more.
fn is_missed(row: &Conversation, told_at: Option<&Millis>, now: Millis) -> bool {
    let changed_at = row.updated_at.unwrap_or_default();
    let is_settled = now.since(changed_at) > GRACE_MS;
    is_settled && told_at.is_none_or(|told| told.plus(SKEW_MS) < changed_at)
}

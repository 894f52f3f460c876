//! Report metrics of every conversation, by windows of creation time; and, on the way, a second opinion on which
//! conversations there are: a report names their ids.
//!
//! 60 calls a minute at most (Drift: Conversation Reporting). A window is 30 days, so ten years cost 120 calls: two
//! minutes. No paging is documented, so a window whose answer is too large, or shorter than its own count says, is
//! split in two. Older windows are opened until two in a row are empty, so that what the list never showed is found.
//! The reports have a budget of their own: they are read beside the other stages, not after them.

use drift::Error;
use drift::endpoint::ReportQuery;
use drift::wire::{Filter, Report};
use model::record::ReportValue;
use model::{ConversationId, Millis};
use serde::{Deserialize, Serialize};
use store::directory;
use store::mirror::{self, ConversationState};

use super::by_id;
use super::judge::{Health, judge};
use super::ledger::{Entry, clear_failure, note_failure};
use super::plan::{self, Plan};
use super::{Mode, judge::Failure};
use crate::context::Context;
use crate::convert;
use crate::error::{Doing, EngineError};

/// The kind under which this stage is accounted for.
pub(crate) const KIND: &str = "report_values";
/// The checkpoint of the windows read so far.
const STEP: &str = "windows";
const WINDOW_MS: i64 = 30 * 24 * 60 * 60 * 1_000;
/// No window is split below this.
const WINDOW_MS_MIN: i64 = 60 * 1_000;
/// Windows of one run at most: with 30 days each, more than a hundred years.
const WINDOWS_MAX: usize = 2_000;
/// Values stored in one transaction.
const VALUES_PAGE: usize = 20_000;

/// The numeric properties that are known (Drift: Conversation Reporting, and its own sample exporter).
const METRICS: [&str; 12] = [
    "createdAt",
    "updatedAt",
    "firstAgentMessageAt",
    "firstCloseAt",
    "timeToCloseMillis",
    "timeToAgentResponseMillis",
    "lastAgentId",
    "relatedPlaybookId",
    "endUserId",
    "numAgentMessages",
    "numBotMessages",
    "numEndUserMessages",
];

/// The windows of a run: those still to be read (the last is next) and what the read ones said.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Windows {
    open: Vec<(Millis, Millis)>,
    /// Where the oldest window begins; older ones are opened until [`EMPTY_MAX`] in a row are empty.
    oldest: Option<Millis>,
    empty: u32,
    pub(crate) said: Vec<(Millis, Millis, u64)>,
    /// Conversations that a report names and the mirror lacks or holds in an older state: fetched by id, at most
    /// [`NAMED_MAX`].
    pub(crate) named: Vec<ConversationId>,
}

/// So many windows without a conversation, beyond the oldest we know of, end the search for older ones.
const EMPTY_MAX: u32 = 2;

/// The most conversations that are remembered for a fetch by id.
const NAMED_MAX: usize = 100_000;

/// Read all windows that this run has not read.
pub(crate) async fn fetch(ctx: &Context, plan: &Plan) -> Result<Windows, EngineError> {
    let mut windows = match plan::load(&ctx.db, &plan.run_id, STEP).await? {
        Some(windows) => windows,
        None => begin(ctx, plan).await?,
    };
    let mut entry = Entry::load(&ctx.db, &plan.run_id, KIND).await?;
    while let Some((from, to)) = windows.next() {
        if ctx.stop.is_set() {
            return Err(EngineError::Stopped);
        }
        match ask(ctx, plan, from, to).await {
            Ok(report) if is_short(&report) && splits(&windows, from, to) => split(&mut windows, from, to),
            Ok(report) => store_window(ctx, plan, &mut windows, &mut entry, (from, to), report).await?,
            Err(Error::TooLarge { .. }) if splits(&windows, from, to) => split(&mut windows, from, to),
            Err(error) => {
                let failure = judge(ctx, &Health::default(), "read a report", error)?;
                give_up(ctx, plan, &mut entry, &mut windows, &failure).await?;
            }
        }
    }
    by_id::fetch(ctx, plan, std::mem::take(&mut windows.named)).await?;
    entry.done = true;
    entry.save_alone(ctx, &plan.run_id, KIND).await?;
    Ok(windows)
}

async fn begin(ctx: &Context, plan: &Plan) -> Result<Windows, EngineError> {
    let end = ctx.clock.now().plus(1);
    let mut windows = Windows::default();
    if let (Mode::Changed, Some(since)) = (plan.fixed.mode, plan.fixed.since) {
        windows.open.push((since, end));
        return Ok(windows);
    }
    let first = mirror::first_created_at(&ctx.db, ctx.org).await.doing("look for the first conversation")?;
    let (mut to, start) = (end, first.unwrap_or(end));
    while to > start && windows.open.len() < WINDOWS_MAX {
        let from = to.plus(-WINDOW_MS);
        windows.open.insert(0, (from, to));
        to = from;
    }
    windows.oldest = Some(to);
    Ok(windows)
}

impl Windows {
    /// The next window to read: those that were planned, then older ones while they hold something.
    fn next(&mut self) -> Option<(Millis, Millis)> {
        if let Some(window) = self.open.pop() {
            return Some(window);
        }
        let to = self.oldest.filter(|_| self.empty < EMPTY_MAX && self.said.len() < WINDOWS_MAX)?;
        let from = to.plus(-WINDOW_MS);
        self.oldest = Some(from);
        Some((from, to))
    }
}

async fn ask(ctx: &Context, plan: &Plan, from: Millis, to: Millis) -> Result<Report, Error> {
    let property = match plan.fixed.mode {
        Mode::Full => "createdAt",
        Mode::Changed => "updatedAt",
    };
    // Whether the end counts is not documented: both ends are asked for, and doubles fall together by their key.
    let query = ReportQuery::of(&METRICS).filter(Filter::between(property, from, to));
    ctx.drift.conversation_report(&query).await
}

fn is_short(report: &Report) -> bool {
    report.count.is_some_and(|count| usize::try_from(count).is_ok_and(|count| count > report.rows.len()))
}

fn splits(windows: &Windows, from: Millis, to: Millis) -> bool {
    to.since(from) > WINDOW_MS_MIN && windows.open.len() < WINDOWS_MAX
}

fn split(windows: &mut Windows, from: Millis, to: Millis) {
    let middle = from.plus(to.since(from) / 2);
    windows.open.push((from, middle));
    windows.open.push((middle, to));
}

async fn store_window(
    ctx: &Context,
    plan: &Plan,
    windows: &mut Windows,
    entry: &mut Entry,
    (from, to): (Millis, Millis),
    report: Report,
) -> Result<(), EngineError> {
    let ids: Vec<ConversationId> = report.rows.iter().map(|row| row.conversation_id).collect();
    for page in report.rows.chunks(1_000) {
        let asked: Vec<ConversationId> = page.iter().map(|row| row.conversation_id).collect();
        let known =
            mirror::states(&ctx.db, ctx.org, &asked).await.doing("compare a report with the mirror")?;
        let room = NAMED_MAX.saturating_sub(windows.named.len());
        let unknown = page.iter().filter(|row| is_news(known.get(&row.conversation_id), &row.metrics.0));
        windows.named.extend(unknown.map(|row| row.conversation_id).take(room));
    }
    let inside = report.rows.iter().filter(|row| created_within(&row.metrics.0, from, to)).count() as u64;
    windows.said.push((from, to, inside));
    windows.empty = if inside == 0 { windows.empty + 1 } else { 0 };
    entry.fetched += ids.len() as u64;
    *entry.said.entry("reports".to_owned()).or_default() += inside;
    let values: Vec<ReportValue> =
        report.rows.iter().flat_map(|row| convert::report_values(row, &METRICS)).collect();
    let mut tx = ctx.db.begin().await.doing("store report values")?;
    for page in values.chunks(VALUES_PAGE) {
        directory::apply_report_values(&mut tx, ctx.org, page, ctx.clock.now())
            .await
            .doing("store report values")?;
    }
    clear_failure(ctx, &mut tx, KIND, "reports").await?;
    entry.save(&mut tx, &plan.run_id, KIND).await?;
    plan::save(&mut tx, &plan.run_id, STEP, None, false, windows).await?;
    plan.save_calls(ctx, &mut tx).await?;
    tx.commit().await.doing("store report values")
}

/// Whether the mirror lacks the conversation, or holds it as of an earlier update than the report tells.
fn is_news(state: Option<&ConversationState>, metrics: &[Option<f64>]) -> bool {
    let Some(state) = state else { return true };
    let updated_at = metrics.get(1).copied().flatten();
    updated_at.is_some_and(|at| !state.gone && state.updated_at.is_none_or(|held| (held.0 as f64) < at))
}

/// Whether the row's own creation time lies in the window; a row without one counts.
fn created_within(metrics: &[Option<f64>], from: Millis, to: Millis) -> bool {
    let created = metrics.first().copied().flatten();
    created.is_none_or(|at| at >= from.0 as f64 && at < to.0 as f64)
}

/// The endpoint refuses or fails: the rest of the windows would too.
async fn give_up(
    ctx: &Context,
    plan: &Plan,
    entry: &mut Entry,
    windows: &mut Windows,
    failure: &Failure,
) -> Result<(), EngineError> {
    let said = std::mem::take(&mut entry.said);
    *entry = Entry { said, fetched: entry.fetched, ..Entry::failed(failure) };
    windows.open.clear();
    windows.oldest = None;
    let mut tx = ctx.db.begin().await.doing("save the checkpoint")?;
    if matches!(failure, Failure::Failed { .. }) {
        note_failure(ctx, &mut tx, KIND, "reports", failure, ctx.clock.now()).await?;
    }
    entry.save(&mut tx, &plan.run_id, KIND).await?;
    plan.save_calls(ctx, &mut tx).await?;
    tx.commit().await.doing("save the checkpoint")
}

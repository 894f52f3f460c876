//! The last stage: list everything once more and hold it against the mirror, until nothing is unknown.
//!
//! Rows move under the cursor while an archive runs: a changed conversation jumps to the front and pushes others
//! over page borders, a vanished one pulls others back. So one pass proves nothing. A later pass costs one call for
//! 50 conversations; it is repeated until it shows none that the mirror did not know.

use std::collections::BTreeMap;

use model::{ConversationId, Millis};
use store::{failures, listings, mirror};

use super::listing::Tally;
use super::messages::{self, KIND, Listed};
use super::plan::Plan;
use super::reports::Windows;
use super::{Mode, attachments, by_id, contacts, details, directories};
use crate::certificate::Findings;
use crate::context::Context;
use crate::error::{Doing, EngineError};
use crate::progress::Stage;

/// Failures tried again at once.
const RETRY_PAGE: u32 = 10_000;
/// Conversations read from the store at once.
const PAGE: u32 = 1_000;

/// What the passes over the list came to.
#[derive(Debug, Clone, Default)]
pub(crate) struct Passes {
    /// All passes, in order.
    pub(crate) all: Vec<Tally>,
    /// The last pass that read the list to its end after the first one, and its number.
    pub(crate) whole: Option<(u32, Tally)>,
    /// Whether the last pass found nothing new or changed, and was begun by this process.
    pub(crate) quiet: bool,
    /// How many of them this process began. Those of an earlier one tell nothing of what changed after it died.
    fresh: u32,
}

impl Passes {
    fn add(&mut self, number: u32, Listed { tally, is_fresh }: Listed) {
        if number > 1 && tally.to_end {
            self.whole = Some((number, tally.clone()));
        }
        self.quiet = is_fresh && tally.unseen + tally.changed == 0;
        self.fresh += u32::from(is_fresh);
        self.all.push(tally);
    }

    fn last(&self) -> &Tally {
        self.all.last().expect("there is always the first pass")
    }

    fn next_number(&self) -> u32 {
        u32::try_from(self.all.len() + 1).unwrap_or(u32::MAX)
    }

    /// Whether everything listed was known.
    pub(crate) fn compared(&self) -> bool {
        self.whole.as_ref().is_some_and(|(_, tally)| tally.unseen == 0)
    }
}

/// What the next pass is for.
enum Next {
    /// Read the whole list again.
    Whole,
    /// Read what changed since the last pass began.
    Head(Millis),
    Nothing,
}

/// Compare the list with the mirror, fetch what differs, and say what was found.
pub(crate) async fn compare(
    ctx: &Context,
    plan: &Plan,
    first: Listed,
    windows: Windows,
) -> Result<Findings, EngineError> {
    let mut passes = Passes::default();
    passes.add(1, first);
    retry_failed(ctx, plan).await?;
    around_what_was_found(ctx, plan).await?;
    let mut stats = directories::stats(ctx, plan).await?;
    loop {
        let since = match next(ctx, plan, &passes, stats.as_ref()).await? {
            Next::Nothing => break,
            Next::Whole => None,
            Next::Head(since) => Some(since),
        };
        let number = passes.next_number();
        let total = stats.as_ref().map(|counts| counts.values().sum());
        let listed = messages::run(ctx, plan, number, since, Stage::Comparing, total).await?;
        if listed.tally.to_end {
            confirm_unlisted(ctx, plan, number).await?;
        }
        passes.add(number, listed);
        retry_failed(ctx, plan).await?;
        around_what_was_found(ctx, plan).await?;
        stats = directories::stats(ctx, plan).await?;
    }
    let pass = passes.whole.as_ref().map_or(1, |(number, _)| *number);
    let listed = listings::count(&ctx.db, &plan.run_id, pass).await.doing("count what was listed")?;
    Ok(Findings { passes, stats, windows: windows.said, listed: listed.unsigned_abs() })
}

/// The files, details and contacts of conversations that the comparison brought.
async fn around_what_was_found(ctx: &Context, plan: &Plan) -> Result<(), EngineError> {
    attachments::fetch_missing(ctx, plan).await?;
    details::fetch_missing(ctx, plan).await?;
    contacts::fetch_missing(ctx, plan).await
}

/// A whole pass until one shows nothing unknown, then short ones until Drift holds still, all of them bounded.
async fn next(
    ctx: &Context,
    plan: &Plan,
    passes: &Passes,
    stats: Option<&BTreeMap<String, u64>>,
) -> Result<Next, EngineError> {
    let last = passes.last();
    let failed = last.failed.is_some() || last.refused.is_some();
    if failed || passes.fresh >= ctx.limits.passes_max {
        return Ok(Next::Nothing);
    }
    // A short pass may come to the end of the list too: from then on it is held to the same.
    let is_due = plan.fixed.mode == Mode::Full || passes.whole.is_some();
    if is_due && !passes.compared() {
        return Ok(Next::Whole);
    }
    // Rows may have been pulled over a page border unseen: what changed is listed until nothing more shows, twice at least.
    let since = match plan.fixed.mode {
        Mode::Full => last.newest,
        Mode::Changed => plan.fixed.since,
    };
    let is_settled = passes.quiet && passes.all.len() > 1;
    if let (false, Some(since)) = (is_settled, since) {
        return Ok(Next::Head(since));
    }
    let stored = mirror::live(&ctx.db, ctx.org).await.doing("count what is stored")?.by_status;
    let agrees = stats.is_none_or(|said| Counted::of(said, &stored).agrees);
    let is_short = stats.is_some_and(|said| Counted::of(said, &stored).missing > 0);
    if is_short || !(agrees || passes.compared()) { Ok(Next::Whole) } else { Ok(Next::Nothing) }
}

/// The API's own count, held against the mirror's.
pub(crate) struct Counted {
    /// Whether every status has the same number.
    pub(crate) agrees: bool,
    /// How many more the API counts, over all the statuses that it counts.
    pub(crate) missing: u64,
}

impl Counted {
    pub(crate) fn of(said: &BTreeMap<String, u64>, stored: &BTreeMap<String, u64>) -> Self {
        let held = |status: &str| stored.get(&status.to_lowercase()).copied().unwrap_or(0);
        let (all, ours) =
            said.iter().fold((0, 0), |(all, ours), (status, count)| (all + count, ours + held(status)));
        Self {
            agrees: said.iter().all(|(status, count)| held(status) == *count),
            missing: all.saturating_sub(ours),
        }
    }
}

/// What the mirror holds and the list does not show is asked for by id: gone, or only hidden from the list.
async fn confirm_unlisted(ctx: &Context, plan: &Plan, pass: u32) -> Result<(), EngineError> {
    let mut after: Option<ConversationId> = None;
    loop {
        let page = listings::unlisted(&ctx.db, ctx.org, &plan.run_id, pass, after, PAGE)
            .await
            .doing("compare the list with the mirror")?;
        let Some(last) = page.last() else { return Ok(()) };
        after = Some(*last);
        by_id::fetch(ctx, plan, page).await?;
    }
}

/// Try again, once a stage, what failed before: in this run or an earlier one.
async fn retry_failed(ctx: &Context, plan: &Plan) -> Result<(), EngineError> {
    let known = failures::list(&ctx.db, ctx.org, Some(KIND), RETRY_PAGE).await.doing("read the failures")?;
    let ids =
        known.iter().filter(|failure| failure.class != "gone").filter_map(|failure| failure.key.parse().ok());
    by_id::fetch(ctx, plan, ids.collect()).await
}

//! Drawing up the certificate: every count is read anew from the store, every doubt becomes a reason.

use std::collections::BTreeMap;

use model::Millis;
use store::failures::{self, Failure as StoredFailure};
use store::mirror::{self, Counts, Live, Missing};

use super::types::{Certificate, FAILURES_MAX, FORMAT, FailureLine, KindLine, WindowLine};
use super::write::{HASHES_PAGE, OverallHash};
use crate::archive::comparing::{Counted, Passes};
use crate::archive::ledger::Entry;
use crate::archive::plan::Plan;
use crate::archive::{Mode, attachments, contacts, details, directories, messages, reports};
use crate::context::Context;
use crate::error::{Doing, EngineError};

/// What the stages of an archive found out.
pub(crate) struct Findings {
    /// The passes over the list.
    pub(crate) passes: Passes,
    /// `/conversations/stats` at the end, where it answered.
    pub(crate) stats: Option<BTreeMap<String, u64>>,
    /// Windows of creation time and what the reports said of them.
    pub(crate) windows: Vec<(Millis, Millis, u64)>,
    /// Distinct conversations in the last whole pass.
    pub(crate) listed: u64,
}

impl Findings {
    /// Drift's newest update time when the first pass began: what lies before it has been read.
    pub(crate) fn watermark(&self) -> Option<Millis> {
        self.passes.all.first().and_then(|tally| tally.newest)
    }
}

/// What lies in the store.
struct Stock {
    counts: Counts,
    live: Live,
    missing: Missing,
}

impl Stock {
    async fn read(ctx: &Context) -> Result<Self, EngineError> {
        const DOING: &str = "count what is stored";
        Ok(Self {
            counts: mirror::counts(&ctx.db, ctx.org).await.doing(DOING)?,
            live: mirror::live(&ctx.db, ctx.org).await.doing(DOING)?,
            missing: mirror::missing(&ctx.db, ctx.org).await.doing(DOING)?,
        })
    }

    /// Rows of one public table, those gone included.
    fn rows(&self, table: &str) -> u64 {
        self.counts.tables.get(table).copied().unwrap_or(0).unsigned_abs()
    }

    /// What is stored of a kind, in the kind's own terms.
    fn of(&self, kind: &str) -> u64 {
        match kind {
            details::KIND => self.live.conversations.saturating_sub(self.missing.details),
            attachments::KIND => self.counts.attachments_with_bytes.unsigned_abs(),
            table => self.rows(table),
        }
    }
}

/// Collects reasons and notes.
#[derive(Default)]
struct Verdict {
    reasons: Vec<String>,
    notes: Vec<String>,
}

impl Verdict {
    fn against(&mut self, holds: bool, reason: impl FnOnce() -> String) {
        if holds {
            self.reasons.push(reason());
        }
    }
}

/// Draw up the certificate of a run.
pub(crate) async fn build(
    ctx: &Context,
    plan: &Plan,
    findings: Findings,
) -> Result<Certificate, EngineError> {
    let stock = Stock::read(ctx).await?;
    let known = failures::list(&ctx.db, ctx.org, None, u32::MAX).await.doing("read the failures")?;
    let mut verdict = Verdict::default();
    judge_lists(plan, &findings, &stock.live, &mut verdict);
    let windows = judge_windows(ctx, plan, &findings, &mut verdict).await?;
    let kinds = judge_kinds(ctx, plan, &findings, &stock, &known, &mut verdict).await?;
    judge_missing(stock.missing, &mut verdict);
    let (hash, hashed) = overall_hash(ctx).await?;
    verdict.against(hashed != stock.live.conversations, || {
        format!("{} conversations are stored, but {hashed} were hashed", stock.live.conversations)
    });
    Ok(Certificate {
        format: FORMAT.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        org_id: ctx.org,
        run_id: plan.run_id.clone(),
        mode: plan.fixed.mode,
        started_at: plan.fixed.started_at,
        finished_at: ctx.clock.now(),
        api: ctx.drift.config().api.to_string(),
        scopes: plan.fixed.scopes.clone(),
        complete: verdict.reasons.is_empty(),
        reasons: verdict.reasons,
        notes: verdict.notes,
        kinds,
        windows,
        failures_total: known.len() as u64,
        failures: known.into_iter().take(FAILURES_MAX).map(failure_line).collect(),
        calls: plan.calls(ctx),
        conversations: stock.live.conversations,
        messages: stock.live.messages,
        contacts: stock.rows(contacts::KIND),
        hash,
    })
}

fn failure_line(failure: StoredFailure) -> FailureLine {
    FailureLine { kind: failure.kind, key: failure.key, class: failure.class, reason: failure.reason }
}

fn judge_lists(plan: &Plan, findings: &Findings, live: &Live, verdict: &mut Verdict) {
    let passes = &findings.passes;
    let last = passes.all.last().cloned().unwrap_or_default();
    if let Some(scope) = &last.refused {
        verdict
            .reasons
            .push(format!("conversations: the list was refused, the token lacks the scope {scope}"));
    }
    if let Some(reason) = &last.failed {
        verdict.reasons.push(format!("conversations: the list could not be read to its end ({reason})"));
    }
    let read = last.failed.is_none() && last.refused.is_none();
    let first = passes.all.first().cloned().unwrap_or_default();
    match (plan.fixed.mode, &passes.whole) {
        (_, Some((_, whole))) => verdict.against(read && whole.unseen > 0, || {
            format!(
                "conversations: the last comparison still showed {} that the mirror had not known",
                whole.unseen
            )
        }),
        (Mode::Full, None) => {
            verdict.against(read, || "conversations: the list was not compared to its end".into());
        }
        (Mode::Changed, None) => verdict
            .against(read && !first.to_end && !first.reached(plan.fixed.since), || {
                "conversations: the list was not read back to the last complete archive".into()
            }),
    }
    verdict.against(passes.whole.is_some() && findings.listed > live.conversations + live.gone, || {
        format!("conversations: {} are listed, {} are stored", findings.listed, live.conversations)
    });
    if passes.whole.is_some() && findings.listed < live.conversations {
        let (listed, stored) = (findings.listed, live.conversations);
        verdict.notes.push(format!(
            "the list showed {listed} of {stored} conversations; the others were asked for by id"
        ));
    }
    if passes.all.iter().any(|tally| tally.unordered) {
        verdict.notes.push("the conversation list was not always in order of update time".into());
    }
    if !passes.quiet && read {
        verdict.notes.push("conversations kept changing to the end: this is a copy of a moving thing".into());
    }
    judge_stats(findings, live, verdict);
}

fn judge_stats(findings: &Findings, live: &Live, verdict: &mut Verdict) {
    let Some(stats) = &findings.stats else {
        verdict.notes.push("the API did not say how many conversations there are".into());
        return;
    };
    for (status, said) in stats {
        let stored = live.by_status.get(&status.to_lowercase()).copied().unwrap_or(0);
        if *said != stored {
            verdict.notes.push(format!("the API counts {said} {status} conversations, {stored} are stored"));
        }
    }
    let missing = Counted::of(stats, &live.by_status).missing;
    verdict.against(missing > 0, || format!("conversations: the API counts {missing} more than are stored"));
    let named: u64 = findings.windows.iter().map(|window| window.2).sum();
    if !findings.windows.is_empty() && named < live.conversations {
        verdict.notes.push(format!("the reports name {named} of {} conversations", live.conversations));
    }
}

async fn judge_windows(
    ctx: &Context,
    plan: &Plan,
    findings: &Findings,
    verdict: &mut Verdict,
) -> Result<Vec<WindowLine>, EngineError> {
    let mut lines = Vec::new();
    if plan.fixed.mode == Mode::Changed {
        return Ok(lines);
    }
    for &(from, to, said) in &findings.windows {
        let stored =
            mirror::count_created_between(&ctx.db, ctx.org, from, to).await.doing("count a window")?;
        let stored = u64::try_from(stored).unwrap_or(0);
        if said > stored {
            verdict.reasons.push(format!(
                "reports count {said} conversations created in {from}..{to}, {stored} are stored"
            ));
        }
        lines.push(WindowLine { from, to, said, stored });
    }
    lines.sort_by_key(|line| line.from);
    Ok(lines)
}

async fn judge_kinds(
    ctx: &Context,
    plan: &Plan,
    findings: &Findings,
    stock: &Stock,
    known: &[StoredFailure],
    verdict: &mut Verdict,
) -> Result<Vec<KindLine>, EngineError> {
    let mut lines = vec![conversations_line(findings, &stock.live)];
    let read = findings.passes.all.iter().map(|tally| tally.messages).sum();
    lines.push(KindLine {
        kind: "messages".into(),
        fetched: read,
        stored: stock.live.messages,
        ..KindLine::default()
    });
    let steps = [attachments::KIND, details::KIND, contacts::KIND].into_iter();
    for kind in steps.chain(directories::words()).chain([reports::KIND]) {
        let entry = Entry::load(&ctx.db, &plan.run_id, kind).await?;
        let line = KindLine {
            kind: kind.to_owned(),
            said: entry.said,
            fetched: entry.fetched,
            stored: stock.of(kind),
            gone: entry.gone,
            failed: 0,
            refused: entry.refused,
            reason: entry.reason,
        };
        if let Some(scope) = &line.refused {
            verdict.reasons.push(format!("{kind}: refused, the token lacks the scope {scope}"));
        }
        if let Some(reason) = &line.reason {
            verdict.reasons.push(format!("{kind}: could not be read ({reason})"));
        }
        lines.push(line);
    }
    for line in &mut lines {
        let key = if line.kind == "conversations" { messages::KIND } else { line.kind.as_str() };
        let failed =
            known.iter().filter(|failure| failure.kind == key && failure.class != "gone").count() as u64;
        line.failed = failed;
        verdict.against(failed > 0 && line.reason.is_none(), || {
            format!("{}: {failed} could not be fetched", line.kind)
        });
    }
    Ok(lines)
}

fn conversations_line(findings: &Findings, live: &Live) -> KindLine {
    let mut said = BTreeMap::from([("list".to_owned(), findings.listed)]);
    if let Some(stats) = &findings.stats {
        said.insert("stats".to_owned(), stats.values().sum());
    }
    if !findings.windows.is_empty() {
        said.insert("reports".to_owned(), findings.windows.iter().map(|window| window.2).sum());
    }
    let last = findings.passes.all.last();
    KindLine {
        kind: "conversations".into(),
        said,
        fetched: findings.passes.all.iter().map(|tally| tally.unseen + tally.changed).sum(),
        stored: live.conversations,
        gone: live.gone,
        refused: last.and_then(|tally| tally.refused.clone()),
        reason: last.and_then(|tally| tally.failed.clone()),
        ..KindLine::default()
    }
}

fn judge_missing(missing: Missing, verdict: &mut Verdict) {
    let all = [
        ("conversations whose messages were not read", missing.messages),
        ("conversations without their details", missing.details),
        ("contacts that conversations name", missing.contacts),
        ("attachments without their bytes", missing.attachments),
    ];
    for (what, count) in all {
        verdict.against(count > 0, || format!("missing: {count} {what}"));
    }
}

async fn overall_hash(ctx: &Context) -> Result<(String, u64), EngineError> {
    let (mut overall, mut after, mut hashed) = (OverallHash::new(), None, 0);
    loop {
        let page = mirror::hashes(&ctx.db, ctx.org, after, HASHES_PAGE).await.doing("read the hashes")?;
        let Some(last) = page.last() else { return Ok((overall.finish(), hashed)) };
        after = Some(last.conversation_id);
        for line in page.iter().filter(|line| !line.gone) {
            overall.add(line.conversation_id, line.message_count, &line.hash.unwrap_or_default());
            hashed += 1;
        }
    }
}

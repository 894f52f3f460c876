//! Reading the request log.

use serde_json::json;

use super::{Control, value};
use crate::answer::{Answer, Answered};
use crate::faults::fits;
use crate::sandbox::Inner;

/// Entries of an answer when the caller does not say.
const LIMIT_DEFAULT: u64 = 100;
/// Most entries of an answer.
const LIMIT_MAX: u64 = 200_000;

pub(super) fn read(sandbox: &Inner, control: &Control<'_>) -> Answered {
    let (path, method, fault) = (control.query("path"), control.query("method"), control.query("fault"));
    let (status, after) = (control.number("status")?, control.number("after")?.unwrap_or(0));
    let limit = control.number("limit")?.unwrap_or(LIMIT_DEFAULT).min(LIMIT_MAX);
    let entries = sandbox.log.newest(usize::try_from(limit).unwrap_or(usize::MAX), |entry| {
        entry.number > after
            && path.as_deref().is_none_or(|pattern| fits(pattern, entry.path()))
            && method.as_deref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(entry.method))
            && fault.as_deref().is_none_or(|wanted| entry.fault == Some(wanted))
            && status.is_none_or(|wanted| wanted == u64::from(entry.status))
    });
    // One entry a line: readable, and not three times as long as it must be.
    let lines: Vec<String> = entries.iter().map(|entry| json!(entry).to_string()).collect();
    Ok(Answer::bare(format!(
        "{{\"total\": {}, \"dropped\": {}, \"entries\": [\n{}\n]}}\n",
        sandbox.log.total(),
        sandbox.log.dropped(),
        lines.join(",\n")
    )))
}

pub(super) fn counts(sandbox: &Inner) -> Answer {
    let mut counts = json!(sandbox.log.totals());
    counts["tokens_issued"] = sandbox.tokens.generation().into();
    counts["refreshes"] = sandbox.tokens.refreshes().into();
    counts["replays"] = sandbox.tokens.replays().into();
    value(&counts)
}

//! Conversations, their messages, transcripts, files and reports.

use http::StatusCode;
use serde_json::json;

use crate::answer::{Answer, Answered};
use crate::call::Call;
use crate::sandbox::Inner;
use crate::world::ReportRequest;

/// Messages of a page (Drift's samples; fixed).
const MESSAGES_PAGE: usize = 50;

pub(super) fn get(sandbox: &Inner, call: &Call<'_>) -> Answered {
    let id = call.id()?;
    sandbox.world.conversation(id).map(|json| Answer::data(&json)).ok_or_else(|| missing(id))
}

/// Oldest first, in pages of 50. The `pagination` block is always there, `next` only if more remains.
pub(super) fn messages(sandbox: &Inner, call: &Call<'_>) -> Answered {
    let id = call.id()?;
    let start: usize = call.query_number("next")?.unwrap_or(0);
    let slice = sandbox.world.messages(id, start, MESSAGES_PAGE).ok_or_else(|| missing(id))?;
    let end = start.saturating_add(slice.count);
    let pagination = if end < slice.total {
        format!("]}},\"pagination\":{{\"more\":true,\"next\":\"{end}\"}}}}")
    } else {
        "]},\"pagination\":{\"more\":false}}".to_owned()
    };
    // The array's own bracket is left to the tail, so that the page is copied once.
    let array = slice.array.strip_suffix(b"]").unwrap_or(&slice.array);
    Ok(Answer::bare([b"{\"data\":{\"messages\":", array, pagination.as_bytes()].concat()))
}

pub(super) fn create_message(sandbox: &Inner, call: &Call<'_>) -> Answered {
    let message = sandbox.world.create_message(call.id()?, &call.json()?, call.now)?;
    Ok(Answer::data(&message))
}

/// Answers without `data`, as the page and every fixture show it.
pub(super) fn create(sandbox: &Inner, call: &Call<'_>) -> Answered {
    Ok(Answer::bare(sandbox.world.create_conversation(&call.json()?, call.now)?))
}

/// Plain text, the reading with the best evidence.
pub(super) fn transcript(sandbox: &Inner, call: &Call<'_>) -> Answered {
    let id = call.id()?;
    sandbox.world.transcript_text(id).map(Answer::text).ok_or_else(|| missing(id))
}

pub(super) fn json_transcript(sandbox: &Inner, call: &Call<'_>) -> Answered {
    let id = call.id()?;
    let messages = sandbox.world.transcript_json(id).ok_or_else(|| missing(id))?;
    Ok(Answer::bare([b"{\"data\":{\"messages\":", &*messages, b"}}"].concat()))
}

pub(super) fn stats(sandbox: &Inner, _: &Call<'_>) -> Answered {
    let counts = sandbox.world.stats();
    let by_status = json!({"CLOSED": counts.closed, "OPEN": counts.open, "PENDING": counts.pending});
    Ok(Answer::bare(json!({"conversationCount": by_status}).to_string()))
}

pub(super) fn attachment(sandbox: &Inner, call: &Call<'_>) -> Answered {
    let id = call.id()?;
    let file =
        sandbox.world.attachment(id).ok_or_else(|| Answer::not_found(format_args!("attachment {id}")))?;
    Ok(Answer::new(StatusCode::OK, file.mime, file.bytes))
}

pub(super) fn report(sandbox: &Inner, call: &Call<'_>) -> Answered {
    let request: ReportRequest = serde_json::from_slice(call.body)
        .map_err(|error| Answer::invalid(format_args!("the report: {error}")))?;
    Ok(Answer::bare(sandbox.world.report(&request)?))
}

/// The legacy summary. Its answer is documented nowhere; ours repeats the metrics asked for, with values over all
/// conversations where the world can tell (`COUNT`), and `null` elsewhere.
pub(super) fn summary(sandbox: &Inner, call: &Call<'_>) -> Answered {
    let asked = call.json()?;
    let metrics = asked["metrics"].as_array().cloned().unwrap_or_default();
    let counts = sandbox.world.stats();
    let total = counts.open + counts.closed + counts.pending + counts.bulk_sent;
    let of_one = |metric: &serde_json::Value| {
        let value = if metric["type"] == "COUNT" { json!(total) } else { json!(null) };
        json!({"type": metric["type"], "property": metric["property"], "value": value})
    };
    let values: Vec<serde_json::Value> = metrics.iter().map(of_one).collect();
    Ok(Answer::bare(json!({"data": {"metrics": values}}).to_string()))
}

fn missing(id: i64) -> Answer {
    Answer::not_found(format_args!("conversation {id}"))
}

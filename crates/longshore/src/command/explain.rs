//! `longshore explain`: what happened to a conversation or an event, in the order of time, and what is to come and why.

use model::{ConversationId, EventId, Millis, OrgId};
use serde::Serialize;
use store::explain::{self, LINES_MAX, Line, Pending, Story, Waiting, What, Window};

use crate::app::App;
use crate::database::{self, Missing};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::table::{Column, instant, table};
use crate::when::{self, When};

/// Explain what happened to a conversation or an event, and what is pending and why
///
/// Every event, run of a job, change, effect, fact and error in the order of time; the newest --limit of them. Read from the
/// database alone; nothing personal is shown.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What to explain
    #[arg(value_enum)]
    what: Subject,
    /// Drift's number of the conversation, or the id of the event
    id: String,
    /// Only what happened since then: 2026-11-22, 2026-11-22T10:00:00Z, or 2h for two hours ago
    #[arg(long, value_name = "TIME", value_parser = when::parse)]
    since: Option<When>,
    /// Only what happened before then
    #[arg(long, value_name = "TIME", value_parser = when::parse)]
    before: Option<When>,
    /// How many lines at the most
    #[arg(long, value_name = "N", default_value_t = 200)]
    limit: usize,
}

/// What a person names by an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Subject {
    Conversation,
    Event,
}

#[derive(Debug, Serialize)]
struct Report {
    organization: OrgId,
    #[serde(flatten)]
    story: Story,
}

/// Tell it.
pub(crate) async fn run(app: &App, args: Args) -> Result<Exit, Failure> {
    let db = database::open(app, Missing::Refuse).await?;
    let organization = database::organization(app, &db).await?;
    let now = app.clock.now();
    let window = Window {
        since: args.since.map(|since| since.instant(now)),
        before: args.before.map(|before| before.instant(now)),
        limit: args.limit.clamp(1, LINES_MAX),
    };
    let failed = |error| Failure::store("read what happened from", &app.config.database, &error);
    let story = match args.what {
        Subject::Conversation => {
            let id = conversation(&args.id)?;
            explain::conversation(&db, organization, id, window, now).await.map_err(failed)?
        }
        Subject::Event => {
            let id = EventId(args.id.clone());
            let story = explain::event(&db, organization, &id, window, now).await.map_err(failed)?;
            story.ok_or_else(|| unknown_event(&args.id, organization))?
        }
    };
    db.close().await;
    let report = Report { organization, story };
    app.output.report(Exit::Done, &report, &text(&report, now))
}

/// A conversation's number as a person typed it.
pub(super) fn conversation(text: &str) -> Result<ConversationId, Failure> {
    text.parse().map_err(|error| Failure::usage(format!("\"{text}\": {error}")))
}

pub(super) fn unknown_event(id: &str, organization: OrgId) -> Failure {
    Failure::usage(format!("organization {organization} has no event {id}"))
        .hint("\"longshore explain conversation ID\" lists the events of a conversation")
}

fn text(report: &Report, now: Millis) -> String {
    let story = &report.story;
    let mut text = match (story.conversation_id, story.held) {
        (Some(id), Some(held)) => {
            let gone = held.gone_at.map_or_else(String::new, |at| format!(", gone since {}", instant(at.0)));
            format!(
                "Conversation {id} of organization {}: {} messages in the mirror, fetched {}{gone}\n",
                report.organization,
                held.messages,
                instant(held.fetched_at.0)
            )
        }
        (Some(id), None) => {
            format!("Conversation {id} of organization {}: not in the mirror\n", report.organization)
        }
        (None, _) => format!("An event of organization {} about no conversation\n", report.organization),
    };
    let columns = [Column::Text("time"), Column::Text("what"), Column::Text("which")];
    let rows = story.lines.iter().map(|line| {
        let (what, which) = line_text(line);
        vec![instant(line.at.0), what.into(), which]
    });
    let lines = table(&columns, rows.collect());
    text += &if lines.is_empty() { "nothing has happened yet\n".into() } else { format!("\n{lines}") };
    if let Some(earlier) = story.earlier {
        text += &format!("earlier: --before {}\n", earlier.0);
    }
    text += if story.pending.is_empty() { "\nnothing is pending\n" } else { "\nPending:\n" };
    for pending in &story.pending {
        text += &format!("  {}\n", pending_text(pending, now));
    }
    text
}

fn line_text(line: &Line) -> (&'static str, String) {
    let about = |message: Option<i64>| message.map_or_else(String::new, |id| format!(", message {id}"));
    let failed =
        |error: &Option<String>| error.as_ref().map_or_else(String::new, |error| format!(": {error}"));
    match &line.what {
        What::Event { event_id, kind, message_id, outcome, .. } => {
            let outcome = outcome.as_deref().unwrap_or("not routed yet");
            ("event", format!("{kind}{}, {outcome} ({event_id})", about(*message_id)))
        }
        What::Run { kind, attempt, signals, claimed_at, outcome, error, .. } => {
            let took = line.at.0 - claimed_at;
            let text = format!("{kind}, attempt {attempt}, {signals} signals, {took} ms: {outcome}");
            ("run", text + &failed(error))
        }
        What::Change { seq, kind, message_id, .. } => {
            ("change", format!("{seq}: {kind}{}", about(*message_id)))
        }
        What::Effect { consumer, seq, state, attempts, error, .. } => {
            let text = format!("change {seq} at {consumer}: {state} after {attempts} attempts");
            ("effect", text + &failed(error))
        }
        What::Fact { kind, .. } => ("fact", kind.clone()),
        What::Failure { kind, class, reason, attempts } => {
            ("failure", format!("{kind} failed {attempts} times ({class}): {reason}"))
        }
    }
}

fn pending_text(pending: &Pending, now: Millis) -> String {
    let tries = |attempts: i64, error: &Option<String>| match error {
        Some(error) => format!(", {attempts} attempts, the last: {error}"),
        None => String::new(),
    };
    let what = match &pending.what {
        Waiting::Event { event_id, kind, .. } => format!("event {kind} ({event_id}) is to be routed"),
        Waiting::Job { job_id, kind, state, signals, attempts, error, .. } => {
            format!("job {kind} ({job_id}) is {state}, {signals} signals{}", tries(*attempts, error))
        }
        Waiting::Effect { consumer, seq, attempts, error, .. } => {
            format!("change {seq} is owed to {consumer}{}", tries(*attempts, error))
        }
    };
    let why: Vec<String> = pending
        .why
        .iter()
        .map(|why| match why.until().filter(|until| *until > now) {
            Some(until) => format!("{why} (until {})", instant(until.0)),
            None => why.to_string(),
        })
        .collect();
    if why.is_empty() { format!("{what}; it is next") } else { format!("{what}; {}", why.join("; ")) }
}

//! `longshore replay`: a refresh, events through the router, or dead letters once more.

use model::{EventId, OrgId};
use serde::Serialize;
use store::StoreError;
use store::replay::{self, Plan, Replayed, Selection};

use super::explain::{Subject, conversation, unknown_event};
use crate::app::App;
use crate::database::{self, Missing};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::table::{Column, instant, table};
use crate::when::{self, When};
use crate::who;

/// Do once more: fetch a conversation, route events, or try dead letters
///
/// A replay may run at any time and twice: what is already as it should be stays as it is. It is written to the database; a
/// running server takes it up at once, or the next one does.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What to replay
    #[arg(value_enum, requires = "id", conflicts_with_all = ["failed", "since", "until"])]
    what: Option<Subject>,
    /// Drift's number of the conversation, or the id of the event
    id: Option<String>,
    /// All dead letters
    #[arg(long, conflicts_with_all = ["since", "until"])]
    failed: bool,
    /// The events received since then: 2026-11-22, 2026-11-22T10:00:00Z, or 2h for two hours ago
    #[arg(long, value_name = "TIME", value_parser = when::parse, requires = "until")]
    since: Option<When>,
    /// The events received before then
    #[arg(long, value_name = "TIME", value_parser = when::parse, requires = "since")]
    until: Option<When>,
    /// Only events of this type
    #[arg(long = "type", value_name = "TYPE", requires = "since")]
    kind: Option<String>,
    /// Say what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Serialize)]
pub(super) struct Report {
    organization: OrgId,
    plan: Plan,
    /// What was done; nothing for a dry run.
    done: Option<Replayed>,
}

/// Replay.
pub(crate) async fn run(app: &App, args: Args) -> Result<Exit, Failure> {
    let selection = selection(app, &args)?;
    replay(app, &selection, args.dry_run).await
}

/// Replay a selection, or say what that would be.
pub(super) async fn replay(app: &App, selection: &Selection, dry_run: bool) -> Result<Exit, Failure> {
    let db = database::open(app, Missing::Refuse).await?;
    let organization = database::organization(app, &db).await?;
    let failed = |error: StoreError| match (&error, selection) {
        (StoreError::NotFound { .. }, Selection::Event(id)) => unknown_event(&id.0, organization),
        (StoreError::NotFound { .. }, Selection::DeadLetter(id)) => {
            Failure::usage(format!("organization {organization} has no dead letter {id}"))
                .hint("\"longshore queue dead\" lists them")
        }
        _ => Failure::store("replay in", &app.config.database, &error),
    };
    let plan = replay::plan(&db, organization, selection).await.map_err(failed)?;
    let done = if dry_run {
        None
    } else {
        let seams = (app.clock.as_ref(), app.entropy.as_ref());
        let done = replay::run(&db, organization, selection, &who::command(), seams).await;
        Some(done.map_err(failed)?)
    };
    db.close().await;
    let report = Report { organization, plan, done };
    app.output.report(Exit::Done, &report, &text(&report))
}

fn selection(app: &App, args: &Args) -> Result<Selection, Failure> {
    let now = app.clock.now();
    match (args.what, args.id.as_deref(), args.since, args.until) {
        (Some(Subject::Conversation), Some(id), ..) => Ok(Selection::Conversation(conversation(id)?)),
        (Some(Subject::Event), Some(id), ..) => Ok(Selection::Event(EventId(id.to_owned()))),
        (_, _, Some(since), Some(until)) => {
            let (since, until) = (since.instant(now), until.instant(now));
            if since >= until {
                return Err(Failure::usage("--since must lie before --until"));
            }
            Ok(Selection::Events { since, until, kind: args.kind.clone() })
        }
        _ if args.failed => Ok(Selection::Failed { kind: None }),
        _ => Err(Failure::usage("nothing to replay was named")
            .hint("give conversation ID, event ID, --failed, or --since and --until")),
    }
}

fn text(report: &Report) -> String {
    let plan = &report.plan;
    let would = sum(plan.conversations, plan.events, plan.dead_letters);
    let mut text = match &report.done {
        None => format!("would replay {would}\n"),
        Some(done) => {
            let count = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
            let done = sum(count(done.conversations), count(done.events), count(done.dead_letters));
            format!("replayed {done}\n")
        }
    };
    if report.done.is_none() && !plan.first.is_empty() {
        let columns = [Column::Text("what"), Column::Text("about"), Column::Text("at"), Column::Text("id")];
        let rows = plan.first.iter().map(|named| {
            let at = named.at.map_or_else(String::new, |at| instant(at.0));
            vec![named.kind.clone(), named.about.clone().unwrap_or_default(), at, named.id.clone()]
        });
        text += &format!("\n{}", table(&columns, rows.collect()));
    }
    text
}

fn sum(conversations: i64, events: i64, dead_letters: i64) -> String {
    let parts = [(conversations, "conversations"), (events, "events"), (dead_letters, "dead letters")];
    let parts: Vec<String> =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    if parts.is_empty() { "nothing".into() } else { parts.join(", ") }
}

//! `longshore audit list`: the entries, newest first.

use serde::Serialize;
use store::audit::{self, Action, Entry, Filter};

use crate::app::App;
use crate::database::{self, Missing};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::table::{Column, grouped, instant, table};
use crate::when::{self, When};

/// Entries shown at once, at most.
const LIMIT_MAX: u32 = 10_000;

/// Show the entries, newest first
///
/// Of every organization, unless --org names one.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// From then on: 2026-11-22, 2026-11-22T10:00:00Z, or 2h for two hours ago
    #[arg(long, value_name = "TIME", value_parser = when::parse)]
    since: Option<When>,
    /// Before then
    #[arg(long, value_name = "TIME", value_parser = when::parse)]
    until: Option<When>,
    /// Only this action, such as export.start
    #[arg(long, value_name = "ACTION", value_parser = action)]
    action: Option<Action>,
    /// Only entries before the one of this number
    #[arg(long, value_name = "NUMBER")]
    before: Option<i64>,
    /// How many at the most
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=i64::from(LIMIT_MAX)))]
    limit: u32,
}

#[derive(Debug, Serialize)]
struct Report {
    entries: Vec<Entry>,
}

/// Show them.
pub(crate) async fn run(app: &App, args: Args) -> Result<Exit, Failure> {
    let now = app.clock.now();
    let filter = Filter {
        org: app.config.org,
        from: args.since.map(|since| since.instant(now)),
        to: args.until.map(|until| until.instant(now)),
        action: args.action.map(Action::as_str),
        before_seq: args.before,
    };
    let db = database::open(app, Missing::Refuse).await?;
    let entries = audit::list(&db, &filter, args.limit).await;
    let entries =
        entries.map_err(|error| Failure::store("read the audit log of", &app.config.database, &error))?;
    db.close().await;
    let report = Report { entries };
    app.output.report(Exit::Done, &report, &text(&report))
}

fn action(word: &str) -> Result<Action, String> {
    Action::parse(word).ok_or_else(|| {
        let words: Vec<&str> = Action::ALL.iter().map(|action| action.as_str()).collect();
        format!("expected one of {}", words.join(", "))
    })
}

fn text(report: &Report) -> String {
    let columns = [
        Column::Number("entry"),
        Column::Text("at"),
        Column::Text("org"),
        Column::Text("who"),
        Column::Text("from"),
        Column::Text("action"),
        Column::Text("object"),
        Column::Text("outcome"),
        Column::Number("amount"),
    ];
    let rows = report.entries.iter().map(|entry| {
        vec![
            entry.seq.to_string(),
            instant(entry.at.0),
            entry.org.map(|org| org.to_string()).unwrap_or_default(),
            named(&entry.actor_kind, &entry.actor_id),
            entry.origin.clone().unwrap_or_default(),
            entry.action.clone(),
            named(&entry.object_kind, &entry.object_id),
            entry
                .reason
                .as_ref()
                .map_or_else(|| entry.outcome.clone(), |reason| format!("{} ({reason})", entry.outcome)),
            entry.amount.map(grouped).unwrap_or_default(),
        ]
    });
    let text = table(&columns, rows.collect());
    if text.is_empty() { "there are no such entries\n".into() } else { text }
}

fn named(kind: &str, id: &str) -> String {
    if id.is_empty() { kind.to_owned() } else { format!("{kind} {id}") }
}

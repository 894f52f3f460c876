//! `longshore export list`: the runs, newest first.

use serde::Serialize;
use serde_json::Value;
use store::export_runs::{self, ExportRun};

use crate::app::App;
use crate::command::export::{failed, state};
use crate::database::{self, Missing};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::table::{Column, instant, size, table};

/// Show the exports that were made, newest first
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// At most so many
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    limit: u32,
}

#[derive(Debug, Serialize)]
struct Report {
    runs: Vec<Line>,
}

/// One run.
#[derive(Debug, Serialize)]
pub(super) struct Line {
    run_id: String,
    state: &'static str,
    mode: &'static str,
    format: String,
    destination: String,
    started_at: i64,
    finished_at: Option<i64>,
    outcome: Option<String>,
    bytes: Option<i64>,
    changes_upto: Option<i64>,
    counts: Value,
    /// How far it has come, while it is under way or stopped.
    checkpoint: Value,
}

impl Line {
    pub(super) fn of(run: &ExportRun) -> Self {
        let json = |text: &str| serde_json::from_str(text).unwrap_or(Value::Null);
        Self {
            run_id: run.export_run_id.0.clone(),
            state: run.state.as_str(),
            mode: run.mode.as_str(),
            format: run.format.clone(),
            destination: run.destination.clone(),
            started_at: run.started_at.0,
            finished_at: run.finished_at.map(|at| at.0),
            outcome: run.outcome.clone(),
            bytes: run.bytes,
            changes_upto: run.changes_upto,
            counts: json(&run.counts),
            checkpoint: run.checkpoint.as_deref().map_or(Value::Null, json),
        }
    }
}

/// Show them.
pub(super) async fn run(app: &App, args: Args) -> Result<Exit, Failure> {
    let db = database::open(app, Missing::Refuse).await?;
    let org = database::organization(app, &db).await?;
    let runs = export_runs::list(&db, org, args.limit).await.map_err(|error| failed(app, &error))?;
    db.close().await;
    let report = Report { runs: runs.iter().map(Line::of).collect() };
    app.output.report(Exit::Done, &report, &text(&runs))
}

fn text(runs: &[ExportRun]) -> String {
    if runs.is_empty() {
        return "nothing has been exported yet\n".to_owned();
    }
    let columns = ["run", "begun", "state", "format", "size", "destination"];
    let columns: Vec<Column> = columns.into_iter().map(Column::Text).collect();
    let rows = runs.iter().map(|run| {
        let bytes = run.bytes.map_or_else(String::new, |bytes| size(bytes.cast_unsigned()));
        let begun = instant(run.started_at.0);
        vec![
            run.export_run_id.0.clone(),
            begun,
            state(run),
            run.format.clone(),
            bytes,
            run.destination.clone(),
        ]
    });
    table(&columns, rows.collect())
}

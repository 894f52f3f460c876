//! `longshore export schedules`: the exports that come from time to time, when they came last, and what came of it.

use serde::Serialize;
use serde_json::Value;
use store::export_runs::{self, ExportRun};
use store::scheduled_exports::{self, KIND, ScheduledExport};
use store::schedules::{self, Schedule};
use store::{Db, StoreError};

use super::{failed, state};
use crate::app::App;
use crate::database::{self, Missing};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::table::{Column, instant, table};

/// Show the exports that come from time to time
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

#[derive(Debug, Serialize)]
struct Report {
    scheduled: Vec<Line>,
}

#[derive(Debug, Serialize)]
struct Line {
    name: String,
    destination: String,
    format: String,
    /// What is asked of each run, the reason included.
    options: Value,
    endpoint: Option<String>,
    password_file: Option<String>,
    keep_months: Option<i64>,
    cron: String,
    time_zone: String,
    next_at: i64,
    /// When it came last, whatever came of it.
    last_at: Option<i64>,
    /// How the newest run to its destination stands.
    last_run: Option<Run>,
}

#[derive(Debug, Serialize)]
struct Run {
    run_id: String,
    state: String,
    started_at: i64,
}

/// Show them.
pub(super) async fn run(app: &App, _: Args) -> Result<Exit, Failure> {
    let db = database::open(app, Missing::Refuse).await?;
    let org = database::organization(app, &db).await?;
    let read = async {
        let times = schedules::list(&db, org).await?;
        let mut lines = Vec::new();
        for one in scheduled_exports::list(&db, org).await? {
            if let Some(when) = times.iter().find(|when| when.kind == KIND && when.key == one.name) {
                lines.push(line(&db, one, when).await?);
            }
        }
        Ok(lines)
    };
    let scheduled = read.await.map_err(|error: StoreError| failed(app, &error))?;
    db.close().await;
    let report = Report { scheduled };
    app.output.report(Exit::Done, &report, &text(&report))
}

async fn line(db: &Db, one: ScheduledExport, when: &Schedule) -> Result<Line, StoreError> {
    let last = export_runs::latest(db, one.org, &one.destination).await?;
    let run = |run: ExportRun| Run {
        state: state(&run),
        run_id: run.export_run_id.0,
        started_at: run.started_at.0,
    };
    Ok(Line {
        options: serde_json::from_str(&one.options).unwrap_or(Value::Null),
        name: one.name,
        destination: one.destination,
        format: one.format,
        endpoint: one.endpoint,
        password_file: one.password_file,
        keep_months: one.keep_months,
        cron: when.cron.clone(),
        time_zone: when.time_zone.clone(),
        next_at: when.next_at.0,
        last_at: when.last_at.map(|at| at.0),
        last_run: last.map(run),
    })
}

fn text(report: &Report) -> String {
    if report.scheduled.is_empty() {
        return "no export comes from time to time: \"longshore export schedule\" sets one\n".to_owned();
    }
    let columns = ["name", "cron", "time zone", "last", "next", "last run", "destination"].map(Column::Text);
    let rows = report.scheduled.iter().map(|line| {
        vec![
            line.name.clone(),
            line.cron.clone(),
            line.time_zone.clone(),
            line.last_at.map_or_else(|| "never".into(), instant),
            instant(line.next_at),
            line.last_run.as_ref().map_or_else(String::new, |run| run.state.clone()),
            line.destination.clone(),
        ]
    });
    table(&columns, rows.collect())
}

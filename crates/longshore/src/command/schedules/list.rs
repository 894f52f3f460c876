//! `longshore schedules list`: what comes from time to time, when it came last, and when it comes next.

use engine::schedules::{TIME_ZONE, defaults};
use serde::Serialize;
use store::schedules;

use crate::app::App;
use crate::database::{self, Missing};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::table::{Column, instant, table};

/// Show each regular job, when it came last and when it comes next
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

#[derive(Debug, Serialize)]
struct Report {
    organization: i64,
    schedules: Vec<Line>,
}

#[derive(Debug, Serialize)]
struct Line {
    kind: String,
    /// Which of several of the kind.
    #[serde(skip_serializing_if = "String::is_empty")]
    key: String,
    cron: String,
    time_zone: String,
    /// Whether it comes when it would come if nobody had set it.
    usual: bool,
    next_at: i64,
    last_at: Option<i64>,
}

/// Show them.
pub(crate) async fn run(app: &App, _: Args) -> Result<Exit, Failure> {
    let db = database::open(app, Missing::Refuse).await?;
    let org = database::organization(app, &db).await?;
    let all = schedules::list(&db, org).await.map_err(|error| super::failed(app, &error))?;
    db.close().await;
    let usual = defaults(org);
    let schedules = all.into_iter().map(|one| Line {
        usual: one.time_zone == TIME_ZONE && usual.contains(&(one.kind.as_str(), one.cron.clone())),
        kind: one.kind,
        key: one.key,
        cron: one.cron,
        time_zone: one.time_zone,
        next_at: one.next_at.0,
        last_at: one.last_at.map(|at| at.0),
    });
    let report = Report { organization: org.0, schedules: schedules.collect() };
    app.output.report(Exit::Done, &report, &text(&report))
}

fn text(report: &Report) -> String {
    if report.schedules.is_empty() {
        return "nothing comes by itself: the organization is not connected\n".into();
    }
    let columns = [
        Column::Text("kind"),
        Column::Text("cron"),
        Column::Text("time zone"),
        Column::Text("set by"),
        Column::Text("last"),
        Column::Text("next"),
    ];
    let rows = report.schedules.iter().map(|line| {
        vec![
            format!("{} {}", line.kind, line.key).trim_end().to_owned(),
            line.cron.clone(),
            line.time_zone.clone(),
            if line.usual { "default" } else { "a person" }.into(),
            line.last_at.map_or_else(|| "never".into(), instant),
            instant(line.next_at),
        ]
    });
    table(&columns, rows.collect())
}

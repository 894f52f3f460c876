//! `longshore consumers list`: each reader of the feed, and how far behind it is.

use serde::Serialize;
use store::consumers::{self, LAG_CHANGES_MAX};
use store::effects;

use crate::app::App;
use crate::database::{self, Missing};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::table::{Column, duration, grouped, instant, table};

/// Show each consumer of the change feed and how far behind it is
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

#[derive(Debug, Serialize)]
struct Report {
    organization: i64,
    consumers: Vec<Line>,
}

#[derive(Debug, Serialize)]
struct Line {
    name: String,
    kind: &'static str,
    state: &'static str,
    cursor: i64,
    /// Counted up to a million.
    lag_changes: i64,
    lag_ms: i64,
    owed: i64,
    failed: i64,
    created_at: i64,
    read_at: Option<i64>,
}

/// Show them.
pub(crate) async fn run(app: &App, _: Args) -> Result<Exit, Failure> {
    let db = database::open(app, Missing::Refuse).await?;
    let org = database::organization(app, &db).await?;
    let failed = |error| super::failed(app, &error);
    let mut lines = Vec::new();
    for consumer in consumers::list(&db, org).await.map_err(failed)? {
        let lag = consumers::lag(&db, &consumer).await.map_err(failed)?;
        let counts = effects::counts(&db, org, &consumer.name).await.map_err(failed)?;
        lines.push(Line {
            kind: consumer.kind.as_str(),
            state: consumer.state.as_str(),
            cursor: consumer.cursor,
            lag_changes: lag.changes,
            lag_ms: lag.ms(app.clock.now()),
            owed: counts.owed,
            failed: counts.failed,
            created_at: consumer.created_at.0,
            read_at: consumer.read_at.map(|at| at.0),
            name: consumer.name,
        });
    }
    db.close().await;
    let report = Report { organization: org.0, consumers: lines };
    app.output.report(Exit::Done, &report, &text(&report))
}

fn text(report: &Report) -> String {
    if report.consumers.is_empty() {
        return "nothing reads the change feed yet\n".into();
    }
    let columns = [
        Column::Text("consumer"),
        Column::Text("kind"),
        Column::Text("state"),
        Column::Number("cursor"),
        Column::Number("unread"),
        Column::Text("for"),
        Column::Number("owed"),
        Column::Number("failed"),
        Column::Text("last read"),
    ];
    let rows = report.consumers.iter().map(|line| {
        let unread = grouped(line.lag_changes);
        vec![
            line.name.clone(),
            line.kind.into(),
            line.state.into(),
            grouped(line.cursor),
            if line.lag_changes >= LAG_CHANGES_MAX { format!("{unread}+") } else { unread },
            if line.lag_changes == 0 { String::new() } else { duration(line.lag_ms) },
            grouped(line.owed),
            grouped(line.failed),
            line.read_at.map_or_else(|| "never".into(), instant),
        ]
    });
    table(&columns, rows.collect())
}

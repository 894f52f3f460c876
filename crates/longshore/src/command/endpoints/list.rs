//! `longshore endpoints list`: where webhooks go, and how that fares.

use serde::Serialize;
use store::endpoints::{self, Endpoint};
use store::{consumers, effects};

use crate::app::App;
use crate::database::{self, Missing};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::table::{Column, grouped, instant, table};

/// Show each endpoint, what it is owed and how it fares
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

#[derive(Debug, Serialize)]
struct Report {
    organization: i64,
    endpoints: Vec<Line>,
}

#[derive(Debug, Serialize)]
struct Line {
    endpoint_id: String,
    url: String,
    kinds: Vec<&'static str>,
    state: &'static str,
    lag_changes: i64,
    owed: i64,
    done: i64,
    failed: i64,
    failures: i64,
    failing_since: Option<i64>,
    retry_at: Option<i64>,
    disabled_at: Option<i64>,
    error: Option<String>,
    created_at: i64,
}

/// Show them.
pub(crate) async fn run(app: &App, _: Args) -> Result<Exit, Failure> {
    let db = database::open(app, Missing::Refuse).await?;
    let org = database::organization(app, &db).await?;
    let failed = |error| super::failed(app, &error);
    let mut lines = Vec::new();
    for endpoint in endpoints::list(&db, org).await.map_err(failed)? {
        let counts = effects::counts(&db, org, &endpoint.endpoint_id.0).await.map_err(failed)?;
        let lag_changes = match consumers::get(&db, org, &endpoint.endpoint_id.0).await.map_err(failed)? {
            Some(consumer) => consumers::lag(&db, &consumer).await.map_err(failed)?.changes,
            None => 0,
        };
        lines.push(line(endpoint, counts, lag_changes));
    }
    db.close().await;
    let report = Report { organization: org.0, endpoints: lines };
    app.output.report(Exit::Done, &report, &text(&report))
}

fn line(endpoint: Endpoint, counts: effects::EffectCounts, lag_changes: i64) -> Line {
    Line {
        endpoint_id: endpoint.endpoint_id.0,
        url: endpoint.url,
        kinds: endpoint.kinds.iter().map(|kind| kind.as_str()).collect(),
        state: endpoint.state.as_str(),
        lag_changes,
        owed: counts.owed,
        done: counts.done,
        failed: counts.failed,
        failures: endpoint.failures,
        failing_since: endpoint.failing_since.map(|at| at.0),
        retry_at: endpoint.retry_at.map(|at| at.0),
        disabled_at: endpoint.disabled_at.map(|at| at.0),
        error: endpoint.error,
        created_at: endpoint.created_at.0,
    }
}

fn text(report: &Report) -> String {
    if report.endpoints.is_empty() {
        return "no endpoints yet; add one with \"longshore endpoints add URL\"\n".into();
    }
    let columns = [
        Column::Text("endpoint"),
        Column::Text("url"),
        Column::Text("state"),
        Column::Number("unread"),
        Column::Number("owed"),
        Column::Number("done"),
        Column::Number("failed"),
        Column::Text("fails since"),
        Column::Text("why"),
    ];
    let rows = report.endpoints.iter().map(|line| {
        vec![
            line.endpoint_id.clone(),
            line.url.clone(),
            line.state.into(),
            grouped(line.lag_changes),
            grouped(line.owed),
            grouped(line.done),
            grouped(line.failed),
            line.failing_since.map_or_else(String::new, instant),
            line.error.clone().unwrap_or_default(),
        ]
    });
    table(&columns, rows.collect())
}

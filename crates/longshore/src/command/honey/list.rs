//! `longshore honey list`: the decoys, and whether somebody touched them.

use serde::Serialize;
use store::honey::{self, Honey};

use crate::app::App;
use crate::database::{self, Missing};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::table::{Column, grouped, instant, table};

/// Show the decoys, and how often each was touched
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

#[derive(Debug, Serialize)]
struct Report {
    organization: i64,
    honey_tokens: Vec<Line>,
}

#[derive(Debug, Serialize)]
struct Line {
    honey_id: String,
    note: String,
    planted_at: i64,
    reads: i64,
    uses: i64,
    /// When the last alarm was raised.
    touched_at: Option<i64>,
}

/// Show them.
pub(crate) async fn run(app: &App, _: Args) -> Result<Exit, Failure> {
    let db = database::open(app, Missing::Refuse).await?;
    let org = database::organization(app, &db).await?;
    let found = honey::list(&db, Some(org)).await.map_err(|error| super::failed(app, &error))?;
    db.close().await;
    let report = Report { organization: org.0, honey_tokens: found.into_iter().map(line).collect() };
    app.output.report(Exit::Done, &report, &text(&report))
}

fn line(honey: Honey) -> Line {
    Line {
        honey_id: honey.honey_id.0,
        note: honey.note,
        planted_at: honey.planted_at.0,
        reads: honey.reads,
        uses: honey.uses,
        touched_at: honey.touched_at.map(|at| at.0),
    }
}

fn text(report: &Report) -> String {
    if report.honey_tokens.is_empty() {
        return "no honey tokens yet; plant one with \"longshore honey plant\"\n".into();
    }
    let columns = [
        Column::Text("honey token"),
        Column::Text("note"),
        Column::Text("planted"),
        Column::Number("reads"),
        Column::Number("uses"),
        Column::Text("alarm"),
    ];
    let rows = report.honey_tokens.iter().map(|line| {
        vec![
            line.honey_id.clone(),
            line.note.clone(),
            instant(line.planted_at),
            grouped(line.reads),
            grouped(line.uses),
            line.touched_at.map_or_else(String::new, instant),
        ]
    });
    table(&columns, rows.collect())
}

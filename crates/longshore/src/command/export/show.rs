//! `longshore export show`: one run, with its parts.

use serde::Serialize;
use serde_json::Value;
use store::export_runs::{self, ExportPart, ExportRun};

use crate::app::App;
use crate::command::export::list::Line;
use crate::command::export::{failed, named, state};
use crate::database::{self, Missing};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::table::{Column, instant, size, table};
use crate::summary::number;

/// Show one export: how it went, and the parts that stand at its destination
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Which run; the newest by default
    run: Option<String>,
}

#[derive(Debug, Serialize)]
struct Report {
    #[serde(flatten)]
    line: Line,
    /// What was asked for, the reason included.
    options: Value,
    parts: Vec<Part>,
    /// What it left, with the proof; as it was signed.
    manifest: Value,
    signature: Option<String>,
}

#[derive(Debug, Serialize)]
struct Part {
    table: String,
    period: String,
    file: String,
    rows: i64,
    bytes: i64,
    sha256: String,
    digest: String,
}

/// Show it.
pub(super) async fn run(app: &App, args: Args) -> Result<Exit, Failure> {
    let db = database::open(app, Missing::Refuse).await?;
    let org = database::organization(app, &db).await?;
    let run = named(app, &db, org, args.run.as_deref()).await?;
    let parts = export_runs::parts(&db, org, &run.export_run_id).await;
    let parts = parts.map_err(|error| failed(app, &error))?;
    db.close().await;
    let manifest = run.manifest.as_deref().and_then(|text| serde_json::from_str(text).ok());
    let report = Report {
        line: Line::of(&run),
        options: run
            .options
            .as_deref()
            .and_then(|text| serde_json::from_str(text).ok())
            .unwrap_or(Value::Null),
        parts: parts.iter().map(Part::of).collect(),
        manifest: manifest.unwrap_or(Value::Null),
        signature: run.signature.as_deref().map(hex::encode),
    };
    app.output.report(Exit::Done, &report, &text(&run, &parts))
}

impl Part {
    fn of(part: &ExportPart) -> Self {
        Self {
            table: part.table.clone(),
            period: part.period.clone(),
            file: part.file.clone(),
            rows: part.rows,
            bytes: part.bytes,
            sha256: part.sha256.clone(),
            digest: part.digest.clone(),
        }
    }
}

fn text(run: &ExportRun, parts: &[ExportPart]) -> String {
    let mut text = format!("run          {}\n", run.export_run_id);
    text += &format!("state        {}\n", state(run));
    text += &format!("format       {}, {}\n", run.format, run.mode.as_str());
    text += &format!("destination  {}\n", run.destination);
    text += &format!("begun        {}\n", instant(run.started_at.0));
    if let Some(at) = run.finished_at {
        text += &format!("ended        {}\n", instant(at.0));
    }
    if let Some(checkpoint) = run.checkpoint.as_deref().filter(|_| run.finished_at.is_none()) {
        text += &format!("checkpoint   {checkpoint}\n");
    }
    if parts.is_empty() {
        return text;
    }
    let columns = [
        Column::Text("table"),
        Column::Text("month"),
        Column::Number("rows"),
        Column::Number("size"),
        Column::Text("file"),
    ];
    let count = |count: i64| count.cast_unsigned();
    let rows = parts.iter().map(|part| {
        vec![
            part.table.clone(),
            part.period.clone(),
            number(count(part.rows)),
            size(count(part.bytes)),
            part.file.clone(),
        ]
    });
    text + "\n" + &table(&columns, rows.collect())
}

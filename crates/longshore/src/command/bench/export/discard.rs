//! The baseline: a sink that takes what it is given and keeps nothing.

use model::{Millis, RunId};
use serde::Serialize;
use sinks::copy::{self, Source};
use sinks::sink::{Doing, Erased, Layout, Part, PartFile, Plan, Sink, Subject};
use store::tables::{Batch, TABLES};

use crate::app::App;
use crate::database::{self, Missing};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::summary::seconds;

/// Read every table as an export does, and drop it
#[derive(Debug, clap::Args)]
pub(in crate::command::bench) struct Args {}

#[derive(Debug, Serialize)]
struct Report {
    rows: u64,
    bytes: u64,
    seconds: f64,
}

/// Read.
pub(in crate::command::bench) async fn run(app: &App, _args: &Args) -> Result<Exit, Failure> {
    let db = database::open(app, Missing::Refuse).await?;
    let org = database::organization(app, &db).await?;
    let began = app.clock.now();
    let mut sink = Discard::default();
    let plan = Plan {
        org,
        run: RunId::new(app.clock.as_ref(), app.entropy.as_ref()),
        schema_version: store::SCHEMA_VERSION,
        started_at: began,
        tables: TABLES.iter().collect(),
        mode: store::export_runs::ExportMode::Full,
        recorded: Vec::new(),
    };
    sink.check(&plan).await?;
    for table in &plan.tables {
        copy::table(Source { db: &db, org }, &mut sink, table, &mut |_| {}).await?;
    }
    sink.commit(app.clock.now()).await?;
    let seconds = seconds(app.clock.now().since(began));
    db.close().await;
    let report = Report { rows: sink.rows, bytes: sink.bytes, seconds };
    app.output.report(Exit::Done, &report, &format!("{} rows\n", report.rows))
}

/// Counts, and keeps nothing.
#[derive(Default)]
struct Discard {
    part: Option<Part>,
    rows: u64,
    bytes: u64,
}

impl Sink for Discard {
    fn layout(&self) -> Layout {
        Layout::Months
    }

    fn check<'a>(&'a mut self, _plan: &'a Plan) -> Doing<'a, ()> {
        Box::pin(async { Ok(()) })
    }

    fn begin<'a>(&'a mut self, part: &'a Part) -> Doing<'a, ()> {
        self.part = Some(*part);
        Box::pin(async { Ok(()) })
    }

    fn write(&mut self, batch: Batch) -> Doing<'_, ()> {
        self.rows += batch.rows() as u64;
        self.bytes += batch.bytes() as u64;
        Box::pin(async { Ok(()) })
    }

    fn commit_part(&mut self) -> Doing<'_, PartFile> {
        let table = self.part.take().map(|part| part.table.name).unwrap_or_default().to_owned();
        let part = PartFile {
            file: table.clone(),
            table,
            period: None,
            rows: 0,
            bytes: 0,
            sha256: String::new(),
            digest: String::new(),
        };
        Box::pin(async { Ok(part) })
    }

    fn commit(&mut self, _finished_at: Millis) -> Doing<'_, ()> {
        Box::pin(async { Ok(()) })
    }

    fn erase<'a>(&'a mut self, _subject: &'a Subject) -> Doing<'a, Erased> {
        Box::pin(async { Ok(Erased::default()) })
    }
}

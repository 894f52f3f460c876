//! `longshore archive`: everything the API gives, and the proof.

use drift::Priority;
use engine::archive::Ask;
use serde::Serialize;

use crate::app::App;
use crate::database::{self, Missing};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::summary::Summary;
use crate::work::Work;

/// Bring everything home and certify it
///
/// The first archive reads everything, later ones only what changed, plus what failed before. It can be stopped at any
/// moment: the same command goes on where it was. The exit code is 0 only when the certificate says complete.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// List everything again, not only what changed
    #[arg(long)]
    full: bool,
}

#[derive(Debug, Serialize)]
struct Report {
    complete: bool,
    run_id: String,
    resumed: bool,
    #[serde(flatten)]
    summary: Summary,
}

/// Make or go on with an archive.
pub(crate) async fn run(app: &App, args: Args) -> Result<Exit, Failure> {
    let ask = if args.full { Ask::Full } else { Ask::Changed };
    let db = database::open(app, Missing::Refuse).await?;
    let org = database::organization(app, &db).await?;
    let work = Work::begin(app, &db, org, Priority::Backfill).await?;
    let outcome = engine::archive::run(&work.ctx, ask).await;
    let elapsed_ms = work.end().await;
    let outcome = outcome?;
    let summary = Summary::new(outcome.certificate, elapsed_ms, app.config.database.to_string());
    let report = Report {
        complete: summary.certificate.complete,
        run_id: outcome.run_id.0,
        resumed: outcome.resumed,
        summary,
    };
    app.output.report(report.summary.exit(), &report, &report.summary.text())?;
    app.output.note(next(&report));
    db.close().await;
    Ok(report.summary.exit())
}

fn next(report: &Report) -> &'static str {
    if report.complete {
        "next: \"longshore verify\" compares message for message; \"longshore export --format ndjson --to DIR\" writes files"
    } else {
        "next: run \"longshore archive\" again: only what is missing or has changed is asked for"
    }
}

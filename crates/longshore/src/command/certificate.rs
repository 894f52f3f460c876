//! `longshore certificate`: the proof of the last archive.

use std::path::PathBuf;

use engine::certificate::Certificate;
use model::OrgId;
use serde::Serialize;
use store::{Db, runs};

use crate::app::App;
use crate::certificate_files::{self, CertificateFiles};
use crate::database::{self, Missing};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::summary::Summary;

/// Runs looked through for the newest archive that ended.
const RUNS_MAX: u32 = 1_000;

/// Show the certificate of the last archive, or write it to files
///
/// The exit code tells whether it says complete (0) or incomplete (3).
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Write certificate.json and certificate.html into this folder
    #[arg(long, value_name = "DIR")]
    to: Option<PathBuf>,
}

#[derive(Debug, Serialize)]
struct Report {
    #[serde(flatten)]
    summary: Summary,
    files: Option<CertificateFiles>,
}

/// Show or write it.
pub(crate) async fn run(app: &App, args: Args) -> Result<Exit, Failure> {
    let db = database::open(app, Missing::Refuse).await?;
    let org = database::organization(app, &db).await?;
    let certificate = last(app, &db, org).await?;
    let files = match &args.to {
        Some(folder) => Some(certificate_files::write(&db, &certificate, folder).await?),
        None => None,
    };
    db.close().await;
    let elapsed_ms = certificate.finished_at.since(certificate.started_at);
    let summary = Summary::new(certificate, elapsed_ms, app.config.database.to_string());
    let report = Report { summary, files };
    app.output.report(report.summary.exit(), &report, &text(&report))
}

/// The certificate of the newest archive that ended.
pub(crate) async fn last(app: &App, db: &Db, org: OrgId) -> Result<Certificate, Failure> {
    let url = &app.config.database;
    let found = runs::list(db, org, RUNS_MAX).await;
    let runs = found.map_err(|error| Failure::store("read the runs of", url, &error))?;
    let mut archives = runs.into_iter().filter(|run| run.kind == engine::archive::RUN_KIND);
    let Some(text) = archives.find_map(|run| run.certificate) else {
        return Err(Failure::usage(format!("no archive of organization {org} has ended yet in {url}")).hint(
            "make one with \"longshore archive\"; one that was stopped goes on with the same command",
        ));
    };
    serde_json::from_str(&text).map_err(|error| {
        Failure::new(Exit::Database, format!("the certificate stored in {url} cannot be read: {error}"))
    })
}

fn text(report: &Report) -> String {
    let mut text = report.summary.text();
    if let Some(files) = &report.files {
        text += &format!("written to {} and {}\n", files.json.display(), files.html.display());
    }
    text
}

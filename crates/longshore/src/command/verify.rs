//! `longshore verify`: is the mirror what Drift has; is it what a certificate says.

use std::path::{Path, PathBuf};

use drift::Priority;
use engine::certificate::Reader;
use engine::verify::{self, Verification};
use serde::Serialize;

use crate::app::App;
use crate::database::{self, Missing};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::summary::{listed, number, seconds};
use crate::work::Work;

/// Compare the archive with Drift, message for message
///
/// With --certificate nothing is asked of Drift: the database is held against the certificate. The exit code is 0
/// when everything was compared and nothing differs, else 3.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Compare with this certificate.json instead, offline
    #[arg(long, value_name = "FILE")]
    certificate: Option<PathBuf>,
}

#[derive(Debug, Serialize)]
struct Report {
    #[serde(flatten)]
    verification: Verification,
    /// What it was compared with.
    against: String,
    requests: u64,
    refused_429: u64,
    seconds: f64,
    database: String,
}

/// Compare.
pub(crate) async fn run(app: &App, args: Args) -> Result<Exit, Failure> {
    let report = match &args.certificate {
        Some(path) => with_certificate(app, path).await?,
        None => with_drift(app).await?,
    };
    let exit = if report.verification.verified { Exit::Done } else { Exit::Incomplete };
    app.output.report(exit, &report, &text(&report.verification, &report.against))
}

async fn with_certificate(app: &App, path: &Path) -> Result<Report, Failure> {
    let began = app.clock.now();
    let certificate = std::fs::read_to_string(path).map_err(|error| Failure::input(path, &error))?;
    let reader = Reader::parse(&certificate).map_err(Failure::from).map_err(|failure| Failure {
        message: format!("{}: {}", path.display(), failure.message),
        ..failure
    })?;
    let db = database::open(app, Missing::Refuse).await?;
    let verification = verify::against_certificate(&db, &reader).await?;
    db.close().await;
    let elapsed_ms = app.clock.now().since(began);
    Ok(report(app, verification, path.display().to_string(), elapsed_ms))
}

async fn with_drift(app: &App) -> Result<Report, Failure> {
    let db = database::open(app, Missing::Refuse).await?;
    let org = database::organization(app, &db).await?;
    let work = Work::begin(app, &db, org, Priority::Asked).await?;
    let verification = verify::against_api(&work.ctx).await;
    let calls = work.ctx.calls.read();
    let elapsed_ms = work.end().await;
    db.close().await;
    let report = report(app, verification?, app.config.api_url.to_string(), elapsed_ms);
    Ok(Report { requests: calls.calls, refused_429: calls.refused_429, ..report })
}

fn report(app: &App, verification: Verification, against: String, elapsed_ms: i64) -> Report {
    Report {
        verification,
        against,
        requests: 0,
        refused_429: 0,
        seconds: seconds(elapsed_ms),
        database: app.config.database.to_string(),
    }
}

/// A verification for a person.
pub(crate) fn text(found: &Verification, against: &str) -> String {
    let counts = format!(
        "{} conversations and {} messages compared with {against}",
        number(found.conversations),
        number(found.messages)
    );
    if found.verified {
        return format!("Verified: {counts}, no difference\n");
    }
    let differences: Vec<String> = found
        .differences
        .iter()
        .map(|one| format!("conversation {}: {}", one.conversation_id, one.what))
        .collect();
    let mut text = format!("NOT verified: {counts}, {} differences\n", number(found.differences_total));
    text += &listed("differences", &differences);
    text += &listed("could not be compared", &found.unread);
    text
}

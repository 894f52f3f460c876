//! `longshore notices acknowledge`: somebody has taken note of what a notice says.

use model::OrgId;
use serde::Serialize;
use store::{Db, StoreError, notices};

use super::failed;
use crate::app::App;
use crate::database::{self, Missing};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::who;

/// Take note of a notice
///
/// It no longer stands, and comes again only when it is raised again. The audit log is told.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Its kind, as "longshore notices list" shows it
    kind: String,
    /// Its subject
    subject: String,
}

#[derive(Debug, Serialize)]
struct Report {
    organization: OrgId,
    kind: String,
    subject: String,
}

/// Take note.
pub(crate) async fn run(app: &App, args: Args) -> Result<Exit, Failure> {
    let db = database::open(app, Missing::Refuse).await?;
    let org = database::organization(app, &db).await?;
    let done = acknowledge(app, &db, org, &args).await;
    db.close().await;
    done.map_err(|error| match error {
        StoreError::NotFound { .. } => {
            Failure::usage(format!("organization {org} has no notice {} {}", args.kind, args.subject))
                .hint("\"longshore notices list\" shows those that stand")
        }
        other => failed(app, &other),
    })?;
    let report = Report { organization: org, kind: args.kind, subject: args.subject };
    let text = format!("{} {} is taken note of\n", report.kind, report.subject);
    app.output.report(Exit::Done, &report, &text)
}

async fn acknowledge(app: &App, db: &Db, org: OrgId, args: &Args) -> Result<(), StoreError> {
    let mut tx = db.begin().await?;
    let of = (org, args.kind.as_str(), args.subject.as_str());
    notices::acknowledge(&mut tx, of, &who::command(), app.clock.now()).await?;
    tx.commit().await
}

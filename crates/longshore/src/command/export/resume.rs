//! `longshore export resume`: go on with a run that was stopped, or died.

use sinks::SinkError;
use store::export_runs::{self, ExportRun};

use super::{failed, named, objects, write};
use crate::app::App;
use crate::database::{self, Missing};
use crate::exit::Exit;
use crate::failure::Failure;

/// Go on with an export that was stopped or died
///
/// What it had finished stays, unless the archive has other rows there by now; the rest is written.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Which run; the newest by default
    run: Option<String>,
    #[command(flatten)]
    store: objects::Args,
}

/// Go on.
pub(super) async fn run(app: &App, args: Args) -> Result<Exit, Failure> {
    let db = database::open(app, Missing::Refuse).await?;
    let org = database::organization(app, &db).await?;
    let run = named(app, &db, org, args.run.as_deref()).await?;
    let latest = export_runs::unfinished(&db, org, &run.destination).await;
    let latest = latest.map_err(|error| failed(app, &error))?;
    if latest.is_none_or(|latest: ExportRun| latest.export_run_id != run.export_run_id) {
        return Err(SinkError::NotResumable { run: run.export_run_id.0 }.into());
    }
    let options = objects::options_of(app, &run, &args.store)?;
    let exit = write::told(app, &db, org, &options).await?;
    db.close().await;
    Ok(exit)
}

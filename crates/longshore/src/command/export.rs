//! `longshore export`: the archive as files and tables that any program reads, and the runs that wrote them.

mod ask;
mod choice;
mod erase;
mod list;
mod objects;
mod progress;
mod resume;
mod schedule;
mod scheduled;
mod schedules;
mod show;
mod stop;
mod unschedule;
mod verify;
mod write;

use clap::Subcommand;
use model::{OrgId, RunId};
use store::export_runs::{self, ExportRun};
use store::{Db, StoreError};

pub(crate) use scheduled::exports;
pub(crate) use write::write;

use crate::app::App;
use crate::exit::Exit;
use crate::failure::Failure;

/// Write the tables, transcripts and attachments as files
///
/// Drift is not asked: the export works from the database alone. Running it again replaces the files.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: Option<What>,
    #[command(flatten)]
    write: write::Args,
}

#[derive(Debug, Subcommand)]
enum What {
    List(list::Args),
    Show(show::Args),
    Resume(resume::Args),
    Pause(stop::PauseArgs),
    Cancel(stop::CancelArgs),
    Verify(verify::Args),
    Erase(erase::Args),
    Schedule(Box<schedule::Args>),
    Schedules(schedules::Args),
    Ask(ask::Args),
    Unschedule(unschedule::Args),
}

/// Do what was asked.
pub(crate) async fn run(app: &App, args: Args) -> Result<Exit, Failure> {
    let Some(what) = args.what else { return Box::pin(write::run(app, args.write)).await };
    match what {
        What::List(args) => list::run(app, args).await,
        What::Show(args) => show::run(app, args).await,
        What::Resume(args) => Box::pin(resume::run(app, args)).await,
        What::Pause(args) => stop::pause(app, args).await,
        What::Cancel(args) => stop::cancel(app, args).await,
        What::Verify(args) => verify::run(app, args).await,
        What::Erase(args) => Box::pin(erase::run(app, args)).await,
        What::Schedule(args) => Box::pin(schedule::run(app, *args)).await,
        What::Schedules(args) => schedules::run(app, args).await,
        What::Ask(args) => ask::run(app, args).await,
        What::Unschedule(args) => unschedule::run(app, args).await,
    }
}

/// The run that a person named; without a name the newest.
async fn named(app: &App, db: &Db, org: OrgId, run: Option<&str>) -> Result<ExportRun, Failure> {
    let found = match run {
        Some(run) => export_runs::get(db, org, &RunId(run.to_owned())).await,
        None => export_runs::list(db, org, 1).await.map(|runs| runs.into_iter().next()),
    };
    let missing = || match run {
        Some(run) => Failure::usage(format!("no export run is called {run}")),
        None => Failure::usage("nothing has been exported yet"),
    };
    found
        .map_err(|error| failed(app, &error))?
        .ok_or_else(|| missing().hint("\"longshore export list\" shows the runs"))
}

/// The runs cannot be read or written.
fn failed(app: &App, error: &StoreError) -> Failure {
    Failure::store("use the export runs of", &app.config.database, error)
}

/// How a run ended, in words: its state, and why.
fn state(run: &ExportRun) -> String {
    match run.outcome.as_deref() {
        Some(outcome) if outcome.starts_with("failed: ") => outcome.to_owned(),
        _ => run.state.as_str().to_owned(),
    }
}

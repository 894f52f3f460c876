//! `longshore connections`: the grants there are, and giving them up.

mod disconnect;
mod list;
mod show;

use clap::Subcommand;
use store::StoreError;

use crate::app::App;
use crate::exit::Exit;
use crate::failure::Failure;

/// Show connections, and give them up
///
/// docs/connections.md tells what a disconnect does, in which order, and what happens when Drift does not answer.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    List(list::Args),
    Show(show::Args),
    Disconnect(disconnect::Args),
}

/// Do what was asked.
pub(crate) async fn run(app: &App, args: Args) -> Result<Exit, Failure> {
    match args.what {
        What::List(args) => list::run(app, args).await,
        What::Show(args) => show::run(app, args).await,
        What::Disconnect(args) => disconnect::run(app, args).await,
    }
}

fn failed(app: &App, error: &StoreError) -> Failure {
    Failure::store("read the connections of", &app.config.database, error)
}

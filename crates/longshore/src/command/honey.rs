//! `longshore honey`: decoys among the connections.

mod list;
mod plant;
mod remove;

use clap::Subcommand;
use store::StoreError;

use crate::app::App;
use crate::exit::Exit;
use crate::failure::Failure;

/// Plant and look after honey tokens: decoys whose reading or use raises an alarm
///
/// docs/vault.md tells where they are watched, and what to do when one was touched.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Plant(plant::Args),
    List(list::Args),
    Remove(remove::Args),
}

/// Do what was asked.
pub(crate) async fn run(app: &App, args: Args) -> Result<Exit, Failure> {
    match args.what {
        What::Plant(args) => plant::run(app, args).await,
        What::List(args) => list::run(app, args).await,
        What::Remove(args) => remove::run(app, args).await,
    }
}

fn failed(app: &App, error: &StoreError) -> Failure {
    Failure::store("read or change the honey tokens of", &app.config.database, error)
}

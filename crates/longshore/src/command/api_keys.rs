//! `longshore api-keys`: what programs show at the door.

mod create;
mod list;
mod revoke;

use clap::Subcommand;
use store::StoreError;

use crate::app::App;
use crate::exit::Exit;
use crate::failure::Failure;

/// Make and look after the keys with which programs reach the admin API and the metrics
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Create(create::Args),
    List(list::Args),
    Revoke(revoke::Args),
}

/// Do what was asked.
pub(crate) async fn run(app: &App, args: Args) -> Result<Exit, Failure> {
    match args.what {
        What::Create(args) => create::run(app, args).await,
        What::List(args) => list::run(app, args).await,
        What::Revoke(args) => revoke::run(app, args).await,
    }
}

fn failed(app: &App, error: &StoreError) -> Failure {
    Failure::store("read or change the keys of", &app.config.database, error)
}

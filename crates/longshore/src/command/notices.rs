//! `longshore notices`: what a person should know, and taking note of it.

mod acknowledge;
mod list;

use clap::Subcommand;
use store::StoreError;

use crate::app::App;
use crate::exit::Exit;
use crate::failure::Failure;

/// Show what a person should know, and take note of it
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    List(list::Args),
    Acknowledge(acknowledge::Args),
}

/// Do what was asked.
pub(crate) async fn run(app: &App, args: Args) -> Result<Exit, Failure> {
    match args.what {
        What::List(args) => list::run(app, args).await,
        What::Acknowledge(args) => acknowledge::run(app, args).await,
    }
}

fn failed(app: &App, error: &StoreError) -> Failure {
    Failure::store("read or change the notices of", &app.config.database, error)
}

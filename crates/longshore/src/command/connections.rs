//! `longshore connections`: the grants there are, and what they lay open.

mod exposure;

use clap::Subcommand;
use store::StoreError;

use crate::app::App;
use crate::exit::Exit;
use crate::failure::Failure;

/// Show what connections lay open
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Exposure(exposure::Args),
}

/// Do what was asked.
pub(crate) async fn run(app: &App, args: Args) -> Result<Exit, Failure> {
    match args.what {
        What::Exposure(args) => exposure::run(app, args).await,
    }
}

fn failed(app: &App, error: &StoreError) -> Failure {
    Failure::store("read the connections of", &app.config.database, error)
}

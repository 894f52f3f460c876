//! `longshore connections`: links with which others connect.

mod links;
mod share;
mod unshare;

use clap::Subcommand;
use store::StoreError;

use crate::app::App;
use crate::exit::Exit;
use crate::failure::Failure;

/// Make and look after links with which a customer's administrator connects Drift
///
/// docs/connecting.md tells what such a person sees.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Share(share::Args),
    Links(links::Args),
    Unshare(unshare::Args),
}

/// Do what was asked.
pub(crate) async fn run(app: &App, args: Args) -> Result<Exit, Failure> {
    match args.what {
        What::Share(args) => share::run(app, args).await,
        What::Links(args) => links::run(app, args).await,
        What::Unshare(args) => unshare::run(app, args).await,
    }
}

fn failed(app: &App, error: &StoreError) -> Failure {
    Failure::store("read or change the links of", &app.config.database, error)
}

//! `longshore sessions`: who is signed in, and from where.

mod list;
mod revoke;

use clap::Subcommand;

use crate::app::App;
use crate::exit::Exit;
use crate::failure::Failure;

/// See and end the sessions of signed-in browsers
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    List(list::Args),
    Revoke(revoke::Args),
}

/// Do what was asked.
pub(crate) async fn run(app: &App, args: Args) -> Result<Exit, Failure> {
    match args.what {
        What::List(args) => list::run(app, args).await,
        What::Revoke(args) => revoke::run(app, args).await,
    }
}

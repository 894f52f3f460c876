//! `longshore connections`: the grants there are, giving them up, and links with which others connect.

mod disconnect;
mod links;
mod list;
mod share;
mod show;
mod unshare;

use clap::Subcommand;
use store::StoreError;

use crate::app::App;
use crate::exit::Exit;
use crate::failure::Failure;

/// Show connections, give them up, and make links with which others connect
///
/// docs/connections.md tells what a disconnect does, in which order, and what happens when Drift does not answer;
/// docs/connecting.md what somebody sees who is sent a link.
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
    Share(share::Args),
    Links(links::Args),
    Unshare(unshare::Args),
}

/// Do what was asked.
pub(crate) async fn run(app: &App, args: Args) -> Result<Exit, Failure> {
    match args.what {
        What::List(args) => list::run(app, args).await,
        What::Show(args) => show::run(app, args).await,
        What::Disconnect(args) => disconnect::run(app, args).await,
        What::Share(args) => share::run(app, args).await,
        What::Links(args) => links::run(app, args).await,
        What::Unshare(args) => unshare::run(app, args).await,
    }
}

fn failed(app: &App, error: &StoreError) -> Failure {
    Failure::store("read or change the connections of", &app.config.database, error)
}

//! `longshore keys`: the keys of the vault.

mod rotate;
mod show;

use clap::Subcommand;
use store::StoreError;

use crate::app::App;
use crate::exit::Exit;
use crate::failure::Failure;

/// Show and change the keys that open the vault
///
/// docs/vault.md tells how secrets are sealed, and what to do where several machines hold the key.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Show(show::Args),
    Rotate(rotate::Args),
}

/// Do what was asked.
pub(crate) async fn run(app: &App, args: Args) -> Result<Exit, Failure> {
    match args.what {
        What::Show(args) => show::run(app, args).await,
        What::Rotate(args) => rotate::run(app, args).await,
    }
}

fn failed(app: &App, error: &StoreError) -> Failure {
    Failure::store("read or change the keys of", &app.config.database, error)
}

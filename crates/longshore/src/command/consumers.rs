//! `longshore consumers`: who reads the change feed, how far each has come, and moving them.

mod list;
mod pause;
mod resume;
mod rewind;

use clap::Subcommand;
use model::OrgId;
use store::consumers::{self, Consumer};
use store::{Db, StoreError};

use crate::app::App;
use crate::exit::Exit;
use crate::failure::Failure;

/// Show and move the readers of the change feed
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    List(list::Args),
    Pause(pause::Args),
    Resume(resume::Args),
    Rewind(rewind::Args),
}

/// Do what was asked.
pub(crate) async fn run(app: &App, args: Args) -> Result<Exit, Failure> {
    match args.what {
        What::List(args) => list::run(app, args).await,
        What::Pause(args) => pause::run(app, args).await,
        What::Resume(args) => resume::run(app, args).await,
        What::Rewind(args) => rewind::run(app, args).await,
    }
}

/// The consumer of that name, which a person typed.
async fn find(app: &App, db: &Db, org: OrgId, name: &str) -> Result<Consumer, Failure> {
    let found = consumers::get(db, org, name).await.map_err(|error| failed(app, &error))?;
    found.ok_or_else(|| {
        Failure::usage(format!("organization {org} has no consumer {name}"))
            .hint("\"longshore consumers list\" shows those there are")
    })
}

fn failed(app: &App, error: &StoreError) -> Failure {
    Failure::store("read or move the consumers of", &app.config.database, error)
}

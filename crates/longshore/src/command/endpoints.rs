//! `longshore endpoints`: where outgoing webhooks go.

mod add;
mod disable;
mod enable;
mod list;
mod remove;
mod replay;
mod rotate;
mod test;

use clap::Subcommand;
use model::{EndpointId, OrgId};
use sinks::webhook::Reach;
use store::endpoints::{self, Endpoint};
use store::{Db, StoreError};

use crate::app::App;
use crate::exit::Exit;
use crate::failure::Failure;

/// Add and look after endpoints: addresses that get every change as a signed webhook
///
/// docs/outgoing-webhooks.md is the contract for whoever receives.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Add(add::Args),
    List(list::Args),
    Test(test::Args),
    Rotate(rotate::Args),
    Disable(disable::Args),
    Enable(enable::Args),
    Replay(replay::Args),
    Remove(remove::Args),
}

/// Do what was asked.
pub(crate) async fn run(app: &App, args: Args) -> Result<Exit, Failure> {
    match args.what {
        What::Add(args) => add::run(app, args).await,
        What::List(args) => list::run(app, args).await,
        What::Test(args) => test::run(app, args).await,
        What::Rotate(args) => rotate::run(app, args).await,
        What::Disable(args) => disable::run(app, args).await,
        What::Enable(args) => enable::run(app, args).await,
        What::Replay(args) => replay::run(app, args).await,
        What::Remove(args) => remove::run(app, args).await,
    }
}

/// The endpoint of that id, which a person typed.
async fn find(app: &App, db: &Db, org: OrgId, id: &str) -> Result<Endpoint, Failure> {
    let id = EndpointId(id.to_owned());
    let found = endpoints::get(db, org, &id).await.map_err(|error| failed(app, &error))?;
    found.ok_or_else(|| {
        Failure::usage(format!("organization {org} has no endpoint {id}"))
            .hint("\"longshore endpoints list\" shows those there are")
    })
}

/// How far webhooks may reach, by the settings.
fn reach(app: &App) -> Reach {
    if app.config.webhooks_private { Reach::Private } else { Reach::Public }
}

fn failed(app: &App, error: &StoreError) -> Failure {
    Failure::store("read or change the endpoints of", &app.config.database, error)
}

//! `longshore honey remove`: take a decoy away.

use model::ConnectionId;
use serde::Serialize;
use store::{StoreError, honey};

use crate::app::App;
use crate::database::{self, Missing};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::who;

/// Take a decoy away, and what was said about it back
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The decoy
    #[arg(value_name = "ID")]
    honey: String,
}

#[derive(Debug, Serialize)]
struct Report {
    honey_id: String,
}

/// Remove it.
pub(crate) async fn run(app: &App, args: Args) -> Result<Exit, Failure> {
    let db = database::open(app, Missing::Refuse).await?;
    let org = database::organization(app, &db).await?;
    let id = ConnectionId(args.honey);
    let removed = async {
        let mut tx = db.begin().await?;
        honey::remove(&mut tx, org, &id, &who::command(), app.clock.now()).await?;
        tx.commit().await
    };
    removed.await.map_err(|error| match error {
        StoreError::NotFound { .. } => Failure::usage(format!("organization {org} has no honey token {id}"))
            .hint("\"longshore honey list\" shows those there are"),
        error => super::failed(app, &error),
    })?;
    db.close().await;
    let text = format!("honey token {id} is gone\n");
    app.output.report(Exit::Done, &Report { honey_id: id.0 }, &text)
}

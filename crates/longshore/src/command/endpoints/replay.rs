//! `longshore endpoints replay`: send a part of the feed to one address again.

use serde::Serialize;
use store::changes::{self, Start};
use store::endpoints;

use crate::app::App;
use crate::database::{self, Missing};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::feed_start;
use crate::who;

/// Send the webhooks of a range of changes to an endpoint again
///
/// They carry the same ids and the same bytes, so a receiver that remembers ids takes none twice. What the endpoint has
/// not read yet comes in its own time, and is not sent ahead.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The endpoint
    #[arg(value_name = "ID")]
    endpoint: String,
    /// The first change: its number, a time such as 2026-11-22T10:00:00Z or 2h (ago), or "beginning"
    #[arg(long, value_name = "WHERE", value_parser = feed_start::parse)]
    from: feed_start::From,
    /// The first change that is not sent again, given alike
    #[arg(long, value_name = "WHERE", value_parser = feed_start::parse, default_value = "now")]
    until: feed_start::From,
}

#[derive(Debug, Serialize)]
struct Report {
    endpoint_id: String,
    state: &'static str,
    after: i64,
    through: i64,
    owed_again: u64,
}

/// Owe them again.
pub(crate) async fn run(app: &App, args: Args) -> Result<Exit, Failure> {
    let db = database::open(app, Missing::Refuse).await?;
    let org = database::organization(app, &db).await?;
    let endpoint = super::find(app, &db, org, &args.endpoint).await?;
    let now = app.clock.now();
    let position = async |from: Start| {
        changes::position(&db, org, from).await.map_err(|error| super::failed(app, &error))
    };
    let after = position(args.from.start(now)).await?;
    let through = position(args.until.start(now)).await?;
    let replayed = endpoints::replay(&db, &endpoint, after, through, (&who::command(), now)).await;
    let owed_again = replayed.map_err(|error| super::failed(app, &error))?;
    db.close().await;
    let (endpoint_id, state) = (endpoint.endpoint_id.0, endpoint.state.as_str());
    let report = Report { endpoint_id, state, after, through, owed_again };
    let mut text = format!("{} changes after {after} up to {through} are owed again\n", report.owed_again);
    if endpoint.state == endpoints::EndpointState::Disabled {
        text += "the endpoint is disabled: they are sent once it is enabled\n";
    }
    app.output.report(Exit::Done, &report, &text)
}

//! `longshore connections show`: one grant, and how far giving it up has come.

use model::{ConnectionId, Millis};
use serde::Serialize;
use store::{connections, disconnects};

use super::failed;
use super::list::Row;
use crate::app::App;
use crate::database::{self, Missing};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::table::instant;

/// Show one connection
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Its id, as "longshore connections list" shows it
    connection: String,
}

#[derive(Debug, Serialize)]
struct Report {
    #[serde(flatten)]
    row: Row,
    disconnect: Option<Disconnect>,
}

#[derive(Debug, Serialize)]
struct Disconnect {
    asked_at: Millis,
    outcome: Option<&'static str>,
    attempts: i64,
    destroyed_at: Option<Millis>,
    erased_at: Option<Millis>,
}

/// Show it.
pub(crate) async fn run(app: &App, args: Args) -> Result<Exit, Failure> {
    let id = ConnectionId(args.connection);
    let db = database::open(app, Missing::Refuse).await?;
    let found = connections::of_id(&db, &id).await.map_err(|error| failed(app, &error))?;
    let found = found.ok_or_else(|| unknown(&id))?;
    let known = disconnects::get(&db, &id).await.map_err(|error| failed(app, &error))?;
    db.close().await;
    let disconnect = known.map(|known| Disconnect {
        asked_at: known.asked_at,
        outcome: known.outcome.map(disconnects::Revocation::as_str),
        attempts: known.attempts,
        destroyed_at: known.ended_at,
        erased_at: known.erased_at,
    });
    let report = Report { row: found.into(), disconnect };
    app.output.report(Exit::Done, &report, &text(&report))
}

/// There is no connection of that id.
pub(super) fn unknown(id: &ConnectionId) -> Failure {
    Failure::usage(format!("there is no connection {id}"))
        .hint("\"longshore connections list\" shows those there are")
}

fn text(report: &Report) -> String {
    let row = &report.row;
    let at = |at: Option<Millis>| at.map_or_else(|| "never".to_owned(), |at| instant(at.0));
    let mut text = format!(
        "connection {} of organization {}: {}, {}\nscopes: {}\ncreated {}, last used {}\n",
        row.connection_id,
        row.organization,
        row.kind,
        row.state,
        row.scopes.join(", "),
        instant(row.created_at.0),
        at(row.last_used_at)
    );
    if let Some(known) = &report.disconnect {
        text += &format!(
            "given up {}, revocation {} after {} tries, secrets destroyed {}, data erased {}\n",
            instant(known.asked_at.0),
            known.outcome.unwrap_or("not tried yet"),
            known.attempts,
            at(known.destroyed_at),
            at(known.erased_at)
        );
    }
    text
}

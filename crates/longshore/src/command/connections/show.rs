//! `longshore connections show`: one grant, how far giving it up has come, and what is said about it.

use model::{ConnectionId, Millis};
use serde::Serialize;
use store::inventory::{self, Known, Progress};
use store::status::{self, Notice, Pause};

use super::failed;
use crate::app::App;
use crate::command::status::pauses_text;
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
    grant: Known,
    notices: Vec<Notice>,
    /// What is paused for its organization.
    pauses: Vec<Pause>,
}

/// Show it.
pub(crate) async fn run(app: &App, args: Args) -> Result<Exit, Failure> {
    let id = ConnectionId(args.connection);
    let db = database::open(app, Missing::Refuse).await?;
    let grant = inventory::get(&db, &id).await.map_err(|error| failed(app, &error))?;
    let grant = grant.ok_or_else(|| unknown(&id))?;
    let org = grant.organization;
    let notices = status::notices_of_connection(&db, org, &id).await.map_err(|error| failed(app, &error))?;
    let pauses =
        status::pauses_of(&db, Some(org), app.clock.now()).await.map_err(|error| failed(app, &error))?;
    db.close().await;
    let report = Report { grant, notices, pauses };
    app.output.report(Exit::Done, &report, &text(&report))
}

/// There is no connection of that id.
pub(super) fn unknown(id: &ConnectionId) -> Failure {
    Failure::usage(format!("there is no connection {id}"))
        .hint("\"longshore connections list\" shows those there are")
}

fn text(report: &Report) -> String {
    let grant = &report.grant;
    let mut text = format!(
        "connection {} of organization {}: {}, {}\nscopes: {}\ncreated {}, last used {}\n",
        grant.connection_id,
        grant.organization,
        grant.kind,
        grant.state,
        grant.scopes.join(", "),
        instant(grant.created_at.0),
        when(grant.last_used_at)
    );
    text += &grant.disconnect.as_ref().map(progress_text).unwrap_or_default();
    text += &pauses_text(&report.pauses);
    for notice in &report.notices {
        text += &format!("notice since {}: {}\n", instant(notice.first_at.0), notice.message);
    }
    text
}

fn progress_text(known: &Progress) -> String {
    let mut text = format!("given up {}: ", instant(known.asked_at.0));
    text += &match (known.outcome, known.destroyed_at) {
        (outcome, Some(at)) => {
            format!("{}, secrets destroyed {}", outcome.unwrap_or("not asked"), instant(at.0))
        }
        (None, None) => "not tried yet".to_owned(),
        (Some(outcome), None) => format!(
            "{outcome} after {} tries, tried again until {}",
            known.attempts,
            instant(known.until_at.0)
        ),
    };
    text += match known.data {
        "kept" => "; data kept\n",
        "erased" => "; data erased\n",
        "shared" => "; data kept, because another connection of the organization is in use\n",
        _ => "; data to be erased\n",
    };
    known.left_to_do.map_or(text.clone(), |left| text + left + "\n")
}

fn when(at: Option<Millis>) -> String {
    at.map_or_else(|| "never".to_owned(), |at| instant(at.0))
}

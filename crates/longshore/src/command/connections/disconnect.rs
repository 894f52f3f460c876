//! `longshore connections disconnect`: the kill switch. It needs the database alone: no node, no console, and no Drift.

use std::collections::BTreeSet;

use engine::disconnect::{Ended, Plan, Revoking, Selection};
use model::ConnectionId;
use serde::Serialize;
use store::disconnects::{Because, Data, Revocation};
use store::vault::{Key, Vault};

use super::{failed, show};
use crate::app::App;
use crate::database::{self, Missing};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::network::{self, Patience};
use crate::output::table::{Column, grouped, table};
use crate::who;

/// Give connections up: revoke them at Drift, destroy their secrets, stop their jobs
///
/// One by its id, those of an organization with --org, or all with --all. Exits with 3 where Drift did not answer: the
/// revocation is tried again by "longshore serve", or by the same command, until --retry-hours have passed, and then the
/// secrets are destroyed unrevoked; and with 3 where Drift refused.
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("data").required(true)))]
pub(crate) struct Args {
    /// The id of the connection, as "longshore connections list" shows it
    #[arg(conflicts_with = "all")]
    connection: Option<String>,
    /// All connections there are
    #[arg(long)]
    all: bool,
    /// Keep what was stored of the organization
    #[arg(long, group = "data")]
    keep: bool,
    /// Erase what was stored of the organization; copies outside are not reached
    #[arg(long, group = "data")]
    erase: bool,
    /// For how many hours Drift is asked again before the secrets are destroyed unrevoked, 1 to 720
    #[arg(long, value_name = "HOURS", default_value_t = 24, value_parser = clap::value_parser!(u16).range(1..=720))]
    retry_hours: u16,
    /// Do not ask Drift: destroy the secrets at once
    #[arg(long)]
    without_revoking: bool,
}

const HOUR_MS: i64 = 60 * 60 * 1_000;

#[derive(Debug, Serialize)]
struct Report {
    disconnected: Vec<Ended>,
}

/// Give them up.
pub(crate) async fn run(app: &App, args: Args) -> Result<Exit, Failure> {
    let selection = match (&args.connection, args.all, app.config.org) {
        (Some(id), _, _) => Selection::One(ConnectionId(id.clone())),
        (None, true, _) => Selection::All,
        (None, false, Some(org)) => Selection::Org(org),
        (None, false, None) => {
            return Err(Failure::usage("which connections?")
                .hint("give a connection's id, an organization with --org, or --all"));
        }
    };
    let db = database::open(app, Missing::Refuse).await?;
    if let Selection::One(id) = &selection {
        let found = store::connections::of_id(&db, id).await.map_err(|error| failed(app, &error))?;
        found.ok_or_else(|| show::unknown(id))?;
    }
    let plan = Plan {
        data: if args.erase { Data::Erase } else { Data::Keep },
        retries_ms: i64::from(args.retry_hours) * HOUR_MS,
        because: Because::Asked,
        revoking: if args.without_revoking { Revoking::Skip } else { Revoking::Ask },
    };
    let vault = match plan.revoking {
        Revoking::Ask => database::vault(app, &db).await?,
        // Nothing is opened or sealed: a key that is lost does not keep anybody from destroying what it sealed.
        Revoking::Skip => Vault::new(Key::generate(app.entropy.as_ref()), app.entropy.clone()),
    };
    let connections = network::connections_with(app, &db, vault, Patience::Person, None)?;
    let disconnected = connections.disconnect(&selection, plan, &who::command()).await?;
    db.close().await;
    let report = Report { disconnected };
    let waiting = report.disconnected.iter().filter(|one| !one.destroyed).count();
    let left = report.disconnected.iter().filter_map(|one| left_to_do(&one.outcome));
    let is_whole = waiting == 0 && left.clone().all(|(outcome, _)| outcome != Revocation::Refused);
    let exit = if is_whole { Exit::Done } else { Exit::Incomplete };
    app.output.report(exit, &report, &text(&report))?;
    if waiting > 0 {
        app.output.note(&format!(
            "hint: Drift did not answer for {waiting}: \"longshore serve\" tries again for {} hours, and this command at once",
            args.retry_hours
        ));
    }
    let hints: BTreeSet<&str> = left.map(|(_, hint)| hint).collect();
    for hint in hints {
        app.output.note(&format!("hint: {hint}"));
    }
    if report.disconnected.iter().any(|one| one.data == "shared") {
        app.output.note(
            "hint: data was kept where another connection of the organization is in use; give that up, too",
        );
    }
    Ok(exit)
}

/// What a person still has to do in Drift after this outcome.
fn left_to_do(word: &str) -> Option<(Revocation, &'static str)> {
    let outcome = Revocation::ALL.into_iter().find(|one| one.as_str() == word)?;
    Some((outcome, outcome.left_to_do()?))
}

fn text(report: &Report) -> String {
    let columns = [
        Column::Text("org"),
        Column::Text("connection"),
        Column::Text("at Drift"),
        Column::Text("secrets"),
        Column::Text("data"),
        Column::Number("rows erased"),
    ];
    let rows = report.disconnected.iter().map(|one| {
        vec![
            one.organization.to_string(),
            one.connection_id.to_string(),
            one.outcome.clone(),
            if one.destroyed { "destroyed" } else { "kept to revoke" }.to_owned(),
            one.data.clone(),
            one.erased.map(|rows| grouped(rows.try_into().unwrap_or(i64::MAX))).unwrap_or_default(),
        ]
    });
    let text = table(&columns, rows.collect());
    if text.is_empty() { "there is nothing to disconnect\n".into() } else { text }
}

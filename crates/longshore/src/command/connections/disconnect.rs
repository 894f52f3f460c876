//! `longshore connections disconnect`: the kill switch. It needs the database alone: no node, no console, and no Drift.

use engine::disconnect::{Ended, Plan, Revoking, Selection};
use model::ConnectionId;
use serde::Serialize;
use store::disconnects::Data;
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
/// revocation is tried again by "longshore serve", or by the same command, and the secrets are destroyed after a day.
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
    /// Do not ask Drift: destroy the secrets at once
    #[arg(long)]
    without_revoking: bool,
}

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
    let exit = if waiting > 0 { Exit::Incomplete } else { Exit::Done };
    app.output.report(exit, &report, &text(&report))?;
    if waiting > 0 {
        app.output.note(&format!(
            "hint: Drift did not answer for {waiting}: \"longshore serve\" tries again for a day, and this command at once"
        ));
    }
    if report.disconnected.iter().any(|one| one.outcome == "by_hand") {
        app.output.note("hint: the token of a private app is revoked on the app's page at dev.drift.com");
    }
    Ok(exit)
}

fn text(report: &Report) -> String {
    let columns = [
        Column::Text("org"),
        Column::Text("connection"),
        Column::Text("at Drift"),
        Column::Text("secrets"),
        Column::Number("rows erased"),
    ];
    let rows = report.disconnected.iter().map(|one| {
        vec![
            one.organization.to_string(),
            one.connection_id.to_string(),
            one.outcome.clone(),
            if one.destroyed { "destroyed" } else { "kept to revoke" }.to_owned(),
            one.erased.map(|rows| grouped(rows.try_into().unwrap_or(i64::MAX))).unwrap_or_default(),
        ]
    });
    let text = table(&columns, rows.collect());
    if text.is_empty() { "there is nothing to disconnect\n".into() } else { text }
}

//! `longshore connections list`: every grant, what it is good for, and how long it has not been used.

use model::Millis;
use serde::Serialize;
use store::inventory::{self, Known};

use super::failed;
use crate::app::App;
use crate::database::{self, Missing};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::table::{Column, instant, table};

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

/// Show every connection
///
/// One that has not been used for a while is pointed out (setting "connections_unused_days"): what nobody needs is best
/// disconnected.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Point out connections unused for so many days, instead of as many as the setting says
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u16).range(1..))]
    unused_days: Option<u16>,
}

#[derive(Debug, Serialize)]
struct Listed {
    #[serde(flatten)]
    grant: Known,
    /// Not given up, and not used for that long.
    unused: bool,
}

#[derive(Debug, Serialize)]
struct Report {
    connections: Vec<Listed>,
}

/// Show them.
pub(crate) async fn run(app: &App, args: Args) -> Result<Exit, Failure> {
    let db = database::open(app, Missing::Refuse).await?;
    let known = inventory::list(&db, app.config.org).await.map_err(|error| failed(app, &error))?;
    db.close().await;
    let unused_ms =
        args.unused_days.map_or(app.config.connections_unused_ms, |days| i64::from(days) * DAY_MS);
    let before = app.clock.now().plus(-unused_ms);
    let report = Report { connections: known.into_iter().map(|one| listed(one, before)).collect() };
    app.output.report(Exit::Done, &report, &text(&report))?;
    for (count, hint) in [
        (
            report.connections.iter().filter(|one| one.unused).count(),
            "not used for long: give up what nobody needs with \"longshore connections disconnect\"",
        ),
        (
            report.connections.iter().filter(|one| matches!(one.grant.state, "expired" | "revoked")).count(),
            "not accepted by Drift any more: connect again with \"longshore connect\", or give it up",
        ),
    ] {
        if count > 0 {
            app.output.note(&format!("hint: {count} {hint}"));
        }
    }
    Ok(Exit::Done)
}

fn listed(grant: Known, before: Millis) -> Listed {
    let is_given_up = matches!(grant.state, "disconnecting" | "disconnected");
    let unused = !is_given_up && grant.last_used_at.unwrap_or(grant.created_at) <= before;
    Listed { grant, unused }
}

fn text(report: &Report) -> String {
    let columns = [
        Column::Text("org"),
        Column::Text("connection"),
        Column::Text("kind"),
        Column::Text("state"),
        Column::Number("scopes"),
        Column::Text("created"),
        Column::Text("last used"),
        Column::Text("at Drift"),
    ];
    let rows = report.connections.iter().map(|Listed { grant, unused }| {
        let used = grant.last_used_at.map_or_else(|| "never".to_owned(), |at| instant(at.0));
        let outcome = grant.disconnect.as_ref().and_then(|known| known.outcome);
        vec![
            grant.organization.to_string(),
            grant.connection_id.to_string(),
            grant.kind.to_owned(),
            grant.state.to_owned(),
            grant.scopes.len().to_string(),
            instant(grant.created_at.0),
            if *unused { format!("{used} (unused)") } else { used },
            outcome.unwrap_or_default().to_owned(),
        ]
    });
    let text = table(&columns, rows.collect());
    if text.is_empty() { "there are no connections\n".into() } else { text }
}

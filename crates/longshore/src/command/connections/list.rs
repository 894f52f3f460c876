//! `longshore connections list`: every grant, what it is good for, and how long it has not been used.

use model::{ConnectionId, Millis, OrgId};
use serde::Serialize;
use store::connections::{self, Connection};

use super::failed;
use crate::app::App;
use crate::database::{self, Missing};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::table::{Column, instant, table};

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

/// Show every connection
///
/// One that is good for calls and has not been used for a while is pointed out: what nobody needs is best disconnected.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Point out connections unused for so many days
    #[arg(long, value_name = "DAYS", default_value_t = 30, value_parser = clap::value_parser!(u16).range(1..))]
    unused_days: u16,
}

#[derive(Debug, Serialize)]
pub(super) struct Row {
    pub(super) organization: OrgId,
    pub(super) connection_id: ConnectionId,
    pub(super) kind: &'static str,
    pub(super) state: &'static str,
    pub(super) scopes: Vec<String>,
    pub(super) created_at: Millis,
    pub(super) last_used_at: Option<Millis>,
    pub(super) expires_at: Option<Millis>,
}

#[derive(Debug, Serialize)]
struct Listed {
    #[serde(flatten)]
    row: Row,
    /// Good for calls, and not used for that long.
    unused: bool,
}

#[derive(Debug, Serialize)]
struct Report {
    connections: Vec<Listed>,
}

/// Show them.
pub(crate) async fn run(app: &App, args: Args) -> Result<Exit, Failure> {
    let db = database::open(app, Missing::Refuse).await?;
    let known = connections::list(&db).await.map_err(|error| failed(app, &error))?;
    db.close().await;
    let before = app.clock.now().plus(-i64::from(args.unused_days) * DAY_MS);
    let chosen = known.into_iter().filter(|one| app.config.org.is_none_or(|org| org == one.org_id));
    let report = Report { connections: chosen.map(|one| listed(one, before)).collect() };
    app.output.report(Exit::Done, &report, &text(&report))?;
    let unused = report.connections.iter().filter(|one| one.unused).count();
    if unused > 0 {
        app.output.note(&format!(
            "hint: {unused} not used for {} days: give up what nobody needs with \"longshore connections disconnect\"",
            args.unused_days
        ));
    }
    Ok(Exit::Done)
}

impl From<Connection> for Row {
    fn from(one: Connection) -> Self {
        Self {
            organization: one.org_id,
            connection_id: one.connection_id,
            kind: one.kind.as_str(),
            state: one.state.as_str(),
            scopes: one.scopes,
            created_at: one.created_at,
            last_used_at: one.last_used_at,
            expires_at: one.expires_at,
        }
    }
}

fn listed(one: Connection, before: Millis) -> Listed {
    let unused = !one.state.is_given_up() && one.last_used_at.unwrap_or(one.created_at) < before;
    Listed { row: one.into(), unused }
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
    ];
    let rows = report.connections.iter().map(|Listed { row, unused }| {
        let used = row.last_used_at.map_or_else(|| "never".to_owned(), |at| instant(at.0));
        vec![
            row.organization.to_string(),
            row.connection_id.to_string(),
            row.kind.to_owned(),
            row.state.to_owned(),
            row.scopes.len().to_string(),
            instant(row.created_at.0),
            if *unused { format!("{used} (unused)") } else { used },
        ]
    });
    let text = table(&columns, rows.collect());
    if text.is_empty() { "there are no connections\n".into() } else { text }
}

//! `longshore connections exposure`: if the token leaked, what it would open, and which scopes nobody uses.

use model::OrgId;
use serde::Serialize;
use web::exposure::{self, Exposure, Scoped, UNUSED_DAYS};

use super::failed;
use crate::app::App;
use crate::database::{self, Missing};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::table::{Column, grouped, instant, table};

/// Show what a connection would open if its token leaked, and which of its scopes nobody uses
///
/// Counted in the mirror, from the database alone; Drift is not asked. docs/use.md tells how to read it.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The organization, by Drift's number; without it the one of --org, or the only one
    #[arg(value_name = "ORG", conflicts_with = "all")]
    organization: Option<i64>,
    /// Every connection of the database
    #[arg(long)]
    all: bool,
}

#[derive(Debug, Serialize)]
struct Report {
    connections: Vec<Exposure>,
}

/// Count and show it.
pub(crate) async fn run(app: &App, args: Args) -> Result<Exit, Failure> {
    let db = database::open(app, Missing::Refuse).await?;
    let org = match args.organization {
        Some(org) => Some(OrgId(org)),
        None if args.all => None,
        None => Some(database::organization(app, &db).await?),
    };
    let connections = exposure::read(&db, org, app.clock.now()).await.map_err(|error| failed(app, &error))?;
    db.close().await;
    if let (Some(org), true) = (org, connections.is_empty()) {
        return Err(Failure::new(
            Exit::Refused,
            format!("organization {org} has no connection that is good for calls"),
        )
        .hint("\"longshore status\" lists what is connected"));
    }
    let report = Report { connections };
    app.output.report(Exit::Done, &report, &text(&report))
}

fn text(report: &Report) -> String {
    if report.connections.is_empty() {
        return "nothing is connected: nothing is laid open\n".into();
    }
    report.connections.iter().map(connection_text).collect::<Vec<_>>().join("\n")
}

fn connection_text(one: &Exposure) -> String {
    let mut text = format!(
        "Organization {}, connection {}, {}\nif its token leaked: {} rows and {} people, as far as the mirror holds them\n\n",
        one.organization,
        one.connection_id,
        one.state,
        grouped(one.rows),
        grouped(one.people)
    );
    let columns = [
        Column::Text("scope"),
        Column::Text("opens"),
        Column::Number("people"),
        Column::Number("calls in 30 days"),
        Column::Number("records"),
        Column::Text("last used"),
    ];
    text += &table(&columns, one.scopes.iter().map(row).collect());
    text += &format!(
        "\nwhatever its scopes, it may open {} more endpoints whose scope Drift does not document\n",
        one.without_scope.len()
    );
    text += &proposal_text(one);
    text
}

fn row(scope: &Scoped) -> Vec<String> {
    let opened = scope.opens.iter().map(|opened| match (opened.way, opened.rows) {
        ("read", Some(rows)) => format!("{} {}", grouped(rows), opened.objects),
        ("read", None) => opened.objects.to_owned(),
        _ => format!("changes {}", opened.objects),
    });
    let opened = opened.collect::<Vec<_>>().join(", ");
    let used = scope.last_used_at.map_or_else(|| "not by a call".to_owned(), |at| instant(at.0));
    vec![
        scope.scope.clone(),
        if scope.known { opened } else { "not known to this program".to_owned() },
        grouped(scope.people),
        grouped(scope.calls),
        grouped(scope.rows),
        if scope.unused { "unused".to_owned() } else { used },
    ]
}

fn proposal_text(one: &Exposure) -> String {
    if let Some(proposal) = &one.proposal {
        let keep = if proposal.keep.is_empty() {
            "nothing is left: give the connection up".to_owned()
        } else {
            format!("leave {}, and connect again", proposal.keep.join(", "))
        };
        return format!(
            "not used in {UNUSED_DAYS} days: untick {} on the app's page at dev.drift.com; {keep}\n",
            proposal.remove.join(", ")
        );
    }
    match one.watched_since {
        Some(_) if !one.scopes.iter().any(|scope| scope.unused && scope.known) => {
            format!("every scope was used in the last {UNUSED_DAYS} days\n")
        }
        Some(since) => format!(
            "its use is recorded since {}: after {UNUSED_DAYS} days it can be said which scopes nobody uses\n",
            instant(since.0)
        ),
        None => "its use is not recorded yet: \"longshore serve\" does that\n".to_owned(),
    }
}

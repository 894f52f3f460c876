//! `longshore status`: what is connected, what was run, what is stored, what waits — from the database alone.

use engine::certificate::Certificate;
use model::OrgId;
use serde::Serialize;
use store::connections::Connection;
use store::runs::Run;
use store::status::{self, Jobs, Pause, Status, Unconnected};
use store::{Db, StoreError, connections, mirror, runs};

use crate::app::App;
use crate::database::{self, Missing};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::table::{Column, duration, grouped, instant, table};

/// Runs shown for each organization.
const RUNS_MAX: u32 = 5;

/// Show what is connected, what was run, what is stored, and what waits, lags or stands still
///
/// Drift is not asked.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

#[derive(Debug, Serialize)]
struct Report {
    database: String,
    schema_version: i64,
    organizations: Vec<Organization>,
    /// Organizations that send events and are not connected.
    unconnected: Vec<Unconnected>,
}

#[derive(Debug, Serialize)]
struct Organization {
    organization: i64,
    connection: Grant,
    conversations: i64,
    messages: i64,
    contacts: i64,
    runs: Vec<Line>,
    live: Status,
}

#[derive(Debug, Serialize)]
struct Grant {
    kind: &'static str,
    state: &'static str,
    scopes: Vec<String>,
    api_url: String,
    created_at: i64,
    expires_at: Option<i64>,
}

#[derive(Debug, Serialize)]
struct Line {
    run_id: String,
    kind: String,
    started_at: i64,
    finished_at: Option<i64>,
    outcome: Option<String>,
    /// Why the certificate is not complete.
    reasons: Vec<String>,
}

/// Show the state of the database.
pub(crate) async fn run(app: &App, _: Args) -> Result<Exit, Failure> {
    let db = database::open(app, Missing::Refuse).await?;
    let report = read(app, &db)
        .await
        .map_err(|error| Failure::store("read the state of", &app.config.database, &error))?;
    db.close().await;
    app.output.report(Exit::Done, &report, &text(&report))
}

async fn read(app: &App, db: &Db) -> Result<Report, StoreError> {
    let mut orgs: Vec<OrgId> =
        connections::list(db).await?.iter().map(|connection| connection.org_id).collect();
    orgs.sort_unstable();
    orgs.dedup();
    let mut organizations = Vec::new();
    for org in orgs.into_iter().filter(|org| app.config.org.is_none_or(|wanted| wanted == *org)) {
        let Some(connection) = connections::get(db, org).await? else { continue };
        let counts = mirror::counts(db, org).await?;
        organizations.push(Organization {
            organization: org.0,
            connection: grant(connection),
            conversations: counts.conversations,
            messages: counts.messages,
            contacts: counts.contacts,
            runs: runs::list(db, org, RUNS_MAX).await?.into_iter().map(line).collect(),
            live: status::of_org(db, org, app.clock.now()).await?,
        });
    }
    Ok(Report {
        database: app.config.database.to_string(),
        schema_version: db.schema_version().await?,
        organizations,
        unconnected: status::unconnected(db).await?,
    })
}

fn grant(connection: Connection) -> Grant {
    Grant {
        kind: connection.kind.as_str(),
        state: connection.state.as_str(),
        scopes: connection.scopes,
        api_url: connection.api_url,
        created_at: connection.created_at.0,
        expires_at: connection.expires_at.map(|at| at.0),
    }
}

fn line(run: Run) -> Line {
    let certificate = run.certificate.and_then(|text| serde_json::from_str::<Certificate>(&text).ok());
    Line {
        run_id: run.run_id.0,
        kind: run.kind,
        started_at: run.started_at.0,
        finished_at: run.finished_at.map(|at| at.0),
        outcome: run.outcome,
        reasons: certificate.map(|certificate| certificate.reasons).unwrap_or_default(),
    }
}

fn text(report: &Report) -> String {
    let mut text = format!("{}, schema version {}\n", report.database, report.schema_version);
    if report.organizations.is_empty() {
        text += "nothing is connected yet\n";
    }
    for org in &report.organizations {
        text += &format!("\n{}", organization_text(org));
    }
    for one in &report.unconnected {
        let (organization, events) = (one.organization, grouped(one.events));
        text += &format!("\nOrganization {organization} is not connected and sent {events} events\n");
    }
    text
}

fn organization_text(org: &Organization) -> String {
    let mut text = format!(
        "Organization {}: {} connection, {}, {} scopes\n",
        org.organization,
        org.connection.kind,
        org.connection.state,
        org.connection.scopes.len()
    );
    let counts = [org.conversations, org.messages, org.contacts].map(grouped);
    text += &format!("{} conversations, {} messages, {} contacts\n", counts[0], counts[1], counts[2]);
    text += &live_text(&org.live);
    let columns =
        [Column::Text("run"), Column::Text("began"), Column::Text("ended"), Column::Text("outcome")];
    let rows = org.runs.iter().map(|run| {
        let ended = run.finished_at.map_or_else(|| "not yet".into(), instant);
        vec![run.kind.clone(), instant(run.started_at), ended, run.outcome.clone().unwrap_or_default()]
    });
    let tables = [table(&columns, rows.collect()), jobs_text(&org.live.jobs), consumers_text(&org.live)];
    for table in tables.iter().filter(|table| !table.is_empty()) {
        text += &format!("\n{table}");
    }
    text
}

/// What is going on, in a line each; nothing of what there is nothing of.
fn live_text(live: &Status) -> String {
    let mut text = String::new();
    let inbox = &live.inbox;
    if let Some(last) = inbox.last_at {
        text += &format!("{} events in 24 hours, the last {}", grouped(inbox.received), instant(last.0));
        text += &format!("; {} wait to be routed\n", grouped(inbox.unrouted));
    } else if inbox.unrouted > 0 {
        text += &format!("{} events wait to be routed\n", grouped(inbox.unrouted));
    }
    if let (Some(last), Some(share)) = (live.sweeps.last_at, live.sweeps.missed_share) {
        text += &format!(
            "webhooks missed {:.1} % of {} changed conversations in 7 days; last sweep {}\n",
            share * 100.0,
            grouped(live.sweeps.changed),
            instant(last.0)
        );
    } else if let Some(last) = live.sweeps.last_at {
        text += &format!("last sweep {}\n", instant(last.0));
    }
    let dead: i64 = live.jobs.iter().filter(|jobs| jobs.state == "dead").map(|jobs| jobs.jobs).sum();
    if dead > 0 {
        text += &format!("{} dead letters: \"longshore queue dead\" lists them\n", grouped(dead));
    }
    for endpoint in live.endpoints.iter().filter(|endpoint| endpoint.state == "disabled") {
        text += &format!("endpoint {} is disabled\n", endpoint.endpoint_id);
    }
    text += &pauses_text(&live.pauses);
    for notice in &live.notices {
        text += &format!("notice since {}: {}\n", instant(notice.first_at.0), notice.message);
    }
    text
}

/// What is paused, in a line each.
pub(crate) fn pauses_text(pauses: &[Pause]) -> String {
    let line = |pause: &Pause| {
        let what = pause.kind.as_deref().unwrap_or("everything");
        let whose = pause.organization.map_or_else(|| "every organization".into(), |org| format!("{org}"));
        let until = pause.until.map_or_else(String::new, |at| format!(" until {}", instant(at.0)));
        format!("{what} of {whose} is paused{until}: {}\n", pause.reason)
    };
    pauses.iter().map(line).collect()
}

/// Jobs by kind and state.
pub(super) fn jobs_text(jobs: &[Jobs]) -> String {
    let columns = [
        Column::Text("jobs"),
        Column::Text("state"),
        Column::Number("count"),
        Column::Number("failed before"),
        Column::Text("next due"),
    ];
    let rows = jobs.iter().map(|jobs| {
        let due = if jobs.state == "waiting" { instant(jobs.due_at.0) } else { String::new() };
        vec![jobs.kind.clone(), jobs.state.clone(), grouped(jobs.jobs), grouped(jobs.retrying), due]
    });
    table(&columns, rows.collect())
}

fn consumers_text(live: &Status) -> String {
    let columns = [
        Column::Text("consumer"),
        Column::Text("kind"),
        Column::Text("state"),
        Column::Number("changes behind"),
        Column::Number("for"),
        Column::Number("owed"),
        Column::Number("given up"),
    ];
    let rows = live.consumers.iter().map(|consumer| {
        vec![
            consumer.name.clone(),
            consumer.kind.into(),
            consumer.state.into(),
            grouped(consumer.lag_changes),
            duration(consumer.lag_ms),
            grouped(consumer.owed),
            grouped(consumer.failed),
        ]
    });
    table(&columns, rows.collect())
}

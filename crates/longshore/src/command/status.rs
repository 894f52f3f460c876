//! `longshore status`: what is connected, what was run, what is stored — from the database alone.

use engine::certificate::Certificate;
use model::OrgId;
use serde::Serialize;
use store::connections::Connection;
use store::runs::Run;
use store::{Db, StoreError, connections, mirror, runs};

use crate::app::App;
use crate::database::{self, Missing};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::table::{Column, grouped, instant, table};

/// Runs shown for each organization.
const RUNS_MAX: u32 = 5;

/// Show what is connected, what was run and what is stored
///
/// Drift is not asked.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

#[derive(Debug, Serialize)]
struct Report {
    database: String,
    schema_version: i64,
    organizations: Vec<Organization>,
}

#[derive(Debug, Serialize)]
struct Organization {
    organization: i64,
    connection: Grant,
    conversations: i64,
    messages: i64,
    contacts: i64,
    runs: Vec<Line>,
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
        });
    }
    Ok(Report {
        database: app.config.database.to_string(),
        schema_version: db.schema_version().await?,
        organizations,
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
        text += &format!(
            "\nOrganization {}: {} connection, {}, {} scopes\n",
            org.organization,
            org.connection.kind,
            org.connection.state,
            org.connection.scopes.len()
        );
        let counts = [org.conversations, org.messages, org.contacts].map(grouped);
        text += &format!("{} conversations, {} messages, {} contacts\n", counts[0], counts[1], counts[2]);
        let columns =
            [Column::Text("run"), Column::Text("began"), Column::Text("ended"), Column::Text("outcome")];
        let rows = org.runs.iter().map(|run| {
            let ended = run.finished_at.map_or_else(|| "not yet".into(), instant);
            vec![run.kind.clone(), instant(run.started_at), ended, run.outcome.clone().unwrap_or_default()]
        });
        let runs = table(&columns, rows.collect());
        if !runs.is_empty() {
            text += &format!("\n{runs}");
        }
    }
    text
}

//! `longshore api-keys list`: which keys there are.

use model::Millis;
use serde::Serialize;
use store::access::keys::{self, ApiKey};

use crate::app::App;
use crate::command::users::place;
use crate::database::{self, Missing};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::table::{Column, instant, table};

/// Show each key, what it may, when it ends and when it was last used
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

#[derive(Debug, Serialize)]
struct Report {
    keys: Vec<Line>,
}

#[derive(Debug, Serialize)]
struct Line {
    key_id: String,
    name: String,
    role: &'static str,
    scopes: Vec<&'static str>,
    organization: Option<i64>,
    state: &'static str,
    created_at: i64,
    ends_at: i64,
    last_used_at: Option<i64>,
    revoked_at: Option<i64>,
}

/// Show them.
pub(crate) async fn run(app: &App, _: Args) -> Result<Exit, Failure> {
    let db = database::open(app, Missing::Refuse).await?;
    let found = keys::list(&db).await.map_err(|error| super::failed(app, &error))?;
    db.close().await;
    let now = app.clock.now();
    let report = Report { keys: found.into_iter().map(|key| line(key, now)).collect() };
    app.output.report(Exit::Done, &report, &text(&report))
}

fn line(key: ApiKey, now: Millis) -> Line {
    let state = match key.revoked_at {
        Some(_) => "revoked",
        None if key.ends_at <= now => "ended",
        None => "good",
    };
    Line {
        key_id: key.key_id.0,
        name: key.name,
        role: key.role.as_str(),
        scopes: key.scopes.iter().map(|scope| scope.as_str()).collect(),
        organization: key.org.map(|org| org.0),
        state,
        created_at: key.created_at.0,
        ends_at: key.ends_at.0,
        last_used_at: key.last_used_at.map(|at| at.0),
        revoked_at: key.revoked_at.map(|at| at.0),
    }
}

fn text(report: &Report) -> String {
    if report.keys.is_empty() {
        return "no keys yet; make one with \"longshore api-keys create NAME --scope PERMISSION\"\n".into();
    }
    let columns = [
        Column::Text("key"),
        Column::Text("name"),
        Column::Text("may"),
        Column::Text("in"),
        Column::Text("state"),
        Column::Text("ends"),
        Column::Text("last used"),
    ];
    let rows = report.keys.iter().map(|line| {
        let may = if line.scopes.is_empty() { line.role.to_owned() } else { line.scopes.join(" ") };
        vec![
            line.key_id.clone(),
            line.name.clone(),
            may,
            place(line.organization),
            line.state.into(),
            instant(line.ends_at),
            line.last_used_at.map_or_else(|| "never".to_owned(), instant),
        ]
    });
    table(&columns, rows.collect())
}

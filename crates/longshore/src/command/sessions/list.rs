//! `longshore sessions list`: which sessions live.

use std::collections::BTreeMap;

use model::{AccessUserId, Pii, UserName};
use serde::Serialize;
use store::access::{sessions, users};

use crate::app::App;
use crate::command::users::{failed, find};
use crate::database::{self, Missing};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::table::{Column, instant, table};

/// Show the sessions that live, of one user or of all
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only those of this user
    #[arg(value_name = "NAME")]
    name: Option<UserName>,
}

#[derive(Debug, Serialize)]
struct Report {
    sessions: Vec<Line>,
}

#[derive(Debug, Serialize)]
struct Line {
    session_id: String,
    name: String,
    address: Option<String>,
    created_at: i64,
    seen_at: i64,
    ends_at: i64,
}

/// Show them.
pub(crate) async fn run(app: &App, args: Args) -> Result<Exit, Failure> {
    let db = database::open(app, Missing::Refuse).await?;
    let of = match &args.name {
        Some(name) => Some(find(app, &db, name).await?.user_id),
        None => None,
    };
    let all = users::list(&db).await.map_err(|error| failed(app, &error))?;
    let names: BTreeMap<AccessUserId, UserName> =
        all.into_iter().map(|user| (user.user_id, user.name)).collect();
    let found = sessions::list(&db, of.as_ref(), app.clock.now()).await;
    let found = found.map_err(|error| failed(app, &error))?;
    db.close().await;
    let lines = found.into_iter().map(|session| Line {
        name: names.get(&session.user).map_or_else(String::new, |name| name.expose().to_owned()),
        session_id: session.session_id.0,
        address: session.address.map(Pii::into_exposed),
        created_at: session.created_at.0,
        seen_at: session.seen_at.0,
        ends_at: session.ends_at.0,
    });
    let report = Report { sessions: lines.collect() };
    app.output.report(Exit::Done, &report, &text(&report))
}

fn text(report: &Report) -> String {
    if report.sessions.is_empty() {
        return "nobody is signed in\n".into();
    }
    let columns = [
        Column::Text("session"),
        Column::Text("name"),
        Column::Text("from"),
        Column::Text("begun"),
        Column::Text("last seen"),
    ];
    let rows = report.sessions.iter().map(|line| {
        vec![
            line.session_id.clone(),
            line.name.clone(),
            line.address.clone().unwrap_or_default(),
            instant(line.created_at),
            instant(line.seen_at),
        ]
    });
    table(&columns, rows.collect())
}

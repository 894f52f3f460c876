//! `longshore users list`: who may sign in.

use serde::Serialize;
use store::access::memberships::{self, Membership};
use store::access::users::{self, User};

use super::place;
use crate::app::App;
use crate::database::{self, Missing};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::table::{Column, instant, table};

/// Show each user, and what the user is
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

#[derive(Debug, Serialize)]
struct Report {
    users: Vec<Line>,
}

#[derive(Debug, Serialize)]
struct Line {
    user_id: String,
    name: String,
    roles: Vec<Held>,
    password: bool,
    authenticator: bool,
    created_at: i64,
    signed_in_at: Option<i64>,
}

#[derive(Debug, Serialize)]
struct Held {
    role: &'static str,
    /// None: every one.
    organization: Option<i64>,
}

/// Show them.
pub(crate) async fn run(app: &App, _: Args) -> Result<Exit, Failure> {
    let db = database::open(app, Missing::Refuse).await?;
    let mut lines = Vec::new();
    for user in users::list(&db).await.map_err(|error| super::failed(app, &error))? {
        let roles = memberships::of_user(&db, &user.user_id).await;
        lines.push(line(user, &roles.map_err(|error| super::failed(app, &error))?));
    }
    db.close().await;
    let report = Report { users: lines };
    app.output.report(Exit::Done, &report, &text(&report))
}

fn line(user: User, roles: &[Membership]) -> Line {
    let held = |one: &Membership| Held { role: one.role.as_str(), organization: one.org.map(|org| org.0) };
    Line {
        user_id: user.user_id.0,
        name: user.name.expose().to_owned(),
        roles: roles.iter().map(held).collect(),
        password: user.has_password,
        authenticator: user.totp_since.is_some(),
        created_at: user.created_at.0,
        signed_in_at: user.signed_in_at.map(|at| at.0),
    }
}

fn text(report: &Report) -> String {
    if report.users.is_empty() {
        return "no users yet; \"longshore serve\" prints a link for the owner\n".into();
    }
    let columns = [
        Column::Text("name"),
        Column::Text("is"),
        Column::Text("password"),
        Column::Text("authenticator"),
        Column::Text("last signed in"),
    ];
    let yes = |is: bool| if is { "yes" } else { "no" }.to_owned();
    let rows = report.users.iter().map(|line| {
        let roles = line.roles.iter().map(|held| format!("{} of {}", held.role, place(held.organization)));
        vec![
            line.name.clone(),
            roles.collect::<Vec<_>>().join(", "),
            yes(line.password),
            yes(line.authenticator),
            line.signed_in_at.map_or_else(|| "never".to_owned(), instant),
        ]
    });
    table(&columns, rows.collect())
}

//! `longshore connections links`: which links there are.

use model::Millis;
use serde::Serialize;
use store::install::links::{self, ShareLink};

use crate::app::App;
use crate::database::{self, Missing};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::table::{Column, instant, table};

/// Show each link, what it is bound to, and how it stands
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

#[derive(Debug, Serialize)]
struct Report {
    links: Vec<Line>,
}

#[derive(Debug, Serialize)]
struct Line {
    link_id: String,
    organization: Option<i64>,
    profile: &'static str,
    state: &'static str,
    created_at: i64,
    ends_at: i64,
    uses: i64,
    uses_max: i64,
    last_used_at: Option<i64>,
    revoked_at: Option<i64>,
}

/// Show them.
pub(crate) async fn run(app: &App, _: Args) -> Result<Exit, Failure> {
    let db = database::open(app, Missing::Refuse).await?;
    let found = links::list(&db).await.map_err(|error| super::failed(app, &error))?;
    db.close().await;
    let now = app.clock.now();
    let report = Report { links: found.into_iter().map(|link| line(link, now)).collect() };
    app.output.report(Exit::Done, &report, &text(&report))
}

fn line(link: ShareLink, now: Millis) -> Line {
    Line {
        state: link.standing(now).as_str(),
        link_id: link.link_id.0,
        organization: link.org.map(|org| org.0),
        profile: link.profile.as_str(),
        created_at: link.created_at.0,
        ends_at: link.ends_at.0,
        uses: link.uses,
        uses_max: link.uses_max,
        last_used_at: link.last_used_at.map(|at| at.0),
        revoked_at: link.revoked_at.map(|at| at.0),
    }
}

fn text(report: &Report) -> String {
    if report.links.is_empty() {
        return "no links yet; make one with \"longshore connections share\"\n".into();
    }
    let columns = [
        Column::Text("link"),
        Column::Text("organization"),
        Column::Text("profile"),
        Column::Text("state"),
        Column::Text("used"),
        Column::Text("ends"),
    ];
    let rows = report.links.iter().map(|line| {
        vec![
            line.link_id.clone(),
            line.organization.map_or_else(|| "any".to_owned(), |org| org.to_string()),
            line.profile.into(),
            line.state.into(),
            format!("{} of {}", line.uses, line.uses_max),
            instant(line.ends_at),
        ]
    });
    table(&columns, rows.collect())
}

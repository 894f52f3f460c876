//! `longshore notices list`: what stands.

use model::{Millis, OrgId};
use serde::Serialize;
use store::notices::{self, Notice};

use super::failed;
use crate::app::App;
use crate::database::{self, Missing};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::table::{Column, grouped, instant, table};

/// Notices shown, at most.
const NOTICES_MAX: u32 = 1_000;

/// Show the notices that stand
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

#[derive(Debug, Serialize)]
struct Report {
    notices: Vec<Line>,
}

#[derive(Debug, Serialize)]
struct Line {
    organization: OrgId,
    kind: String,
    subject: String,
    message: String,
    first_at: Millis,
    last_at: Millis,
    times: i64,
}

/// Show them.
pub(crate) async fn run(app: &App, _: Args) -> Result<Exit, Failure> {
    let db = database::open(app, Missing::Refuse).await?;
    let found = notices::list(&db, app.config.org, NOTICES_MAX).await;
    let found = found.map_err(|error| failed(app, &error))?;
    db.close().await;
    let report = Report { notices: found.into_iter().map(line).collect() };
    app.output.report(Exit::Done, &report, &text(&report))
}

fn line(notice: Notice) -> Line {
    let Notice { org, kind, subject, message, first_at, last_at, times } = notice;
    Line { organization: org, kind, subject, message, first_at, last_at, times }
}

fn text(report: &Report) -> String {
    let columns = [
        Column::Text("org"),
        Column::Text("kind"),
        Column::Text("subject"),
        Column::Text("last"),
        Column::Number("times"),
        Column::Text("what"),
    ];
    let rows = report.notices.iter().map(|line| {
        vec![
            line.organization.to_string(),
            line.kind.clone(),
            line.subject.clone(),
            instant(line.last_at.0),
            grouped(line.times),
            line.message.clone(),
        ]
    });
    let text = table(&columns, rows.collect());
    if text.is_empty() { "there are no notices\n".into() } else { text }
}

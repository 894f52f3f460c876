//! `longshore schedules set`: let a regular job come at other times.

use engine::schedules::TIME_ZONE;

use crate::app::App;
use crate::database::{self, Missing};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::table::instant;

/// Let a regular job come at other times
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The kind of job, as "longshore schedules list" shows it
    #[arg(value_name = "KIND")]
    kind: String,
    /// When: minute hour day month weekday, such as "30 * * * *"
    #[arg(long, value_name = "EXPRESSION")]
    cron: String,
    /// The time zone that is meant, such as Europe/Berlin
    #[arg(long, value_name = "NAME", default_value = TIME_ZONE)]
    time_zone: String,
}

/// Set it.
pub(crate) async fn run(app: &App, args: Args) -> Result<Exit, Failure> {
    let db = database::open(app, Missing::Refuse).await?;
    let org = database::organization(app, &db).await?;
    let (kind, _) = super::known(org, &args.kind)?;
    let report = super::change(app, &db, (org, kind), (&args.cron, &args.time_zone)).await?;
    db.close().await;
    let text = format!("{} comes next at {}\n", report.kind, instant(report.next_at));
    app.output.report(Exit::Done, &report, &text)
}

//! `longshore schedules reset`: let a regular job come as it would if nobody had set it.

use engine::schedules::TIME_ZONE;

use crate::app::App;
use crate::database::{self, Missing};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::table::instant;

/// Let a regular job come at its usual times again
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The kind of job, as "longshore schedules list" shows it
    #[arg(value_name = "KIND")]
    kind: String,
}

/// Set it back.
pub(crate) async fn run(app: &App, args: Args) -> Result<Exit, Failure> {
    let db = database::open(app, Missing::Refuse).await?;
    let org = database::organization(app, &db).await?;
    let (kind, cron) = super::known(org, &args.kind)?;
    let report = super::change(app, &db, (org, kind), (&cron, TIME_ZONE)).await?;
    db.close().await;
    let text = format!("{} comes next at {}\n", report.kind, instant(report.next_at));
    app.output.report(Exit::Done, &report, &text)
}

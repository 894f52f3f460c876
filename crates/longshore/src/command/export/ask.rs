//! `longshore export ask`: have a scheduled export made now, by whichever node serves.

use serde::Serialize;
use store::audit::{self, Action, NewEntry, Object, ObjectKind};
use store::{StoreError, scheduled_exports, status};

use super::failed;
use crate::app::App;
use crate::database::{self, Missing};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::who;

/// Have a scheduled export made now; its next times stay
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Its name, as "longshore export schedules" shows it
    #[arg(value_name = "NAME")]
    name: String,
}

#[derive(Debug, Serialize)]
struct Report {
    name: String,
    /// Nodes that can make it at present.
    workers: i64,
}

/// Ask.
pub(super) async fn run(app: &App, args: Args) -> Result<Exit, Failure> {
    let db = database::open(app, Missing::Refuse).await?;
    let org = database::organization(app, &db).await?;
    let now = app.clock.now();
    let asked = async {
        if scheduled_exports::get(&db, org, &args.name).await?.is_none() {
            return Ok(None);
        }
        let mut tx = db.begin().await?;
        let (clock, entropy) = (app.clock.as_ref(), app.entropy.as_ref());
        scheduled_exports::ask(&mut tx, (org, &args.name), clock, entropy).await?;
        let object = Object::new(ObjectKind::ScheduledExport, args.name.as_str());
        let who = who::command();
        audit::append(&mut tx, &NewEntry::done(now, &who, Action::ExportAsk, object).org(org))?;
        tx.commit().await?;
        Ok(Some(status::of_org(&db, org, now).await?.workers))
    };
    let workers = asked.await.map_err(|error: StoreError| failed(app, &error))?;
    db.close().await;
    let workers = workers.ok_or_else(|| super::unschedule::unknown(&args.name))?;
    let report = Report { name: args.name, workers };
    let text = match report.workers {
        0 => format!("{} waits: no node works at present, \"longshore serve\" starts one\n", report.name),
        _ => format!("{} is made now\n", report.name),
    };
    app.output.report(Exit::Done, &report, &text)
}

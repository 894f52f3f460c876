//! `longshore export unschedule`: an export comes no more.

use serde::Serialize;
use store::audit::{self, Action, NewEntry, Object, ObjectKind};
use store::scheduled_exports::{self, KIND};
use store::{StoreError, schedules};

use super::failed;
use crate::app::App;
use crate::database::{self, Missing};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::who;

/// Let an export come no more; what it has written stays
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Its name, as "longshore export schedules" shows it
    #[arg(value_name = "NAME")]
    name: String,
}

#[derive(Debug, Serialize)]
struct Report {
    name: String,
    removed: bool,
}

/// Remove it.
pub(super) async fn run(app: &App, args: Args) -> Result<Exit, Failure> {
    let db = database::open(app, Missing::Refuse).await?;
    let org = database::organization(app, &db).await?;
    let done = async {
        let mut tx = db.begin().await?;
        if !scheduled_exports::remove(&mut tx, org, &args.name).await? {
            return Ok(false);
        }
        schedules::remove(&mut tx, org, (KIND, &args.name)).await?;
        let object = Object::new(ObjectKind::ScheduledExport, args.name.as_str());
        let who = who::command();
        let entry = NewEntry::done(app.clock.now(), &who, Action::ExportUnschedule, object);
        audit::append(&mut tx, &entry.org(org))?;
        tx.commit().await?;
        Ok(true)
    };
    let removed = done.await.map_err(|error: StoreError| failed(app, &error))?;
    db.close().await;
    if !removed {
        return Err(unknown(&args.name));
    }
    let report = Report { name: args.name, removed };
    app.output.report(Exit::Done, &report, &format!("{} comes no more\n", report.name))
}

/// There is none of that name.
pub(super) fn unknown(name: &str) -> Failure {
    Failure::usage(format!("no export is scheduled as {name}"))
        .hint("\"longshore export schedules\" shows those there are")
}

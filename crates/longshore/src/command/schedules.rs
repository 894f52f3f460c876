//! `longshore schedules`: which jobs an organization gets from time to time, and moving them.

mod list;
mod reset;
mod set;

use clap::Subcommand;
use engine::scheduler::{self, ScheduleError};
use engine::schedules::defaults;
use model::OrgId;
use store::audit::{self, Action, NewEntry, Object, ObjectKind};
use store::{Db, StoreError, schedules};

use crate::app::App;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::who;

/// Show and set when the regular jobs come: sweeps, comparisons, meetings, the watch on the vendor
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    List(list::Args),
    Set(set::Args),
    Reset(reset::Args),
}

/// Do what was asked.
pub(crate) async fn run(app: &App, args: Args) -> Result<Exit, Failure> {
    match args.what {
        What::List(args) => list::run(app, args).await,
        What::Set(args) => set::run(app, args).await,
        What::Reset(args) => reset::run(app, args).await,
    }
}

/// What a schedule is after a change.
#[derive(Debug, serde::Serialize)]
struct Report {
    kind: String,
    cron: String,
    time_zone: String,
    next_at: i64,
}

/// The kind's name and its cron expression where nobody has set another.
fn known(org: OrgId, kind: &str) -> Result<(&'static str, String), Failure> {
    let all = defaults(org);
    let names: Vec<&str> = all.iter().map(|(name, _)| *name).collect();
    let hint = format!("one of {}", names.join(", "));
    let found = all.into_iter().find(|(name, _)| *name == kind);
    found.ok_or_else(|| Failure::usage(format!("no schedule is for {kind}")).hint(hint))
}

/// Set it, and say so in the audit log, in one transaction.
async fn change(
    app: &App,
    db: &Db,
    (org, kind): (OrgId, &'static str),
    (cron, time_zone): (&str, &str),
) -> Result<Report, Failure> {
    let (who, now) = (who::command(), app.clock.now());
    let done = async {
        let mut tx = db.begin().await?;
        scheduler::set(&mut tx, (org, kind), (cron, time_zone), now).await?;
        let object = Object::new(ObjectKind::Schedule, kind);
        audit::append(&mut tx, &NewEntry::done(now, &who, Action::ScheduleSet, object).org(org))?;
        tx.commit().await?;
        schedules::list(db, org).await.map_err(ScheduleError::Store)
    };
    let all = done.await.map_err(|error| refused(app, error))?;
    let set = all.into_iter().find(|one| one.kind == kind);
    let set =
        set.ok_or_else(|| Failure::unexpected(format!("the schedule of {kind} is not there any more")))?;
    Ok(Report { kind: set.kind, cron: set.cron, time_zone: set.time_zone, next_at: set.next_at.0 })
}

fn refused(app: &App, error: ScheduleError) -> Failure {
    match error {
        ScheduleError::Store(error) => failed(app, &error),
        other => Failure::usage(other.to_string()).hint_maybe(other.hint()),
    }
}

fn failed(app: &App, error: &StoreError) -> Failure {
    Failure::store("read or set the schedules of", &app.config.database, error)
}

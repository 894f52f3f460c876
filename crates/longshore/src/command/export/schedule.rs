//! `longshore export schedule`: have an export come from time to time, made by whichever node serves.

use engine::scheduler::{self, ScheduleError};
use engine::schedules::TIME_ZONE;
use model::OrgId;
use serde::Serialize;
use store::audit::{self, Action, NewEntry, Object, ObjectKind};
use store::scheduled_exports::{self, KIND, SCHEDULED_MAX, ScheduledExport};
use store::{Db, schedules};

use super::{failed, write};
use crate::app::App;
use crate::database::{self, Missing};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::table::instant;
use crate::who;

/// Have an export come from time to time
///
/// "longshore serve" makes it, with the same words. With --incremental it is as cheap as what has changed, so it may come every few
/// minutes; where nothing has changed nothing is written. The same name again sets it anew.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Its name: lower-case letters, digits, - and _
    #[arg(value_name = "NAME", value_parser = name)]
    name: String,
    /// When: minute hour day month weekday, such as "*/5 * * * *"
    #[arg(long, value_name = "EXPRESSION")]
    cron: String,
    /// The time zone that is meant, such as Europe/Berlin
    #[arg(long, value_name = "ZONE", default_value = TIME_ZONE)]
    time_zone: String,
    #[command(flatten)]
    write: write::Args,
}

#[derive(Debug, Serialize)]
struct Report {
    name: String,
    destination: String,
    format: String,
    cron: String,
    time_zone: String,
    next_at: i64,
}

fn name(text: &str) -> Result<String, String> {
    let name = ScheduledExport::is_name(text).then(|| text.to_owned());
    name.ok_or_else(|| "expected lower-case letters, digits, - and _, 64 of them at most".to_owned())
}

/// Set it.
pub(super) async fn run(app: &App, args: Args) -> Result<Exit, Failure> {
    if args.write.anew {
        return Err(Failure::usage("--anew is for a single run"));
    }
    let password_file = args.write.password_file.as_ref().map(std::path::absolute).transpose();
    let password_file =
        password_file.map_err(|error| Failure::unexpected(format!("there is no current folder: {error}")))?;
    let (endpoint, keep) = (args.write.store.endpoint.clone(), args.write.choice.keep_months);
    let options = write::options(app, args.write)?;
    options.check()?;
    let db = database::open(app, Missing::Refuse).await?;
    let org = database::organization(app, &db).await?;
    let scheduled = ScheduledExport {
        org,
        name: args.name,
        destination: options.destination.to_string(),
        format: options.destination.format().to_owned(),
        options: options.words(),
        endpoint: endpoint.map(|endpoint| endpoint.to_string()),
        password_file: password_file.map(|file| file.display().to_string()),
        keep_months: keep.map(i64::from),
        created_at: app.clock.now(),
    };
    let report = set(app, &db, scheduled, (&args.cron, &args.time_zone)).await?;
    db.close().await;
    let text =
        format!("{} comes next at {}, to {}\n", report.name, instant(report.next_at), report.destination);
    app.output.report(Exit::Done, &report, &text)
}

/// Set it with its times, and say so in the audit log, in one transaction.
async fn set(
    app: &App,
    db: &Db,
    scheduled: ScheduledExport,
    (cron, time_zone): (&str, &str),
) -> Result<Report, Failure> {
    let (org, now) = (scheduled.org, app.clock.now());
    let there = scheduled_exports::list(db, org).await.map_err(|error| failed(app, &error))?;
    let is_new = there.iter().all(|one| one.name != scheduled.name);
    if is_new && there.len() >= SCHEDULED_MAX as usize {
        return Err(Failure::usage(format!("there are {SCHEDULED_MAX} scheduled exports already"))
            .hint("\"longshore export unschedule\" removes one"));
    }
    let done = async {
        let mut tx = db.begin().await?;
        scheduled_exports::set(&mut tx, &scheduled).await?;
        scheduler::set_keyed(&mut tx, (org, KIND, &scheduled.name), (cron, time_zone), now).await?;
        let object = Object::new(ObjectKind::ScheduledExport, scheduled.name.as_str());
        let who = who::command();
        audit::append(&mut tx, &NewEntry::done(now, &who, Action::ExportSchedule, object).org(org))?;
        tx.commit().await?;
        next_of(db, org, &scheduled.name).await
    };
    let next_at = done.await.map_err(|error| match error {
        ScheduleError::Store(error) => failed(app, &error),
        other => Failure::usage(other.to_string()).hint_maybe(other.hint()),
    })?;
    Ok(Report {
        name: scheduled.name,
        destination: scheduled.destination,
        format: scheduled.format,
        cron: cron.to_owned(),
        time_zone: time_zone.to_owned(),
        next_at,
    })
}

async fn next_of(db: &Db, org: OrgId, name: &str) -> Result<i64, ScheduleError> {
    let all = schedules::list(db, org).await?;
    let found = all.into_iter().find(|one| one.kind == KIND && one.key == name);
    Ok(found.map_or(0, |found| found.next_at.0))
}

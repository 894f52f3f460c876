//! `longshore export pause` and `cancel`: stop a run, from wherever it was started.
//!
//! A process that is at it hears of it within a second or two; if none is, the run is settled here.

use model::OrgId;
use serde::Serialize;
use sinks::ExportOptions;
use store::audit::{self, Action, NewEntry, Object, ObjectKind};
use store::export_runs::{self, Asked, Ended, ExportRun, ExportState};
use store::{Db, StoreError, exclusive};

use super::{failed, named};
use crate::app::App;
use crate::database::{self, Missing};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::who;

/// How long a process that is at it may take to stop, and how often that is looked at, in milliseconds.
const WAIT_MS: i64 = 60_000;
const LOOK_EVERY_MS: u64 = 200;

/// Stop an export so that it can go on later
///
/// "longshore export resume" goes on with it, and so does the same export command.
#[derive(Debug, clap::Args)]
pub(super) struct PauseArgs {
    /// Which run; the newest by default
    run: Option<String>,
}

/// Give an export up that has not ended
///
/// What it had finished is removed, from an object store by the next export there; what the destination held before stays.
#[derive(Debug, clap::Args)]
pub(super) struct CancelArgs {
    /// Which run; the newest by default
    run: Option<String>,
}

#[derive(Debug, Serialize)]
struct Report {
    run_id: String,
    state: &'static str,
}

/// Pause.
pub(super) async fn pause(app: &App, args: PauseArgs) -> Result<Exit, Failure> {
    stop(app, args.run.as_deref(), Asked::Pause).await
}

/// Cancel.
pub(super) async fn cancel(app: &App, args: CancelArgs) -> Result<Exit, Failure> {
    stop(app, args.run.as_deref(), Asked::Cancel).await
}

async fn stop(app: &App, run: Option<&str>, asked: Asked) -> Result<Exit, Failure> {
    let db = database::open(app, Missing::Refuse).await?;
    let org = database::organization(app, &db).await?;
    let run = named(app, &db, org, run).await?;
    let can = match (run.state, asked) {
        (ExportState::Running, _) => true,
        (ExportState::Paused | ExportState::Failed, Asked::Cancel) => true,
        (_, Asked::Pause | Asked::Cancel) => false,
    };
    if !can {
        let state = run.state.as_str();
        return Err(Failure::usage(format!("run {} is {state}", run.export_run_id))
            .hint("\"longshore export list\" shows the runs and their states"));
    }
    let state = settle(app, &db, org, &run, asked).await?;
    db.close().await;
    let report = Report { run_id: run.export_run_id.0, state: state.as_str() };
    let text = format!("run {} is {}\n", report.run_id, report.state);
    app.output.report(Exit::Done, &report, &text)
}

/// Ask the process that is at it, or settle the run if there is none; answers the state it came to.
async fn settle(
    app: &App,
    db: &Db,
    org: OrgId,
    run: &ExportRun,
    asked: Asked,
) -> Result<ExportState, Failure> {
    let store = |error: StoreError| failed(app, &error);
    let until = app.clock.now().plus(WAIT_MS);
    let mut is_told = false;
    loop {
        let hold =
            exclusive::hold(db, org, &export_runs::hold_name(&run.destination)).await.map_err(store)?;
        let now = export_runs::get(db, org, &run.export_run_id).await.map_err(store)?;
        let now = now.ok_or_else(|| store(StoreError::NotFound { what: "export run" }))?;
        match hold {
            Some(hold) => {
                let is_settled = is_told && now.state != ExportState::Running;
                let state = if is_settled { now.state } else { end(app, db, org, &now, asked).await? };
                hold.release().await.map_err(store)?;
                return Ok(state);
            }
            None if !is_told => {
                let mut tx = db.begin().await.map_err(store)?;
                export_runs::ask(&mut tx, org, &run.export_run_id, asked).await.map_err(store)?;
                tx.commit().await.map_err(store)?;
                is_told = true;
            }
            None if app.clock.now() >= until => {
                return Err(Failure::new(
                    Exit::Incomplete,
                    "the export has been asked, and has not stopped yet",
                )
                .hint("\"longshore export show\" tells when it has"));
            }
            None => app.clock.sleep(LOOK_EVERY_MS).await,
        }
    }
}

/// No process is at it: note the new state, and clear away what a run that is given up had finished.
async fn end(app: &App, db: &Db, org: OrgId, run: &ExportRun, asked: Asked) -> Result<ExportState, Failure> {
    let store = |error: StoreError| failed(app, &error);
    let (ended, state, word) = match asked {
        Asked::Pause => (Ended::Paused, ExportState::Paused, "paused"),
        Asked::Cancel => (Ended::Cancelled, ExportState::Cancelled, "cancelled"),
    };
    let (now, who) = (app.clock.now(), who::command());
    let object = Object::new(ObjectKind::ExportRun, run.export_run_id.0.as_str());
    let entry = NewEntry::failed(now, &who, Action::ExportFinish, object, word).org(org);
    let mut tx = db.begin().await.map_err(store)?;
    export_runs::end(&mut tx, org, &run.export_run_id, ended, now).await.map_err(store)?;
    audit::append(&mut tx, &entry).map_err(store)?;
    tx.commit().await.map_err(store)?;
    if asked == Asked::Cancel
        && let Ok(options) = ExportOptions::of_run(run, who)
    {
        options.destination.clear(org).await?;
    }
    Ok(state)
}

//! `longshore doctor`: is everything there that an archive needs, and what to do where it is not.

mod checks;
mod hosts;

pub(super) use checks::{missing, names};
use serde::Serialize;

use crate::app::App;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::table::{Column, table};

/// Check configuration, database, disk, network, certificates, clock and scopes
///
/// Nothing is changed; a database that is missing is not made. The exit code is that of the first check that failed.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

#[derive(Debug, Serialize)]
struct Report {
    healthy: bool,
    checks: Vec<Check>,
}

/// What one check found.
#[derive(Debug, Serialize)]
struct Check {
    name: &'static str,
    state: State,
    /// What was found.
    found: String,
    hint: Option<String>,
    /// How the command ends when this is the first failure.
    #[serde(skip)]
    exit: Exit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Passed,
    Warning,
    Failed,
    Skipped,
}

impl Check {
    fn passed(name: &'static str, found: impl Into<String>) -> Self {
        Self { name, state: State::Passed, found: found.into(), hint: None, exit: Exit::Done }
    }

    fn warning(name: &'static str, found: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { name, state: State::Warning, found: found.into(), hint: Some(hint.into()), exit: Exit::Done }
    }

    fn skipped(name: &'static str, found: impl Into<String>) -> Self {
        Self { name, state: State::Skipped, found: found.into(), hint: None, exit: Exit::Done }
    }

    fn failed(name: &'static str, failure: Failure) -> Self {
        Self { name, state: State::Failed, found: failure.message, hint: failure.hint, exit: failure.exit }
    }
}

/// Make all checks.
pub(crate) async fn run(app: &App, _: Args) -> Result<Exit, Failure> {
    let mut checks = vec![checks::configuration(app)];
    let (database, db) = checks::database(app).await;
    checks.push(database);
    checks.push(checks::disk(app));
    checks.extend(hosts::check_all(app).await);
    checks.push(match &db {
        Some(db) => checks::connection(app, db).await,
        None => Check::skipped("connection", "there is no database to look into"),
    });
    checks.push(match &db {
        Some(db) => checks::unused(app, db).await,
        None => Check::skipped("unused connections", "there is no database to look into"),
    });
    if let Some(db) = db {
        db.close().await;
    }
    let failed = checks.iter().find(|check| check.state == State::Failed);
    let exit = failed.map_or(Exit::Done, |check| check.exit);
    let report = Report { healthy: exit == Exit::Done, checks };
    app.output.report(exit, &report, &text(&report))
}

fn text(report: &Report) -> String {
    let columns = [Column::Text("check"), Column::Text("state"), Column::Text("found")];
    let row = |check: &Check| {
        let state = match check.state {
            State::Passed => "ok",
            State::Warning => "warning",
            State::Failed => "FAILED",
            State::Skipped => "skipped",
        };
        vec![check.name.to_owned(), state.to_owned(), check.found.clone()]
    };
    let mut text = table(&columns, report.checks.iter().map(row).collect());
    let hints = report.checks.iter().filter_map(|check| Some((check.name, check.hint.as_ref()?)));
    for (name, hint) in hints {
        text += &format!("\nhint ({name}): {hint}");
    }
    text += if report.healthy { "\nEverything an archive needs is there.\n" } else { "\n" };
    text
}

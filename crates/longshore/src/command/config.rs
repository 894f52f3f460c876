//! `longshore config`: the settings in force, and who gave each.

use serde::Serialize;

use crate::app::App;
use crate::config::layer::Given;
use crate::config::setting::{Care, SETTINGS};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::table::{Column, table};

/// Show the settings in force and where each came from
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

#[derive(Debug, Serialize)]
struct Report {
    file: Option<String>,
    settings: Vec<Line>,
}

#[derive(Debug, Serialize)]
struct Line {
    name: &'static str,
    value: String,
    from: String,
    environment: &'static str,
}

/// Print the settings; secrets are masked.
pub(crate) fn run(app: &App, _: &Args) -> Result<Exit, Failure> {
    let settings = SETTINGS.iter().map(|setting| {
        let given = app.config.layers.get(setting.name);
        Line {
            name: setting.name,
            value: shown(app, setting.care, given),
            from: given.origin.to_string(),
            environment: setting.environment[0],
        }
    });
    let file = app.config.file.as_ref().map(|path| path.display().to_string());
    let report = Report { file, settings: settings.collect() };
    app.output.report(Exit::Done, &report, &text(&report))
}

fn text(report: &Report) -> String {
    let columns = [Column::Text("setting"), Column::Text("value"), Column::Text("from")];
    let row = |line: &Line| vec![line.name.to_owned(), line.value.clone(), line.from.clone()];
    table(&columns, report.settings.iter().map(row).collect())
}

fn shown(app: &App, care: Care, given: &Given) -> String {
    match care {
        Care::Plain => given.text.clone(),
        Care::Secret if given.text.is_empty() => String::new(),
        Care::Secret => "***".into(),
        Care::Url => app.config.database.to_string(),
    }
}

//! `longshore completions`: the completion script of a shell.

use clap::CommandFactory;
use clap_complete::Shell;
use serde::Serialize;

use crate::app::App;
use crate::cli::Cli;
use crate::exit::Exit;
use crate::failure::Failure;

/// Print the completion script of a shell
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The shell
    shell: Shell,
}

#[derive(Debug, Serialize)]
struct Report {
    shell: String,
    script: String,
}

/// Print the script.
pub(crate) fn run(app: &App, args: &Args) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "longshore", &mut script);
    let script = String::from_utf8_lossy(&script).into_owned();
    let report = Report { shell: args.shell.to_string(), script };
    app.output.report(Exit::Done, &report, &report.script)
}

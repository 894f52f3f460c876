//! The command line: flags that hold for every command, the list of commands, and the way from words to an exit code.

use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use clap::{Parser, Subcommand};
use drift::SystemClock;
use model::Clock;

use crate::app::App;
use crate::command;
use crate::config::{Config, Flags};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{Form, Output};
use crate::telemetry;

/// Lands a company's Drift conversations safely in systems the company owns.
///
/// Begin with "longshore demo": it needs no account, and ends with an archive to look at.
#[derive(Debug, Parser)]
#[command(name = "longshore", version, disable_help_subcommand = true, max_term_width = 100, after_long_help = exit_codes())]
pub(crate) struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

impl Cli {
    /// What is to be run, and on which clock: the machine's, unless a bench turns it.
    fn with_clock(self) -> Result<(Self, Arc<dyn Clock>), clap::Error> {
        let turned = match &self.command {
            Command::Bench(args) => args.turned(),
            _ => None,
        };
        match turned {
            Some((clock, words)) => Ok((Self::try_parse_from(words)?, clock)),
            None => Ok((self, Arc::new(SystemClock))),
        }
    }
}

/// The exit codes, at the end of the long help.
fn exit_codes() -> String {
    let mut text = String::from("Exit codes:\n");
    for exit in Exit::ALL {
        text += &format!("  {:>3}  {}\n", exit.code(), exit.meaning().replace('`', ""));
    }
    text
}

#[derive(Debug, clap::Args)]
struct Global {
    /// Read settings from this file instead of ./longshore.toml
    #[arg(long, global = true, value_name = "FILE", help_heading = "Options for every command")]
    config: Option<PathBuf>,
    /// Where everything is kept: sqlite://FILE or postgres://USER@HOST/NAME
    #[arg(long, global = true, value_name = "URL", help_heading = "Options for every command")]
    database: Option<String>,
    /// The organization to work on, where the database holds several
    #[arg(long, global = true, value_name = "ID", help_heading = "Options for every command")]
    org: Option<String>,
    /// Set any setting of docs/configuration.md; may be given several times
    #[arg(long, global = true, value_name = "NAME=VALUE", help_heading = "Options for every command")]
    set: Vec<String>,
    /// Print one JSON document on stdout
    #[arg(long, global = true, help_heading = "Options for every command")]
    json: bool,
    /// Say nothing on stderr but errors
    #[arg(long, short, global = true, help_heading = "Options for every command")]
    quiet: bool,
    /// What is logged to stderr: error, warn, info, debug, trace, or warn,drift=debug
    #[arg(long, global = true, value_name = "LEVEL", help_heading = "Options for every command")]
    log: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    Demo(command::demo::Args),
    Sandbox(Box<command::sandbox::Args>),
    Connect(command::connect::Args),
    Connections(command::connections::Args),
    Archive(command::archive::Args),
    Serve(command::serve::Args),
    Verify(command::verify::Args),
    Certificate(command::certificate::Args),
    Export(Box<command::export::Args>),
    Lineage(command::lineage::Args),
    Handover(command::handover::Args),
    Transcript(command::transcript::Args),
    Schema(command::schema::Args),
    Tail(command::tail::Args),
    Endpoints(command::endpoints::Args),
    Consumers(command::consumers::Args),
    Bench(command::bench::Args),
    Status(command::status::Args),
    Explain(command::explain::Args),
    Replay(command::replay::Args),
    Queue(command::queue::Args),
    Notices(command::notices::Args),
    Schedules(command::schedules::Args),
    Audit(command::audit::Args),
    Incident(command::incident::Args),
    Webhooks(command::webhooks::Args),
    Users(command::users::Args),
    ApiKeys(command::api_keys::Args),
    Sessions(command::sessions::Args),
    Keys(command::keys::Args),
    Honey(command::honey::Args),
    Doctor(command::doctor::Args),
    Config(command::config::Args),
    Completions(command::completions::Args),
}

impl Command {
    const fn name(&self) -> &'static str {
        match self {
            Self::Demo(_) => "demo",
            Self::Sandbox(_) => "sandbox",
            Self::Connect(_) => "connect",
            Self::Connections(_) => "connections",
            Self::Archive(_) => "archive",
            Self::Serve(_) => "serve",
            Self::Verify(_) => "verify",
            Self::Certificate(_) => "certificate",
            Self::Export(_) => "export",
            Self::Lineage(_) => "lineage",
            Self::Handover(_) => "handover",
            Self::Transcript(_) => "transcript",
            Self::Schema(_) => "schema",
            Self::Tail(_) => "tail",
            Self::Endpoints(_) => "endpoints",
            Self::Consumers(_) => "consumers",
            Self::Bench(_) => "bench",
            Self::Status(_) => "status",
            Self::Explain(_) => "explain",
            Self::Replay(_) => "replay",
            Self::Queue(_) => "queue",
            Self::Notices(_) => "notices",
            Self::Schedules(_) => "schedules",
            Self::Audit(_) => "audit",
            Self::Incident(_) => "incident",
            Self::Webhooks(_) => "webhooks",
            Self::Users(_) => "users",
            Self::ApiKeys(_) => "api-keys",
            Self::Sessions(_) => "sessions",
            Self::Keys(_) => "keys",
            Self::Honey(_) => "honey",
            Self::Doctor(_) => "doctor",
            Self::Config(_) => "config",
            Self::Completions(_) => "completions",
        }
    }

    /// Flags of the command that stand for a setting.
    fn settings(&self) -> Vec<(&'static str, &'static str, String)> {
        match self {
            Self::Serve(args) => args.settings(),
            _ => Vec::new(),
        }
    }

    async fn run(self, app: &App) -> Result<Exit, Failure> {
        match self {
            Self::Demo(args) => Box::pin(command::demo::run(app, args)).await,
            Self::Sandbox(args) => Box::pin(command::sandbox::run(app, *args)).await,
            Self::Connect(args) => Box::pin(command::connect::run(app, args)).await,
            Self::Connections(args) => Box::pin(command::connections::run(app, args)).await,
            Self::Archive(args) => Box::pin(command::archive::run(app, args)).await,
            Self::Serve(args) => Box::pin(command::serve::run(app, args)).await,
            Self::Verify(args) => Box::pin(command::verify::run(app, args)).await,
            Self::Certificate(args) => Box::pin(command::certificate::run(app, args)).await,
            Self::Export(args) => Box::pin(command::export::run(app, *args)).await,
            Self::Lineage(args) => command::lineage::run(app, args).await,
            Self::Handover(args) => Box::pin(command::handover::run(app, args)).await,
            Self::Transcript(args) => Box::pin(command::transcript::run(app, args)).await,
            Self::Tail(args) => Box::pin(command::tail::run(app, args)).await,
            Self::Endpoints(args) => Box::pin(command::endpoints::run(app, args)).await,
            Self::Consumers(args) => Box::pin(command::consumers::run(app, args)).await,
            Self::Bench(args) => Box::pin(command::bench::run(app, args)).await,
            Self::Status(args) => Box::pin(command::status::run(app, args)).await,
            Self::Explain(args) => Box::pin(command::explain::run(app, args)).await,
            Self::Replay(args) => Box::pin(command::replay::run(app, args)).await,
            Self::Queue(args) => Box::pin(command::queue::run(app, args)).await,
            Self::Notices(args) => Box::pin(command::notices::run(app, args)).await,
            Self::Schedules(args) => Box::pin(command::schedules::run(app, args)).await,
            Self::Audit(args) => Box::pin(command::audit::run(app, args)).await,
            Self::Incident(args) => Box::pin(command::incident::run(app, args)).await,
            Self::Webhooks(args) => Box::pin(command::webhooks::run(app, args)).await,
            Self::Users(args) => Box::pin(command::users::run(app, args)).await,
            Self::ApiKeys(args) => Box::pin(command::api_keys::run(app, args)).await,
            Self::Sessions(args) => Box::pin(command::sessions::run(app, args)).await,
            Self::Keys(args) => Box::pin(command::keys::run(app, args)).await,
            Self::Honey(args) => Box::pin(command::honey::run(app, args)).await,
            Self::Doctor(args) => Box::pin(command::doctor::run(app, args)).await,
            Self::Schema(args) => command::schema::run(app, &args),
            Self::Config(args) => command::config::run(app, &args),
            Self::Completions(args) => command::completions::run(app, &args),
        }
    }
}

/// Run the program with these words. Everything that goes wrong has been told when this returns.
pub(crate) fn run(words: impl Iterator<Item = OsString>) -> Exit {
    let words: Vec<OsString> = words.collect();
    let (cli, clock) = match Cli::try_parse_from(&words).and_then(Cli::with_clock) {
        Ok(parsed) => parsed,
        Err(error) => return explain(&error, words.iter().any(|word| word == "--json")),
    };
    let form = if cli.global.json { Form::Json } else { Form::Text };
    let output = Output::new(cli.command.name(), form, cli.global.quiet);
    match run_command(cli, output, clock) {
        Ok(exit) => exit,
        Err(failure) => {
            output.failure(&failure);
            failure.exit
        }
    }
}

/// How many tasks a thread runs before it looks what has come from outside. With tokio's own 61 the database's answer to a commit
/// waits behind requests for as long as the commit took.
const TASKS_UNTIL_EVENTS: u32 = 16;

fn run_command(cli: Cli, output: Output, clock: Arc<dyn Clock>) -> Result<Exit, Failure> {
    let Global { config: file, database, org, set: assignments, log, .. } = cli.global;
    let flags = Flags { file, database, org, log, assignments, named: cli.command.settings() };
    let config = Config::load(&flags, &|name| std::env::var(name).ok())?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .event_interval(TASKS_UNTIL_EVENTS)
        .build()
        .map_err(|error| Failure::unexpected(format!("cannot start the runtime: {error}")))?;
    let telemetry = telemetry::begin(&config, runtime.handle())?;
    let ended = runtime.block_on(async {
        let app = App::new(config, output, clock);
        let ended = cli.command.run(&app).await;
        ended.map_err(|failure| failure.naming(&app.config.api_url))
    });
    telemetry.end();
    ended
}

/// What clap says, in clap's words: help and version are data, the rest is a usage error.
fn explain(error: &clap::Error, json: bool) -> Exit {
    if !error.use_stderr() {
        let _ = error.print();
        return Exit::Done;
    }
    if json {
        let text = error.to_string();
        let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let message = lines.next().unwrap_or_default().trim_start_matches("error: ").to_owned();
        let hint = lines.find(|line| line.starts_with("tip: ")).map(|tip| tip.trim_start_matches("tip: "));
        let failure = Failure::usage(message).hint(hint.unwrap_or("see longshore --help"));
        Output::new("longshore", Form::Json, true).failure(&failure);
        return Exit::Usage;
    }
    let _ = write!(std::io::stderr().lock(), "{error}");
    Exit::Usage
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::documents;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_page_of_commands_shows_the_help_of_each() {
        let mut command = Cli::command().term_width(100);
        command.build();
        let mut text = format!("```text\n{}```\n", command.render_long_help());
        for sub in command.get_subcommands_mut() {
            text += &section("##", sub.get_name().to_owned(), sub);
            let parent = sub.get_name().to_owned();
            for nested in sub.get_subcommands_mut().filter(|nested| !nested.is_hide_set()) {
                text += &section("###", format!("{parent} {}", nested.get_name()), nested);
            }
        }
        documents::holds("command-line.md", "commands", &text);
    }

    /// A command's help without the options that all have.
    fn section(level: &str, name: String, command: &mut clap::Command) -> String {
        let help = command.render_long_help().to_string();
        let (own, _) = help.split_once("\nOptions for every command:").unwrap_or((&help, ""));
        format!("\n{level} {name}\n\n```text\n{}\n```\n", own.trim_end())
    }
}

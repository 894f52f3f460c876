//! `longshore webhooks`: the verification token of a connection, and a bench for whoever builds on Drift's events.

mod listen;
mod send;
mod token;

use crate::app::App;
use crate::exit::Exit;
use crate::failure::Failure;

/// Keep the verification token of Drift's webhooks, and try webhooks out
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Token(token::Args),
    Listen(listen::Args),
    Send(send::Args),
}

/// Do what the subcommand says.
pub(crate) async fn run(app: &App, args: Args) -> Result<Exit, Failure> {
    match args.command {
        Command::Token(args) => token::run(app, args).await,
        Command::Listen(args) => listen::run(app, args).await,
        Command::Send(args) => send::run(app, args).await,
    }
}

//! `longshore bench`: figures, as ratios against a baseline of the same run on the same machine.
//!
//! The sandbox and what is measured are processes of their own, so that each one's time and memory are its own. A figure
//! is only as good as the machine is quiet: run nothing beside it.

mod archive;
mod audit;
mod budget;
mod ceiling;
mod conservation;
mod dedupe;
mod discard;
mod disconnect;
mod export;
mod flat;
mod gateway;
mod idle;
mod machine;
mod median;
mod process;
mod queue;
mod refresh;
mod subject;
mod turned;

use std::ffi::OsString;
use std::sync::Arc;

use clap::Subcommand;
use model::Clock;

use crate::app::App;
use crate::exit::Exit;
use crate::failure::Failure;

/// Measure archives and the gateway on this machine
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Archive(archive::Args),
    Audit(audit::Args),
    Budget(budget::Args),
    Conservation(conservation::Args),
    Disconnect(disconnect::Args),
    Export(export::Args),
    #[command(hide = true)]
    ExportReader(export::discard::Args),
    Flat(flat::Args),
    Gateway(gateway::Args),
    Dedupe(dedupe::Args),
    Idle(idle::Args),
    #[command(hide = true)]
    GatewayServer(gateway::server::Args),
    Queue(queue::Args),
    Refresh(refresh::Args),
    #[command(hide = true)]
    RefreshCaller(refresh::caller::Args),
    #[command(hide = true)]
    Turned(turned::Args),
}

impl Args {
    /// The words of a command that is to run on another clock, and that clock.
    pub(crate) fn turned(&self) -> Option<(Arc<dyn Clock>, Vec<OsString>)> {
        let What::Turned(args) = &self.what else { return None };
        let (clock, words) = args.turned();
        Some((Arc::new(clock), words))
    }
}

/// Measure.
pub(crate) async fn run(app: &App, args: Args) -> Result<Exit, Failure> {
    match args.what {
        What::Archive(args) => archive::run(app, &args).await,
        What::Audit(args) => audit::run(app, &args).await,
        What::Budget(args) => budget::run(app, &args).await,
        What::Conservation(args) => conservation::run(app, &args).await,
        What::Disconnect(args) => disconnect::run(app, &args).await,
        What::Export(args) => export::run(app, &args).await,
        What::ExportReader(args) => export::discard::run(app, &args).await,
        What::Flat(args) => flat::run(app, &args).await,
        What::Gateway(args) => gateway::run(app, &args).await,
        What::Dedupe(args) => dedupe::run(app, &args).await,
        What::Idle(args) => idle::run(app, &args).await,
        What::GatewayServer(args) => gateway::server::run(app, &args).await,
        What::Queue(args) => queue::run(app, &args).await,
        What::Refresh(args) => refresh::run(app, &args).await,
        What::RefreshCaller(args) => refresh::caller::run(app, &args).await,
        What::Turned(_) => Err(Failure::usage("a clock is turned once")),
    }
}

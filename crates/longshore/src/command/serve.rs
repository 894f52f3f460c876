//! `longshore serve`: a node, for as long as it is let.
//!
//! The process is put together here and nowhere else: the doors (`web`) and the workers (`engine`) share a store, a
//! vault and a clock, and know nothing of each other.

mod alarm;
mod doors;
mod install;
mod start;
mod trial;
mod uses;
mod witness;
mod work;

use serde::Serialize;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::app::App;
use crate::command::serve::start::Node;
use crate::config::serving::Roles;
use crate::database::{self, Missing};
use crate::exit::Exit;
use crate::failure::Failure;

/// Take webhooks, keep the mirror fresh, carry each change on
///
/// Runs until Ctrl-C or SIGTERM, which end it in good order; a second one ends it at once. Any number of nodes may run on one
/// PostgreSQL. /livez, /readyz and /metrics are answered in every role.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Where to listen, such as 0.0.0.0:8918
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<String>,
    /// Which parts to run: gateway, worker, console
    #[arg(long, value_name = "ROLES")]
    roles: Option<String>,
    /// For trying: a Drift of your own beside it, with so many conversations, which the pages connect to
    #[arg(long, value_name = "N", num_args = 0..=1, default_missing_value = "500")]
    sandbox: Option<u64>,
}

impl Args {
    /// The settings that these flags stand for.
    pub(crate) fn settings(&self) -> Vec<(&'static str, &'static str, String)> {
        let given = [("listen", "--listen", &self.listen), ("roles", "--roles", &self.roles)];
        given.into_iter().filter_map(|(name, flag, text)| Some((name, flag, text.clone()?))).collect()
    }
}

#[derive(Debug, Serialize)]
struct Report {
    listening: String,
    roles: Vec<&'static str>,
    database: String,
    organizations: usize,
}

/// Serve until somebody asks to stop, or until a part of the node ends by itself.
pub(crate) async fn run(app: &App, args: Args) -> Result<Exit, Failure> {
    let listener = bind(app).await?;
    let listening = listener.local_addr();
    let listening = listening.map_or_else(|_| app.config.serving.listen.to_string(), |at| at.to_string());
    let Some(conversations) = args.sandbox else {
        return Box::pin(serve(app, (listener, listening))).await;
    };
    let trial = trial::start(app, &listening, conversations).await?;
    let db = database::open(&trial.app, Missing::Make).await?;
    trial::refuse_strangers(&trial.app, &db).await?;
    db.close().await;
    let ended = Box::pin(serve(&trial.app, (listener, listening))).await;
    trial.double.end().await;
    ended
}

async fn serve(app: &App, (listener, listening): (TcpListener, String)) -> Result<Exit, Failure> {
    let Node { db, vault, metrics, stopping, mut parts, ears: _ears, doors, watch, organizations, owner } =
        start::start(app, &listening).await?;
    let report = Report {
        listening,
        roles: names(app.config.serving.roles),
        database: app.config.database.to_string(),
        organizations,
    };
    app.output.report(Exit::Done, &report, &text(&report))?;
    if let Some(url) = owner {
        app.output.note(&format!("nobody can sign in yet: open {url} within an hour to become the owner"));
    }
    app.output.note("serving until Ctrl-C");
    let asked = app.interrupt.asked();
    let served = doors.serve(app, listener, &metrics, async {
        asked.await;
        stopping.begin();
    });
    tokio::pin!(served);
    let stop = app.interrupt.stop();
    let ended = loop {
        tokio::select! {
            () = &mut served => break Ok(Exit::Done),
            // Asked to stop, the parts end each in its own time, some before the doors are closed.
            Some(joined) = parts.join_next() => match joined {
                Ok(()) if stop.is_set() => {}
                joined => break Err(broken(joined)),
            },
        }
    };
    finish(app, parts).await;
    watch.last().await;
    witness::last(app, &db, &vault).await;
    db.close().await;
    ended
}

async fn bind(app: &App) -> Result<TcpListener, Failure> {
    let listen = app.config.serving.listen;
    TcpListener::bind(listen).await.map_err(|error| {
        Failure::usage(format!("cannot listen on {listen}: {error}"))
            .hint("choose another address with --listen, or end the program that has it")
    })
}

/// A part of a node ends only when it was asked to.
fn broken(joined: Result<(), tokio::task::JoinError>) -> Failure {
    match joined {
        Err(error) if error.is_panic() => Failure::unexpected("a part of the node has failed"),
        _ => Failure::unexpected("a part of the node has ended by itself"),
    }
}

/// Let the workers end: they know of the wish, and bound their own time.
async fn finish(app: &App, mut parts: JoinSet<()>) {
    app.interrupt.ask();
    let ended = async {
        while let Some(joined) = parts.join_next().await {
            if joined.is_err() {
                return;
            }
        }
    };
    let patience = app.config.serving.shutdown_ms + work::GRACE_MS;
    if drift::deadline(app.clock.as_ref(), patience, ended).await.is_err() {
        app.output.note("some work did not end in time; it is taken over by the next node or start");
    }
}

fn names(roles: Roles) -> Vec<&'static str> {
    let all = [(roles.gateway, "gateway"), (roles.worker, "worker"), (roles.console, "console")];
    all.into_iter().filter_map(|(runs, name)| runs.then_some(name)).collect()
}

fn text(report: &Report) -> String {
    let connected = match report.organizations {
        0 => "no organization is connected yet: events are kept, and fetched for once one is".to_owned(),
        1 => "1 organization".to_owned(),
        several => format!("{several} organizations"),
    };
    format!(
        "Longshore serves http://{} as {}\n{}, {connected}\n",
        report.listening,
        report.roles.join(", "),
        report.database
    )
}

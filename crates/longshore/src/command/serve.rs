//! `longshore serve`: a node, for as long as it is let.
//!
//! The process is put together here and nowhere else: the doors (`web`) and the workers (`engine`) share a store, a
//! vault and a clock, and know nothing of each other.

mod alarm;
mod doors;
mod install;
mod trial;
mod witness;
mod work;

use std::sync::Arc;

use serde::Serialize;
use store::access::links::Link;
use store::access::users;
use store::wake;
use telemetry::Metrics;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use web::Stopping;

use crate::app::App;
use crate::config::serving::Roles;
use crate::database::{self, Missing};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::links;

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
        let db = database::open(app, Missing::Make).await?;
        return Box::pin(serve(app, db, (listener, listening))).await;
    };
    let trial = trial::start(app, &listening, conversations).await?;
    let db = database::open(&trial.app, Missing::Make).await?;
    trial::refuse_strangers(&trial.app, &db).await?;
    let ended = Box::pin(serve(&trial.app, db, (listener, listening))).await;
    trial.double.end().await;
    ended
}

async fn serve(
    app: &App,
    db: store::Db,
    (listener, listening): (TcpListener, String),
) -> Result<Exit, Failure> {
    let serving = &app.config.serving;
    let vault = database::vault(app, &db).await?;
    let (metrics, stopping) = (Arc::new(Metrics::new()), Stopping::default());
    let mut parts = JoinSet::new();
    let ears = tokio::spawn(wake::listen(db.clone(), app.clock.clone()));
    if serving.roles.worker {
        work::start(app, &db, &vault, &metrics, &mut parts).await?;
    }
    parts.spawn(alarm::watch(db.clone(), app.clock.clone(), metrics.clone(), app.interrupt.stop()));
    parts.spawn(witness::run(app.clone(), db.clone(), vault.clone()));
    let doors = doors::open(app, &db, &vault, &metrics, (stopping.clone(), &listening)).await?;
    let organizations = known(app, &db).await?;
    let report = Report {
        listening,
        roles: names(serving.roles),
        database: app.config.database.to_string(),
        organizations,
    };
    app.output.report(Exit::Done, &report, &text(&report))?;
    if serving.roles.console {
        first_owner(app, &db, &report.listening).await?;
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
    witness::last(app, &db, &vault).await;
    ears.abort();
    db.close().await;
    ended
}

/// While there is nobody who can sign in, each start prints a link to become the owner.
async fn first_owner(app: &App, db: &store::Db, listening: &str) -> Result<(), Failure> {
    let failed = |error| Failure::store("read or change the users of", &app.config.database, &error);
    if users::count(db).await.map_err(failed)? > 0 {
        return Ok(());
    }
    let link = links::make(app, db, &Link::Owner, listening).await.map_err(failed)?;
    app.output.note(&format!("nobody can sign in yet: open {} within an hour to become the owner", link.url));
    Ok(())
}

async fn bind(app: &App) -> Result<TcpListener, Failure> {
    let listen = app.config.serving.listen;
    TcpListener::bind(listen).await.map_err(|error| {
        Failure::usage(format!("cannot listen on {listen}: {error}"))
            .hint("choose another address with --listen, or end the program that has it")
    })
}

async fn known(app: &App, db: &store::Db) -> Result<usize, Failure> {
    let known = store::connections::list(db).await;
    let known =
        known.map_err(|error| Failure::store("read the connections of", &app.config.database, &error))?;
    Ok(known.iter().filter(|one| !one.state.is_given_up()).count())
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

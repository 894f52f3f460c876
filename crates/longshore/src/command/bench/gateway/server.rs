//! The server that is measured: the gateway alone, in a process of its own.

use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::Arc;

use model::Secret;
use serde::{Deserialize, Serialize};
use store::vault::{Key, Vault};
use store::{DatabaseUrl, Db, OpenOptions};
use telemetry::Metrics;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::process::Child;
use web::access::{Access, AccessOptions};
use web::{Console, Gateway, GatewayOptions, GatewayTokens, ServeOptions, State, Stopping, Storing};

use super::super::process::{self, Usage};
use crate::app::App;
use crate::exit::Exit;
use crate::failure::Failure;

/// The verification token of every run; it opens nothing else.
pub(super) const TOKEN: &str = "bench-verification-token";

/// What the server does with an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(in crate::command::bench) enum Work {
    /// Many events share a commit.
    Batches,
    /// One insert and one commit for each event.
    Alone,
    /// It is answered and forgotten.
    Nothing,
}

/// Serve the gateway for a measurement
#[derive(Debug, clap::Args)]
pub(in crate::command::bench) struct Args {
    /// The database
    #[arg(long)]
    into: String,
    /// What is done with an event
    #[arg(long)]
    work: Work,
}

#[derive(Debug, Serialize, Deserialize)]
struct Report {
    address: SocketAddr,
}

/// Serve until the end of the process.
pub(in crate::command::bench) async fn run(app: &App, args: &Args) -> Result<Exit, Failure> {
    let cannot =
        |what: &str, error: &dyn std::fmt::Display| Failure::unexpected(format!("cannot {what}: {error}"));
    let url = DatabaseUrl::parse(&args.into).map_err(|error| cannot("read the URL", &error))?;
    let db =
        Db::open(&url, OpenOptions::default()).await.map_err(|error| cannot("open the database", &error))?;
    let (clock, entropy, metrics) = (app.clock.clone(), app.entropy.clone(), Arc::new(Metrics::new()));
    let mut options = GatewayOptions::default();
    match args.work {
        Work::Batches => {}
        Work::Alone => options.commit_events_max = 1,
        Work::Nothing => options.storing = Storing::Nothing,
    }
    let tokens = Arc::new(GatewayTokens::new(&[Secret::new(TOKEN)]));
    let vault = Vault::new(Key::generate(entropy.as_ref()), entropy.clone());
    let seams = (clock.clone(), entropy.clone());
    let access = Access::new(db.clone(), vault, seams, AccessOptions::default());
    let gateway = Gateway::start(db.clone(), tokens, options, clock.clone(), entropy, Arc::clone(&metrics));
    let listener = TcpListener::bind("127.0.0.1:0").await.map_err(|error| cannot("listen", &error))?;
    let address = listener.local_addr().map_err(|error| cannot("listen", &error))?;
    let printed = app.output.report(Exit::Done, &Report { address }, &address.to_string());
    let state = State {
        db,
        gateway: Some(Arc::new(gateway)),
        metrics: Arc::clone(&metrics),
        clock: clock.clone(),
        stopping: Stopping::default(),
        access,
        console: Console::Absent,
    };
    let bounds = ServeOptions::default();
    web::serve(listener, web::router(state), bounds, clock, metrics, app.interrupt.asked()).await;
    printed
}

/// A server in a process of its own; it ends when this is dropped.
pub(super) struct ServerProcess {
    child: Child,
    pub(super) address: SocketAddr,
}

impl ServerProcess {
    pub(super) async fn start(database: &str, work: Work) -> Result<Self, Failure> {
        let work = match work {
            Work::Batches => "batches",
            Work::Alone => "alone",
            Work::Nothing => "nothing",
        };
        let words = ["bench", "gateway-server", "--json", "--quiet", "--into", database, "--work", work];
        let words: Vec<String> = words.map(str::to_owned).to_vec();
        let cannot = |error: std::io::Error| Failure::unexpected(format!("cannot start the server: {error}"));
        let mut child = process::command(&words)?.stdin(Stdio::null()).spawn().map_err(cannot)?;
        let stdout = child.stdout.take().ok_or_else(|| Failure::unexpected("the server has no output"))?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line).await.map_err(cannot)?;
        let report: Report = serde_json::from_str(&line)
            .map_err(|_| Failure::unexpected("the server did not say where it listens"))?;
        Ok(Self { child, address: report.address })
    }

    /// What it has used so far.
    pub(super) fn usage(&self) -> Usage {
        self.child.id().map(Usage::of).unwrap_or_default()
    }

    /// End it at once, with nothing put in order.
    pub(super) async fn kill(mut self) {
        let _ = self.child.kill().await;
    }
}

//! One of the processes whose callers share a connection: it calls until its input ends, and says how that went.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use drift::{Class, Client};
use model::Clock;
use serde::{Deserialize, Serialize};
use tokio::io::AsyncReadExt as _;
use tokio::task::JoinSet;

use crate::app::App;
use crate::database::{self, Missing};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::network::{self, Patience};

/// Between two calls of one caller, in milliseconds.
const PAUSE_MS: u64 = 50;
/// Before a call is made again, in milliseconds.
const RETRY_MS: u64 = 500;
/// Errors that are told.
const ERRORS_MAX: usize = 5;

/// Call with one connection until the input ends, for a measurement
#[derive(Debug, clap::Args)]
pub(in crate::command::bench) struct Args {
    /// Callers at once
    #[arg(long)]
    callers: u16,
}

/// What came of a process's calls.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Told {
    pub(super) calls: u64,
    pub(super) retried: u64,
    pub(super) failed: u64,
    pub(super) longest_ms: i64,
    pub(super) errors: BTreeSet<String>,
}

/// Call.
pub(in crate::command::bench) async fn run(app: &App, args: &Args) -> Result<Exit, Failure> {
    let db = database::open(app, Missing::Refuse).await?;
    let client = network::connections(app, &db, Patience::Run, None).await?.open(None).await?.client;
    let (stop, mut callers) = (Arc::new(AtomicBool::new(false)), JoinSet::new());
    for _ in 0..args.callers {
        callers.spawn(call(client.clone(), app.clock.clone(), Arc::clone(&stop)));
    }
    let mut input = Vec::new();
    // However the input ends, the calls do.
    let _ = tokio::io::stdin().take(1).read_to_end(&mut input).await;
    stop.store(true, Ordering::Relaxed);
    let mut all = Told::default();
    while let Some(told) = callers.join_next().await {
        let told = told.map_err(|error| Failure::unexpected(format!("a caller died: {error}")))?;
        all.calls += told.calls;
        all.retried += told.retried;
        all.failed += told.failed;
        all.longest_ms = all.longest_ms.max(told.longest_ms);
        all.errors.extend(told.errors.into_iter().take(ERRORS_MAX));
    }
    db.close().await;
    app.output.report(Exit::Done, &all, "")
}

async fn call(client: Client, clock: Arc<dyn Clock>, stop: Arc<AtomicBool>) -> Told {
    let mut told = Told::default();
    while !stop.load(Ordering::Relaxed) {
        let began = clock.now();
        let called = client.conversation_stats().await;
        told.longest_ms = told.longest_ms.max(clock.now().since(began));
        match called {
            Ok(_) => told.calls += 1,
            Err(error) if error.class() == Class::Retryable => {
                told.retried += 1;
                clock.sleep(RETRY_MS).await;
            }
            Err(error) => {
                told.failed += 1;
                told.errors.insert(crate::failure::chain(&error));
                clock.sleep(RETRY_MS).await;
            }
        }
        clock.sleep(PAUSE_MS).await;
    }
    told
}

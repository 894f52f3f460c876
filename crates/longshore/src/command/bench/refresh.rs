//! `longshore bench refresh`: do many callers in many processes refresh an expired token once, and does no call fail.
//!
//! The processes share one connection of a public app over one database; the sandbox lets its token expire time and again, rotates
//! refresh tokens, takes none twice, and counts. Callers repeat what a retry can save, as jobs do; what a retry cannot save is a
//! failed call. With `--kill` a process is killed with -9 in the middle of a refresh before the others begin.

pub(super) mod caller;
mod fleet;

use std::path::Path;
use std::sync::Arc;

use drift::oauth::Callback;
use drift::{App as DriftApp, HttpOptions, HttpTransport, Limits, Seams};
use engine::connection::Connections;
use model::{ConnectionId, Secret};
use sandbox::{Fault, FaultProfile, FaultRule, Options, RateLimit, Sandbox, Source};
use serde::Serialize;
use store::audit::Who;
use store::vault::{KeyFile, Ring, Vault};
use store::{DatabaseUrl, Db, OpenOptions, StoreError, renewals};

use self::fleet::Fleet;
use super::machine::Machine;
use super::subject::Folder;
use crate::app::App;
use crate::exit::Exit;
use crate::failure::Failure;

/// How often a condition is looked at, in milliseconds.
const LOOK_MS: u64 = 10;
/// How long anything may take to come about, in milliseconds.
const PATIENCE_MS: i64 = 180_000;
/// An answer that does not come, in milliseconds.
const SILENCE_MS: u64 = 600_000;
const TOKEN_CALLS: &str = "POST /oauth2/token";

/// Let a token expire under many callers in many processes, and count the refreshes
///
/// The exit code is 0 when there was one for each expiry and no call failed, else 3.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Processes that share the connection
    #[arg(long, default_value_t = 4)]
    processes: u16,
    /// Callers in each process
    #[arg(long, default_value_t = 64)]
    callers: u16,
    /// How often the token expires
    #[arg(long, default_value_t = 10)]
    expiries: u64,
    /// How long the token endpoint takes to answer, in milliseconds
    #[arg(long, default_value_t = 300, value_name = "MS")]
    slow: u64,
    /// Kill a process with -9 in the middle of a refresh first
    #[arg(long)]
    kill: bool,
    /// Use this PostgreSQL database, which must be empty, instead of an SQLite file
    #[arg(long, value_name = "URL")]
    postgres: Option<String>,
}

#[derive(Debug, Serialize)]
struct Report {
    machine: Machine,
    engine: &'static str,
    processes: u16,
    callers: u16,
    expiries: u64,
    /// Refreshes that yielded tokens, as the sandbox counts them.
    refreshes: u64,
    /// Requests to the token endpoint, whatever they yielded.
    token_calls: u64,
    calls: u64,
    /// Calls that were made again because that could help.
    retried: u64,
    failed: u64,
    errors: Vec<String>,
    longest_call_ms: i64,
    /// From the death of whoever refreshed to the refresh of another, in seconds.
    takeover_s: Option<f64>,
}

/// Everything of one run.
struct Stage<'a> {
    app: &'a App,
    args: &'a Args,
    sandbox: Sandbox,
    db: Db,
    connection: ConnectionId,
    fleet: Fleet,
    _folder: Folder,
}

/// Expire, refresh, count.
pub(super) async fn run(app: &App, args: &Args) -> Result<Exit, Failure> {
    let mut stage = Box::pin(Stage::set(app, args)).await?;
    let takeover_s = if args.kill { Some(stage.kill().await?) } else { None };
    stage.expire(u64::from(args.kill)).await?;
    let told = stage.fleet.end().await?;
    let report = Report {
        machine: Machine::here(),
        engine: if args.postgres.is_some() { "PostgreSQL" } else { "SQLite" },
        processes: args.processes,
        callers: args.callers,
        expiries: args.expiries + u64::from(args.kill),
        refreshes: stage.sandbox.refreshes(),
        token_calls: stage.sandbox.calls(TOKEN_CALLS),
        calls: told.iter().map(|one| one.calls).sum(),
        retried: told.iter().map(|one| one.retried).sum(),
        failed: told.iter().map(|one| one.failed).sum(),
        errors: told.iter().flat_map(|one| one.errors.iter().cloned()).collect(),
        longest_call_ms: told.iter().map(|one| one.longest_ms).max().unwrap_or_default(),
        takeover_s,
    };
    stage.db.close().await;
    // Of one that was killed, the sandbox may have taken the request.
    let asked_most = report.expiries + u64::from(args.kill);
    let kept = report.refreshes == report.expiries && report.token_calls <= asked_most && report.failed == 0;
    let exit = if kept { Exit::Done } else { Exit::Incomplete };
    app.output.report(exit, &report, &text(&report))
}

impl<'a> Stage<'a> {
    /// A sandbox, a connection to it, and no process yet.
    async fn set(app: &'a App, args: &'a Args) -> Result<Self, Failure> {
        let folder = Folder::make()?;
        let options = Options {
            source: Source::Generated { conversations: 100 },
            rate: RateLimit::none(),
            ..Options::default()
        };
        let sandbox = Sandbox::new(options, app.clock.clone(), app.entropy.clone())
            .map_err(|error| Failure::unexpected(format!("no sandbox: {error}")))?;
        let listener =
            tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.map_err(|error| no_port(&error))?;
        let api = format!("http://{}", listener.local_addr().map_err(|error| no_port(&error))?);
        let served = sandbox.clone();
        tokio::spawn(async move { served.serve(listener, std::future::pending()).await });
        let database = args.postgres.clone().unwrap_or_else(|| folder.database("refresh"));
        let url = DatabaseUrl::parse(&database).map_err(|error| Failure::usage(error.to_string()))?;
        let db = Db::open(&url, OpenOptions::default())
            .await
            .map_err(|error| Failure::store("open the database", &url, &error))?;
        let key_file = folder.file("bench.key");
        let connection = connect(app, &db, &api, &key_file, &sandbox).await?;
        let words = words(args, &database, &api, &key_file);
        sandbox.log().clear();
        Ok(Self { app, args, sandbox, db, connection, fleet: Fleet::new(words), _folder: folder })
    }

    /// Kill a process while it refreshes, start the others, and wait for one of them to do it; answers after how many seconds.
    async fn kill(&mut self) -> Result<f64, Failure> {
        self.fleet.start(1)?;
        self.until("calls of the first process", |stage| stage.sandbox.log().total() > 0).await?;
        // It does not answer at all; what was not answered when the connection breaks is not carried out.
        self.slow(SILENCE_MS);
        self.sandbox.expire_tokens();
        let end = self.app.clock.now().plus(PATIENCE_MS);
        while !self.is_refreshing().await? {
            self.look(end, "refresh of the first process").await?;
        }
        self.fleet.kill_last().await;
        let killed_at = self.app.clock.now();
        self.sandbox.faults().clear();
        self.fleet.start(self.args.processes)?;
        self.until("refresh by another process", |stage| stage.sandbox.refreshes() == 1).await?;
        Ok(self.app.clock.now().since(killed_at) as f64 / 1_000.0)
    }

    /// Let the token expire as often as was asked; each time wait for the refresh, and for calls with what it brought.
    async fn expire(&mut self, before: u64) -> Result<(), Failure> {
        if !self.args.kill {
            self.fleet.start(self.args.processes)?;
        }
        let callers = u64::from(self.args.processes) * u64::from(self.args.callers);
        self.until("first calls", |stage| stage.answered() > 2 * callers).await?;
        self.slow(self.args.slow);
        for expiry in before + 1..=before + self.args.expiries {
            self.sandbox.expire_tokens();
            self.until("refresh", |stage| stage.sandbox.refreshes() >= expiry).await?;
            let answered = self.answered();
            self.until("calls with the new token", |stage| stage.answered() > answered + 2 * callers).await?;
        }
        Ok(())
    }

    /// Calls that were answered with what they asked for.
    fn answered(&self) -> u64 {
        self.sandbox.log().by_status().get(&200).copied().unwrap_or_default()
    }

    fn slow(&self, ms: u64) {
        let rule = FaultRule::always(Fault::Slow { ms }).on("/oauth2/token");
        self.sandbox.faults().set(FaultProfile::new(1).with(rule));
    }

    async fn is_refreshing(&self) -> Result<bool, Failure> {
        let state = renewals::state(&self.db, &self.connection).await.map_err(|error| failed(&error))?;
        Ok(state.is_some_and(|state| state.unanswered > 0))
    }

    async fn until(&mut self, what: &str, mut holds: impl FnMut(&Self) -> bool) -> Result<(), Failure> {
        let end = self.app.clock.now().plus(PATIENCE_MS);
        while !holds(self) {
            self.look(end, what).await?;
        }
        Ok(())
    }

    async fn look(&mut self, end: model::Millis, what: &str) -> Result<(), Failure> {
        if self.app.clock.now() > end {
            return Err(Failure::unexpected(format!("waited {} s for: {what}", PATIENCE_MS / 1_000)));
        }
        self.fleet.check()?;
        self.app.clock.sleep(LOOK_MS).await;
        Ok(())
    }
}

/// Connect as a public app: somebody says yes at the sandbox, and the code is exchanged.
async fn connect(
    app: &App,
    db: &Db,
    api: &str,
    key_file: &str,
    sandbox: &Sandbox,
) -> Result<ConnectionId, Failure> {
    let cannot = |error: &dyn std::fmt::Display| Failure::unexpected(format!("cannot connect: {error}"));
    let file = KeyFile::beside(Path::new(key_file), None, app.entropy.as_ref());
    let ring = Ring::read(Box::new(file.map_err(|error| cannot(&error))?), app.entropy.clone()).await;
    let vault = Vault::over(Arc::new(ring.map_err(|error| cannot(&error))?), app.entropy.clone());
    vault.check(db, app.clock.now()).await.map_err(|error| failed(&error))?;
    let http = HttpOptions { proxies: false, ..HttpOptions::default() };
    let transport = Arc::new(HttpTransport::new(http).map_err(|error| cannot(&error))?);
    let seams = Seams { transport, clock: app.clock.clone(), entropy: app.entropy.clone(), recorder: None };
    let asked = http::Request::post(format!("{api}/_sandbox/consent"))
        .body(bytes::Bytes::from_static(br#"{"decision":"allow","state":"bench"}"#))
        .map_err(|error| cannot(&error))?;
    let answer = seams.transport.send(asked, Limits { body_bytes_max: 1 << 16 }).await;
    let answer: serde_json::Value = serde_json::from_slice(answer.map_err(|error| cannot(&error))?.body())
        .map_err(|error| cannot(&error))?;
    let (_, query) = answer["redirect"].as_str().and_then(|url| url.split_once('?')).unwrap_or_default();
    let code = Callback::parse(query).map_err(|error| cannot(&error))?.code;
    let options = sandbox.options();
    let drift_app = DriftApp {
        client_id: options.client_id.clone(),
        client_secret: Secret::new(options.client_secret.clone()),
    };
    let config = drift::Config::at(api).map_err(|error| cannot(&error))?.per_minute(None);
    let connections = Connections { db: db.clone(), vault, config, seams };
    let connection = connections.connect_oauth(drift_app, &code, &options.redirect_uri, &Who::node()).await?;
    Ok(connection.connection_id)
}

fn words(args: &Args, database: &str, api: &str, key_file: &str) -> Vec<String> {
    let settings = [
        format!("api_url={api}"),
        format!("key_file={key_file}"),
        "per_minute=0".to_owned(),
        "reports_per_minute=0".to_owned(),
    ];
    let callers = args.callers.to_string();
    let words =
        ["bench", "refresh-caller", "--callers", &callers, "--json", "--quiet", "--database", database];
    let settings = settings.into_iter().flat_map(|setting| ["--set".to_owned(), setting]);
    words.map(str::to_owned).into_iter().chain(settings).collect()
}

fn no_port(error: &std::io::Error) -> Failure {
    Failure::unexpected(format!("no port on this machine: {error}"))
}

fn failed(error: &StoreError) -> Failure {
    Failure::unexpected(format!("the store failed: {error}"))
}

fn text(report: &Report) -> String {
    let mut text = format!(
        "{}\n{}: {} processes, {} callers each\n\n",
        report.machine.text(),
        report.engine,
        report.processes,
        report.callers
    );
    let lines = [
        ("expiries", report.expiries),
        ("refreshes", report.refreshes),
        ("requests to the token endpoint", report.token_calls),
        ("calls", report.calls),
        ("calls made again", report.retried),
        ("calls that failed", report.failed),
    ];
    for (what, count) in lines {
        text += &format!("{what:<32}{count:>10}\n");
    }
    text += &format!("{:<32}{:>7} ms\n", "longest call", report.longest_call_ms);
    if let Some(seconds) = report.takeover_s {
        text += &format!("{:<32}{seconds:>8.1} s\n", "refreshed after a death");
    }
    report.errors.iter().fold(text, |text, error| text + error + "\n")
}

//! `longshore bench disconnect`: how long the kill switch takes, with Drift answering, refusing, silent and dead.
//!
//! Sketch: where Drift answers, a connection costs a call over this machine's loopback and three commits; a thousand of them
//! are bound by the commits. Where it is silent each costs its deadline of 2.5 s, 64 at once: 16 rounds, 40 s. Where
//! nothing listens the call fails at once.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use drift::{HttpOptions, HttpTransport, Limits, Seams, TokenPair, oauth};
use engine::connection::Connections;
use engine::disconnect::{Plan, Selection};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use model::{ConnectionId, Millis, OrgId, Secret, SeededEntropy};
use serde::Serialize;
use store::connections::{self, Connection, ConnectionKind, ConnectionState, Tokens};
use store::disconnects::Data;
use store::vault::{Key, Vault};
use store::{DatabaseUrl, Db, OpenOptions, StoreError};
use tokio::net::TcpListener;
use url::Url;

use super::machine::Machine;
use super::process::SandboxProcess;
use super::subject::Folder;
use crate::app::App;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::who;

/// All of them are to be given up within this, in seconds.
const BAR_SECONDS: f64 = 60.0;
/// Grants obtained at once.
const GRANTING: usize = 16;
/// The bound of an answer's body, in bytes.
const BODY_BYTES_MAX: u64 = 1 << 20;
/// Tokens that the sandbox remembers of each kind.
const CONNECTIONS_MAX: i64 = 10_000;

/// Measure the kill switch: many connections given up, with Drift answering, refusing, silent and dead
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Also measure on this PostgreSQL database, which must be empty
    #[arg(long, value_name = "URL")]
    postgres: Option<String>,
    /// How many connections are given up, 1 to 10,000
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(i64).range(1..=CONNECTIONS_MAX))]
    connections: i64,
    /// The seed of the ids and keys
    #[arg(long, default_value_t = 7)]
    seed: u64,
}

#[derive(Debug, Serialize)]
struct Report {
    machine: Machine,
    seed: u64,
    connections: i64,
    bar_seconds: f64,
    runs: Vec<Run>,
}

#[derive(Debug, Serialize)]
struct Run {
    engine: &'static str,
    drift: &'static str,
    seconds: f64,
    /// How many connections came to what.
    outcomes: BTreeMap<String, i64>,
    within_bar: bool,
}

/// How Drift behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    Answering,
    Refusing,
    Silent,
    Dead,
}

impl Manner {
    const ALL: [Self; 4] = [Self::Answering, Self::Refusing, Self::Silent, Self::Dead];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Answering => "answering",
            Self::Refusing => "refusing",
            Self::Silent => "silent",
            Self::Dead => "dead",
        }
    }
}

/// Measure each engine, one after the other.
pub(super) async fn run(app: &App, args: &Args) -> Result<Exit, Failure> {
    let folder = Folder::make()?;
    let mut databases = vec![("SQLite", folder.database("disconnect"))];
    databases.extend(args.postgres.iter().map(|url| ("PostgreSQL", url.clone())));
    let mut runs = Vec::new();
    for (engine, url) in databases {
        let url = DatabaseUrl::parse(&url).map_err(|error| Failure::usage(error.to_string()))?;
        let db = Db::open(&url, OpenOptions::default()).await;
        let db = db.map_err(|error| Failure::store("open the database", &url, &error))?;
        for manner in Manner::ALL {
            app.output.note(&format!(
                "{engine}: {} connections, Drift {}",
                args.connections,
                manner.as_str()
            ));
            runs.push(measure(app, args, (engine, &db, &url), manner).await?);
        }
        db.close().await;
    }
    let is_within = runs.iter().all(|run| run.within_bar);
    let (machine, seed, connections) = (Machine::here(), args.seed, args.connections);
    let report = Report { machine, seed, connections, bar_seconds: BAR_SECONDS, runs };
    app.output.report(if is_within { Exit::Done } else { Exit::Incomplete }, &report, &text(&report))
}

async fn measure(
    app: &App,
    args: &Args,
    (engine, db, url): (&'static str, &Db, &DatabaseUrl),
    manner: Manner,
) -> Result<Run, Failure> {
    let sandbox = SandboxProcess::start(&["--conversations".to_owned(), "10".to_owned()]).await?;
    // Whoever connects to it is kept waiting: nobody accepts, and nothing is answered.
    let silent =
        TcpListener::bind("127.0.0.1:0").await.map_err(|error| Failure::unexpected(error.to_string()))?;
    let address = silent.local_addr().map_err(|error| Failure::unexpected(error.to_string()))?;
    let api = if manner == Manner::Silent { format!("http://{address}") } else { sandbox.url.clone() };
    let connections = ready(app, args, db, &api)?;
    let tokens: Vec<TokenPair> = match manner {
        Manner::Answering | Manner::Refusing => grants(&connections, &sandbox.url, args.connections).await?,
        Manner::Silent | Manner::Dead => (0..args.connections).map(|_| invented(app)).collect(),
    };
    let secret = if manner == Manner::Refusing {
        "wrong".to_owned()
    } else {
        sandbox::Options::default().client_secret
    };
    insert(&connections, manner, &tokens, &secret)
        .await
        .map_err(|error| Failure::store("write the connections of", url, &error))?;
    if manner == Manner::Dead {
        drop(sandbox);
    }
    let began = app.clock.now();
    let ended = connections.disconnect(&Selection::All, Plan::asked(Data::Keep), &who::command()).await;
    let seconds = app.clock.now().since(began) as f64 / 1_000.0;
    let ended = ended.map_err(Failure::from)?;
    let mut outcomes = BTreeMap::new();
    for one in &ended {
        *outcomes.entry(one.outcome.clone()).or_default() += 1;
    }
    destroy(&connections, url).await?;
    let within_bar = seconds < BAR_SECONDS;
    Ok(Run { engine, drift: manner.as_str(), seconds, outcomes, within_bar })
}

/// What is still to be revoked would be given up with the connections of the next run.
async fn destroy(connections: &Connections, url: &DatabaseUrl) -> Result<(), Failure> {
    let plan = Plan { revoking: engine::disconnect::Revoking::Skip, ..Plan::asked(Data::Keep) };
    let ended = connections.disconnect(&Selection::All, plan, &who::command()).await;
    ended.map(drop).map_err(|error| Failure::unexpected(format!("cannot clear {url}: {error}")))
}

fn ready(app: &App, args: &Args, db: &Db, api: &str) -> Result<Connections, Failure> {
    let entropy = Arc::new(SeededEntropy::new(args.seed));
    let options = HttpOptions { proxies: false, ..HttpOptions::default() };
    let transport = HttpTransport::new(options).map_err(|error| Failure::unexpected(error.to_string()))?;
    let config = drift::Config::at(api).map_err(|error| Failure::unexpected(error.to_string()))?;
    Ok(Connections {
        db: db.clone(),
        vault: Vault::new(Key::generate(entropy.as_ref()), entropy),
        config: config.per_minute(None),
        seams: Seams {
            transport: Arc::new(transport),
            clock: app.clock.clone(),
            entropy: app.entropy.clone(),
            recorder: None,
        },
    })
}

/// A pair that no Drift has given.
fn invented(app: &App) -> TokenPair {
    let text = || Secret::new(format!("bench-{:016x}", app.entropy.next_u64()));
    TokenPair { access: text(), refresh: Some(text()), expires_at: None, org: None }
}

async fn grants(connections: &Connections, url: &str, count: i64) -> Result<Vec<TokenPair>, Failure> {
    let all = stream::iter(0..count).map(|_| grant(connections, url));
    all.buffer_unordered(GRANTING).try_collect().await
}

/// A person says yes on the sandbox's consent page, and the code is exchanged.
async fn grant(connections: &Connections, url: &str) -> Result<TokenPair, Failure> {
    let odd = |what: &str| Failure::unexpected(format!("the sandbox's consent page gave no {what}"));
    let sandbox::Options { client_id, client_secret, redirect_uri, .. } = sandbox::Options::default();
    let form = format!(
        "response_type=code&client_id={client_id}&redirect_uri={redirect_uri}&state=bench&decision=allow"
    );
    let request = http::Request::post(format!("{}/authorize", url.trim_end_matches('/')))
        .header(http::header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Bytes::from(form))
        .map_err(|_| odd("address"))?;
    let limits = Limits { body_bytes_max: BODY_BYTES_MAX };
    let answer = connections.seams.transport.send(request, limits).await.map_err(|_| odd("answer"))?;
    let location = answer.headers().get(http::header::LOCATION).and_then(|to| to.to_str().ok());
    let location = Url::parse(location.ok_or_else(|| odd("address"))?).map_err(|_| odd("address"))?;
    let callback = oauth::Callback::parse(location.query().unwrap_or_default()).map_err(|_| odd("code"))?;
    let app = drift::App { client_id, client_secret: Secret::new(client_secret) };
    oauth::exchange_code(&connections.config, &connections.seams, &app, &callback.code, &redirect_uri)
        .await
        .map_err(|error| Failure::api("exchange a code of the sandbox", &error))
}

/// Each as a connection of an organization of its own.
async fn insert(
    world: &Connections,
    manner: Manner,
    tokens: &[TokenPair],
    client_secret: &str,
) -> Result<(), StoreError> {
    let client_id = Secret::new(sandbox::Options::default().client_id);
    let client_secret = Secret::new(client_secret);
    for page in tokens.chunks(100) {
        let mut tx = world.db.begin().await?;
        for pair in page {
            let number = i64::try_from(world.seams.entropy.next_u64() >> 16).unwrap_or_default();
            let connection = Connection {
                connection_id: ConnectionId::new(&*world.seams.clock, &*world.seams.entropy),
                org_id: OrgId(number),
                kind: ConnectionKind::OAuth,
                state: ConnectionState::Active,
                scopes: Vec::new(),
                api_url: manner.as_str().to_owned(),
                created_at: Millis(1),
                last_used_at: None,
                expires_at: pair.expires_at,
            };
            let kept = Tokens {
                access: pair.access.clone(),
                refresh: pair.refresh.clone(),
                expires_at: pair.expires_at,
            };
            connections::insert(&mut tx, &connection, &kept, &world.vault).await?;
            for (kind, secret) in [("client_id", &client_id), ("client_secret", &client_secret)] {
                let id = &connection.connection_id;
                connections::put_secret(&mut tx, id, kind, secret, &world.vault, Millis(1)).await?;
            }
        }
        tx.commit().await?;
    }
    Ok(())
}

fn text(report: &Report) -> String {
    let mut text = format!(
        "{}\nseed {}, {} connections, to be given up within {:.0} s\n\n",
        report.machine.text(),
        report.seed,
        report.connections,
        report.bar_seconds
    );
    text += &format!("{:<12}{:<11}{:>9}  outcomes\n", "engine", "Drift", "seconds");
    for run in &report.runs {
        let outcomes: Vec<String> =
            run.outcomes.iter().map(|(outcome, count)| format!("{count} {outcome}")).collect();
        let late = if run.within_bar { "" } else { "  TOO SLOW" };
        text += &format!(
            "{:<12}{:<11}{:>9.1}  {}{late}\n",
            run.engine,
            run.drift,
            run.seconds,
            outcomes.join(", ")
        );
    }
    text
}

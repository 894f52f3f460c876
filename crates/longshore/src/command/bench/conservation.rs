//! `longshore bench conservation`: is anything lost, doubled or out of order, however often processes die.
//!
//! Things happen in a sandbox; its webhooks come doubled, shuffled, late or never. `longshore serve` takes them in processes
//! that are killed with -9 at random moments and started again. At the end one sweep runs, and then: every event that was
//! acknowledged is in the inbox, the mirror equals the sandbox, and a receiver of outgoing webhooks has seen each change
//! at least once, in order for each conversation, never two contents under one id.
//!
//! The sandbox, the sender and the receiver are in this process, which is not killed: it knows what was acknowledged
//! and what was received.

mod drive;
mod fleet;
mod quiet;
mod receiver;
mod report;
mod sender;
mod verdict;
mod watch;

use std::sync::Arc;

use sandbox::{DeliveryFaults, Options, RateLimit, Sandbox, Source, WebhookOptions};
use store::{DatabaseUrl, Db, OpenOptions};
use tokio::net::TcpListener;

use self::fleet::Fleet;
use self::receiver::Receiver;
use self::sender::Sender;
use self::watch::Watch;
use super::process;
use super::subject::Folder;
use super::turned::TurnedClock;
use crate::app::App;
use crate::exit::Exit;
use crate::failure::Failure;

/// Kill nodes while webhooks come in, and look for what was lost
///
/// The exit code is 0 when nothing was, else 3.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Events that happen in the sandbox
    #[arg(long, default_value_t = 100_000)]
    events: u64,
    /// How often a process is killed with -9
    #[arg(long, default_value_t = 50)]
    kills: u32,
    /// How many conversations the world begins with; a twentieth of the events if not given
    #[arg(long)]
    conversations: Option<u64>,
    /// What happens, and to whom, is drawn from this
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// Use this PostgreSQL database, which must be empty, instead of an SQLite file
    #[arg(long, value_name = "URL")]
    postgres: Option<String>,
    /// Whole nodes on one database; 1 is a gateway and a worker in processes of their own
    #[arg(long, default_value_t = 1)]
    nodes: u16,
    /// Stop one node (SIGSTOP) for so many seconds, and let it go on
    #[arg(long, default_value_t = 0, value_name = "SECONDS")]
    stop: u64,
    /// Latest that a webhook may come, in seconds
    #[arg(long, default_value_t = 10, value_name = "SECONDS")]
    late: u64,
    /// How many times as fast the clocks of all go: an hour passes in five minutes with 12
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    speed: u32,
    /// The shortest time between two refreshes of one conversation, in seconds
    #[arg(long, default_value_t = 25, value_name = "SECONDS")]
    spacing: u32,
    /// Calls a minute that the sandbox lets through and the nodes know of; 0 for no limit
    #[arg(long, default_value_t = 0)]
    rate: u32,
    /// Run this halfway, by the shell: such as a restart of the database
    #[arg(long, value_name = "COMMAND")]
    halfway: Option<String>,
    /// Seconds that everything may take to come to rest at the end
    #[arg(long, default_value_t = 900, value_name = "SECONDS")]
    patience: u64,
}

impl Args {
    fn conversations(&self) -> u64 {
        self.conversations.unwrap_or(self.events / 20).max(20)
    }

    fn options(&self) -> Options {
        let faults = DeliveryFaults {
            seed: self.seed,
            doubled_percent: 30.0,
            shuffled_ms: 2_000,
            late_percent: 10.0,
            late_ms_min: 0,
            late_ms_max: self.late * 1_000,
            lost_percent: 20.0,
        };
        Options {
            source: Source::Generated { conversations: self.conversations() },
            seed: self.seed,
            webhooks: WebhookOptions { faults, token: TOKEN.to_owned(), ..WebhookOptions::collected() },
            rate: RateLimit::none(),
            ..Options::default()
        }
    }
}

/// Everything of one run.
struct Stage<'a> {
    app: &'a App,
    args: &'a Args,
    /// What everything goes by that is not this measurement itself.
    turned: TurnedClock,
    sandbox: Sandbox,
    sender: Sender,
    receiver: Receiver,
    fleet: Fleet,
    watch: Option<Watch>,
    db: Db,
    /// The words with which this program is run on the database.
    common: Vec<String>,
    /// The change after which the endpoint is told of all.
    from_seq: i64,
    _folder: Folder,
}

/// Let things happen, kill, sweep, compare.
pub(super) async fn run(app: &App, args: &Args) -> Result<Exit, Failure> {
    let mut stage = Box::pin(Stage::set(app, args)).await?;
    app.output.note(&format!("{} events, {} kills", args.events, args.kills));
    let began = app.clock.now();
    let driven = Box::pin(stage.drive()).await?;
    app.output.note("coming to rest");
    stage.rest().await?;
    app.output.note("one sweep");
    stage.sweep().await?;
    let seconds = app.clock.now().since(began) as f64 / 1_000.0;
    stage.fleet.end(&*app.clock).await;
    let report = Box::pin(stage.judge(driven, seconds)).await?;
    let exit = if report.conserved { Exit::Done } else { Exit::Incomplete };
    app.output.report(exit, &report, &report.text())
}

impl<'a> Stage<'a> {
    /// A sandbox, an archive of it, an endpoint, and the processes that serve.
    async fn set(app: &'a App, args: &'a Args) -> Result<Self, Failure> {
        let folder = Folder::make()?;
        let turned = TurnedClock::from_now(args.speed);
        let sandbox = Sandbox::new(args.options(), Arc::new(turned), app.entropy.clone())
            .map_err(|error| unexpected(format!("no sandbox: {error}")))?;
        let (listener, api) = listen().await?;
        let served = sandbox.clone();
        tokio::spawn(async move { served.serve(listener, std::future::pending()).await });
        let receiver = Receiver::start(listen().await?);
        let database = args.postgres.clone().unwrap_or_else(|| folder.database("conservation"));
        // Only the nodes keep to the budget: what comes before and after them is not measured.
        let common = words(args, 0, &folder, &database, &api);
        let ask = async |what: &[&str], input: &str| {
            let words = what.iter().map(ToString::to_string).chain(common.clone()).collect();
            let report = process::run(&turned.words(words), input, &*app.clock).await?.report;
            match report.get("error") {
                Some(error) => Err(unexpected(format!("\"{}\" failed: {error}", what[0]))),
                None => Ok(()),
            }
        };
        ask(&["connect", "--token-stdin", "--json", "--quiet"], sandbox.private_token()).await?;
        app.output.note(&format!("archiving {} conversations", args.conversations()));
        ask(&["archive", "--json", "--quiet"], "").await?;
        ask(&["endpoints", "add", receiver.url(), "--json", "--quiet"], "").await?;
        let db = open(&database).await?;
        let org = model::OrgId(sandbox.world().org_id());
        let from_seq = store::changes::head(&db, org).await.map_err(|error| unread(&error))?;
        sandbox.log().clear();
        let watch = (args.rate > 0).then(|| Watch::start(&sandbox, &db, Arc::new(turned), args.rate));
        if args.rate > 0 {
            sandbox.set_rate(RateLimit { reports_per_minute: None, ..RateLimit::per_minute(args.rate) });
        }
        let serve = words(args, args.rate, &folder, &database, &api);
        let fleet = Fleet::start(args.nodes, &serve, turned, &folder).await?;
        let sender = Sender::new(sandbox.clone(), fleet.gateways(), app.clock.clone())?;
        Ok(Self {
            app,
            args,
            turned,
            sandbox,
            sender,
            receiver,
            fleet,
            watch,
            db,
            common,
            from_seq,
            _folder: folder,
        })
    }

    fn org(&self) -> model::OrgId {
        model::OrgId(self.sandbox.world().org_id())
    }
}

/// The verification token of this run's webhooks.
const TOKEN: &str = "conservation";

fn words(args: &Args, per_minute: u32, folder: &Folder, database: &str, api: &str) -> Vec<String> {
    let settings = [
        format!("api_url={api}"),
        format!("key_file={}", folder.file("bench.key")),
        format!("per_minute={per_minute}"),
        "reports_per_minute=0".to_owned(),
        "webhooks_private=true".to_owned(),
        format!("refresh_spacing_seconds={}", args.spacing),
    ];
    let settings = settings.into_iter().flat_map(|setting| ["--set".to_owned(), setting]);
    ["--database".to_owned(), database.to_owned()].into_iter().chain(settings).collect()
}

async fn listen() -> Result<(TcpListener, String), Failure> {
    let cannot = |error: std::io::Error| unexpected(format!("no port on this machine: {error}"));
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(cannot)?;
    let address = listener.local_addr().map_err(cannot)?;
    Ok((listener, format!("http://{address}")))
}

async fn open(database: &str) -> Result<Db, Failure> {
    let url = DatabaseUrl::parse(database).map_err(|error| unread(&error))?;
    let options = OpenOptions { create: false, ..OpenOptions::default() };
    Db::open(&url, options).await.map_err(|error| unread(&error))
}

fn unread(error: &store::StoreError) -> Failure {
    unexpected(format!("cannot read what was stored: {error}"))
}

fn unexpected(text: impl Into<String>) -> Failure {
    Failure::unexpected(text.into())
}

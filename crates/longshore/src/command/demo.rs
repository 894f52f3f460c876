//! `longshore demo`: everything once, against a sandbox of its own, from consent to files to open.
//!
//! It is the tale of the whole program, and nothing in it is a short cut: the sandbox is reached over a socket, the
//! consent goes through the page and the callback server of `connect`, archive, verification, certificate and export
//! are those of the commands.

mod consent;
mod home;
mod stay;

use std::path::PathBuf;

use drift::Priority;
use engine::archive::{self, Ask};
use engine::verify::{self, Verification};
use model::{Millis, OrgId};
use sandbox::{Options, RateLimit, Source};
use serde::Serialize;
use sinks::format::Formulas;
use sinks::selection::Selection;
use sinks::{Begin, Destination, ExportOptions, Format};
use store::{DatabaseUrl, Db, connections};
use url::Url;

use super::connect::consent_address;
use super::double::Double;
use super::{export, verify as verify_command};
use crate::app::App;
use crate::callback::Server;
use crate::certificate_files::{self, CertificateFiles};
use crate::config::Config;
use crate::config::layer::Origin;
use crate::database::{self, Missing};
use crate::disk;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::network::{self, Patience};
use crate::output::table::duration;
use crate::summary::Summary;
use crate::who;
use crate::work::Work;
use home::{Home, Wanted};

/// The sandbox's consent comes from the program itself: it takes no longer than this, in milliseconds.
const CONSENT_MS: u64 = 30_000;

/// Try everything, without an account: a sandbox, its archive, the proof, the files
///
/// Starts a Drift of your own on this machine, connects to it through its consent page, archives it, compares message
/// for message, and writes certificate and export. The same demo again goes on in its folder; another one moves into
/// a numbered folder inside it. Nothing is removed.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// How many conversations the sandbox has
    #[arg(long, value_name = "N", default_value_t = 500)]
    conversations: u64,
    /// Take the conversations from this file instead, one JSON object a line
    #[arg(long, value_name = "FILE", conflicts_with = "conversations")]
    dialogues: Option<PathBuf>,
    /// Everything in the sandbox is drawn from this
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// Folder for database, certificate and export
    #[arg(long, value_name = "DIR", default_value = "longshore-demo")]
    dir: PathBuf,
    /// Calls a minute that the sandbox lets through; no limit, if not given
    #[arg(long, value_name = "N")]
    rate: Option<u32>,
    /// End when everything is done, instead of keeping the sandbox up
    #[arg(long)]
    once: bool,
}

#[derive(Debug, Serialize)]
struct Report {
    verified: bool,
    #[serde(flatten)]
    summary: Summary,
    verification: Verification,
    dir: PathBuf,
    export_dir: PathBuf,
    certificate_files: CertificateFiles,
    /// Where the sandbox goes on serving; absent with `--once`.
    sandbox: Option<String>,
}

/// The tale, from consent to files.
pub(crate) async fn run(app: &App, args: Args) -> Result<Exit, Failure> {
    let began = app.clock.now();
    let home = Home::choose(&args.dir, &wanted(app, &args)?, began)?;
    let server = Server::bind(&loopback("/callback")).await?;
    let double = Double::start(app, options(&args, &home, server.redirect_uri()?)).await?;
    let demo = app.with(config(app, &args, &home, &double)?);
    app.output.note(&format!(
        "a Drift of your own: {} conversations at {}",
        double.sandbox.world().counts().conversations,
        double.url
    ));

    disk::make_folder(&home.folder)?;
    let db = database::open(&demo, Missing::Make).await?;
    refuse_strangers(&demo, &db, &home, double.org()).await?;
    home.settle()?;
    connect(&demo, &db, &double, server).await?;
    let report = bring_home(&demo, &db, &home, &double, began).await?;
    let exit = if report.verified { report.summary.exit() } else { Exit::Incomplete };
    let report = Report { sandbox: (!args.once).then(|| double.url.to_string()), ..report };
    app.output.report(exit, &report, &text(&report))?;
    if !args.once {
        app.output.note(&stay::next_steps(&report, &double));
        app.interrupt.asked().await;
    }
    db.close().await;
    double.end().await;
    Ok(exit)
}

/// Which demo is asked for: the same words mean the same folder.
fn wanted(app: &App, args: &Args) -> Result<Wanted, Failure> {
    let world = match &args.dialogues {
        Some(path) => home::dialogues(path)?,
        None => format!("{} conversations", args.conversations),
    };
    Ok(Wanted {
        world,
        seed: args.seed,
        database: given_database(app).then(|| app.config.database.to_string()),
    })
}

fn given_database(app: &App) -> bool {
    app.config.layers.get("database").origin != Origin::Default
}

fn options(args: &Args, home: &Home, redirect_uri: String) -> Options {
    let source = match &args.dialogues {
        Some(path) => Source::Dialogues(path.clone()),
        None => Source::Generated { conversations: args.conversations },
    };
    let rate = match args.rate.filter(|rate| *rate > 0) {
        Some(rate) => RateLimit { headers: true, ..RateLimit::per_minute(rate) },
        None => RateLimit::none(),
    };
    Options { source, seed: args.seed, ends_at: Some(home.ends_at), rate, redirect_uri, ..Options::default() }
}

/// The settings of the commands, pointed at the sandbox and at the demo's folder.
fn config(app: &App, args: &Args, home: &Home, double: &Double) -> Result<Config, Failure> {
    let mut config = Config::clone(&app.config);
    let is_default = |name| config.layers.get(name).origin == Origin::Default;
    let (key_file_is_default, budget_is_default) = (is_default("key_file"), is_default("per_minute"));
    if !given_database(app) {
        config.database = DatabaseUrl::file(home.folder.join("longshore.db"));
    }
    if key_file_is_default {
        config.key_file = home.folder.join("longshore.key");
    }
    if budget_is_default {
        config.per_minute = args.rate.filter(|rate| *rate > 0);
        config.reports_per_minute =
            config.per_minute.map(|rate| rate.min(sandbox::options::REPORTS_PER_MINUTE));
    }
    config.api_url = double.url.clone();
    config.list_url = double.url.clone();
    config.authorize_url = double.authorize_url()?;
    config.org = Some(double.org());
    Ok(config)
}

/// A database that somebody named may hold another sandbox's archive: two worlds must not mix.
async fn refuse_strangers(app: &App, db: &Db, home: &Home, org: OrgId) -> Result<(), Failure> {
    let url = &app.config.database;
    let known = connections::get(db, org)
        .await
        .map_err(|error| Failure::store("read the connections of", url, &error))?;
    if home.fresh && known.is_some() {
        return Err(Failure::usage(format!("{url} already holds the archive of another sandbox"))
            .hint("give another --database, or the --dir of that demo to go on with it"));
    }
    Ok(())
}

/// Through the consent page, as a browser would go.
async fn connect(app: &App, db: &Db, double: &Double, server: Server) -> Result<(), Failure> {
    let connections = network::connections(app, db, Patience::Person, None).await?;
    let redirect_uri = server.redirect_uri()?;
    let (page, state) = consent_address(app, &double.app.client_id, &redirect_uri);
    let answer = server.code(state, CONSENT_MS, app.clock.as_ref(), &app.interrupt);
    let person = consent::allow(&connections.seams.transport, &page);
    let (code, allowed) = tokio::join!(answer, person);
    allowed?;
    connections.connect_oauth(double.app.clone(), &code?, &redirect_uri, &who::command()).await?;
    app.output.note(&format!("connected to organization {} through its consent page", double.org()));
    Ok(())
}

async fn bring_home(
    app: &App,
    db: &Db,
    home: &Home,
    double: &Double,
    began: Millis,
) -> Result<Report, Failure> {
    let work = Work::begin(app, db, double.org(), Priority::Backfill).await?;
    let outcome = Box::pin(archive::run(&work.ctx, Ask::Changed)).await?;
    let verification = Box::pin(verify::against_api(&work.ctx)).await?;
    let calls = work.ctx.calls.read();
    work.end().await;
    let certificate_files = certificate_files::write(db, &outcome.certificate, &home.folder).await?;
    let export_dir = home.folder.join("export");
    for (format, extras) in [(Format::Ndjson, true), (Format::Csv, false)] {
        let dir = export_dir.join(format.name());
        let options = ExportOptions {
            destination: Destination::folder(dir, format, Formulas::Keep),
            transcripts: extras,
            attachments: extras,
            selection: Selection::default(),
            reason: Some("the demonstration shows all of it".to_owned()),
            incremental: false,
            begin: Begin::Anew,
            who: who::command(),
        };
        Box::pin(export::write(app, db, double.org(), &options)).await?;
    }
    stay::write_config(app, home)?;
    let elapsed_ms = app.clock.now().since(began);
    let summary = Summary::new(outcome.certificate, elapsed_ms, app.config.database.to_string());
    let summary = Summary { requests: calls.calls, refused_429: calls.refused_429, ..summary };
    Ok(Report {
        verified: verification.verified,
        summary,
        verification,
        dir: home.folder.clone(),
        export_dir,
        certificate_files,
        sandbox: None,
    })
}

fn loopback(path: &str) -> Url {
    Url::parse(&format!("http://127.0.0.1:0{path}")).expect("the constant is an address")
}

fn text(report: &Report) -> String {
    let mut text = report.summary.text();
    text += &verify_command::text(&report.verification, "the sandbox");
    let elapsed_ms = std::time::Duration::from_secs_f64(report.summary.seconds).as_millis();
    let lines = [
        ("certificate", report.certificate_files.html.display().to_string()),
        ("database", report.summary.database.clone()),
        ("tables", format!("{0}/ndjson, {0}/csv", report.export_dir.display())),
        ("transcripts", report.export_dir.join("ndjson/transcripts").display().to_string()),
        ("took", duration(i64::try_from(elapsed_ms).unwrap_or(i64::MAX))),
    ];
    text.push('\n');
    text.extend(lines.iter().map(|(name, value)| format!("  {name:<14}{value}\n")));
    text
}

//! `longshore bench idle`: what a node costs that has nothing to do: how soon it is ready, and what it holds and uses then.
//!
//! It is started twice, as a process of its own with all its roles: the first time it makes the tables, the second time it finds
//! them, as after every restart. There is nothing to hold these figures against but each other.

use std::net::SocketAddr;
use std::process::Stdio;

use serde::Serialize;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Child;

use super::machine::Machine;
use super::process::{self, Usage};
use super::subject::Folder;
use crate::app::App;
use crate::exit::Exit;
use crate::failure::Failure;

/// Start a node that has nothing to do, and watch it
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Seconds that each node is watched, after the first five
    #[arg(long, default_value_t = 30)]
    seconds: u64,
    /// Also on this PostgreSQL database, which must be empty
    #[arg(long, value_name = "URL")]
    postgres: Option<String>,
}

/// How often it is looked whether the node is ready, and for how long, in milliseconds.
const LOOK_MS: u64 = 5;
const READY_MS_MAX: i64 = 60_000;
const ANSWER_MS_MAX: u64 = 1_000;
/// How often its memory is read, in milliseconds, and after what time.
const SAMPLE_MS: u64 = 500;
const SETTLE_MS: u64 = 5_000;
/// The longest answer that is read.
const ANSWER_BYTES: usize = 64;

#[derive(Debug, Serialize)]
struct Report {
    machine: Machine,
    seconds: u64,
    runs: Vec<Run>,
}

#[derive(Debug, Serialize)]
struct Run {
    engine: &'static str,
    start: &'static str,
    /// From the process's start to the first good answer.
    ready_ms: i64,
    /// The most that it held while it was watched.
    resident_mib: f64,
    /// Of one core, in per cent.
    cpu_percent: f64,
}

/// Start a node on each engine, twice.
pub(super) async fn run(app: &App, args: &Args) -> Result<Exit, Failure> {
    let folder = Folder::make()?;
    let mut databases = vec![("SQLite", folder.database("idle"))];
    databases.extend(args.postgres.iter().map(|url| ("PostgreSQL", url.clone())));
    let mut runs = Vec::new();
    for (engine, database) in &databases {
        for start in ["first", "again"] {
            app.output.note(&format!("{engine}, {start}: starting, and watching for {} s", args.seconds));
            runs.push(watch(app, args, (engine, start), &folder, database).await?);
        }
    }
    let report = Report { machine: Machine::here(), seconds: args.seconds, runs };
    app.output.report(Exit::Done, &report, &text(&report))
}

async fn watch(
    app: &App,
    args: &Args,
    (engine, start): (&'static str, &'static str),
    folder: &Folder,
    database: &str,
) -> Result<Run, Failure> {
    let address = free_address().await?;
    let began = app.clock.now();
    let mut node = serve(folder, database, address)?;
    while !drift::deadline(&*app.clock, ANSWER_MS_MAX, is_ready(address)).await.unwrap_or(false) {
        if node.try_wait().is_ok_and(|ended| ended.is_some()) || app.clock.now().since(began) > READY_MS_MAX {
            return Err(Failure::unexpected("the node did not become ready"));
        }
        app.clock.sleep(LOOK_MS).await;
    }
    let ready_ms = app.clock.now().since(began);
    app.clock.sleep(SETTLE_MS).await;
    let usage = || node.id().map(Usage::of).unwrap_or_default();
    let (first, from) = (usage(), app.clock.now());
    let mut resident_mib = first.resident_mib;
    while app.clock.now().since(from) < (args.seconds * 1_000).cast_signed() {
        app.clock.sleep(SAMPLE_MS).await;
        resident_mib = resident_mib.max(usage().resident_mib);
    }
    let seconds = app.clock.now().since(from) as f64 / 1_000.0;
    let cpu_percent = 100.0 * (usage().cpu_s - first.cpu_s) / seconds.max(1.0);
    let _ = node.kill().await;
    Ok(Run { engine, start, ready_ms, resident_mib, cpu_percent })
}

/// One that nobody listens at.
async fn free_address() -> Result<SocketAddr, Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").await;
    let address = listener.and_then(|listener| listener.local_addr());
    address.map_err(|error| Failure::unexpected(format!("cannot listen: {error}")))
}

/// A node with all roles; it ends when this is dropped.
fn serve(folder: &Folder, database: &str, address: SocketAddr) -> Result<Child, Failure> {
    let words = ["serve", "--quiet", "--listen", &address.to_string(), "--database", database, "--set"];
    let mut words = words.map(str::to_owned).to_vec();
    words.push(format!("key_file={}", folder.file("bench.key")));
    process::command(&words)?
        .env("LONGSHORE_WEBHOOK_TOKEN", "bench-verification-token")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .map_err(|error| Failure::unexpected(format!("cannot start \"serve\": {error}")))
}

/// Whether it says of itself that it is.
async fn is_ready(address: SocketAddr) -> bool {
    let asked = async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(b"GET /readyz HTTP/1.1\r\nhost: longshore\r\nconnection: close\r\n\r\n").await?;
        let mut answer = [0; ANSWER_BYTES];
        let read = stream.read(&mut answer).await?;
        Ok::<_, std::io::Error>(answer[..read].starts_with(b"HTTP/1.1 200"))
    };
    asked.await.unwrap_or(false)
}

fn text(report: &Report) -> String {
    let head = format!("{}\n{} seconds each\n\n", report.machine.text(), report.seconds);
    let titles = format!("{:<12}{:>8}{:>11}{:>14}{:>8}\n", "", "start", "ready ms", "resident MiB", "CPU %");
    report.runs.iter().fold(head + &titles, |text, run| {
        let Run { engine, start, ready_ms, resident_mib, cpu_percent } = run;
        text + &format!("{engine:<12}{start:>8}{ready_ms:>11}{resident_mib:>14.0}{cpu_percent:>8.1}\n")
    })
}

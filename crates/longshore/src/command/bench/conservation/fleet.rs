//! The processes that serve, and their deaths.

use std::fs::File;
use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;

use model::Clock;
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

use super::super::process;
use super::super::subject::Folder;
use super::super::turned::TurnedClock;
use super::{TOKEN, unexpected};
use crate::failure::Failure;

/// How long a process may take to end in good order, in milliseconds.
const FAREWELL_MS: u64 = 30_000;
/// How many lines of what one said last are told.
const LAST_WORDS: usize = 3;
/// Where they listen: below what connections going out are given, for whoever is killed and started again must find its port free.
const PORTS: Range<u16> = 20_000..32_000;
/// How far apart the ports of two runs on one machine begin.
const PORTS_APART: u32 = 16;

/// All processes.
pub(super) struct Fleet {
    processes: Vec<Served>,
    /// While the first stands still, and until it goes on.
    standing: Option<JoinHandle<()>>,
}

struct Served {
    words: Vec<String>,
    address: String,
    is_gateway: bool,
    path: PathBuf,
    log: File,
    child: Child,
}

impl Fleet {
    /// Start so many whole nodes; one is a gateway and a worker apart.
    pub(super) async fn start(
        nodes: u16,
        common: &[String],
        turned: TurnedClock,
        folder: &Folder,
    ) -> Result<Self, Failure> {
        let parts: Vec<&str> = match nodes {
            0 | 1 => vec!["gateway", "worker"],
            several => vec!["gateway,worker,console"; usize::from(several)],
        };
        let mut processes = Vec::new();
        let mut ports = free_ports();
        for (number, roles) in parts.into_iter().enumerate() {
            let port = ports.next().ok_or_else(|| unexpected("no port on this machine is free"))?;
            let address = format!("{}:{port}", Ipv4Addr::LOCALHOST);
            let mut words: Vec<String> =
                ["serve", "--quiet", "--roles", roles, "--listen", &address].map(str::to_owned).to_vec();
            words.extend_from_slice(common);
            let words = turned.words(words);
            let path = PathBuf::from(folder.file(&format!("serve-{number}.log")));
            let log = File::create(&path).map_err(|error| Failure::input(&path, &error))?;
            let child = spawn(&words, &log)?;
            processes.push(Served {
                words,
                address,
                is_gateway: roles.contains("gateway"),
                path,
                log,
                child,
            });
        }
        Ok(Self { processes, standing: None })
    }

    /// Where webhooks may be posted.
    pub(super) fn gateways(&self) -> Vec<String> {
        let gateways = self.processes.iter().filter(|one| one.is_gateway);
        gateways.map(|one| format!("http://{}/webhooks/drift", one.address)).collect()
    }

    /// Kill one with -9, wherever it is, and start it again at once. One that stands still is left to go on by itself.
    pub(super) async fn kill(&mut self, which: usize) -> Result<(), Failure> {
        let standing = usize::from(self.standing.as_ref().is_some_and(|standing| !standing.is_finished()));
        let index = standing + which % (self.processes.len() - standing);
        let one = &mut self.processes[index];
        let _ = one.child.kill().await;
        one.child = spawn(&one.words, &one.log)?;
        Ok(())
    }

    /// Stop the first for so many seconds, while everything else goes on.
    pub(super) fn stop(&mut self, seconds: u64, clock: Arc<dyn Clock>) {
        let Some(id) = self.processes.first().and_then(|one| one.child.id()) else { return };
        self.standing = Some(tokio::spawn(async move {
            signal("STOP", id).await;
            clock.sleep(seconds * 1_000).await;
            signal("CONT", id).await;
        }));
    }

    /// Wait until the one that was stopped has gone on.
    pub(super) async fn going_on(&mut self) {
        if let Some(standing) = self.standing.take() {
            let _ = standing.await;
        }
    }

    /// End all in good order; those that do not are killed.
    pub(super) async fn end(&mut self, clock: &dyn Clock) {
        for one in &self.processes {
            if let Some(id) = one.child.id() {
                signal("TERM", id).await;
            }
        }
        for one in &mut self.processes {
            if drift::deadline(clock, FAREWELL_MS, one.child.wait()).await.is_err() {
                let _ = one.child.kill().await;
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        self.processes.len()
    }

    /// One that ended by itself, and the last it said.
    pub(super) fn died(&mut self) -> Option<(usize, String)> {
        let dead = |one: &mut Served| one.child.try_wait().is_ok_and(|status| status.is_some());
        let which = self.processes.iter_mut().position(dead)?;
        let said = std::fs::read_to_string(&self.processes[which].path).unwrap_or_default();
        let lines: Vec<&str> = said.lines().collect();
        Some((which, lines[lines.len().saturating_sub(LAST_WORDS)..].join("; ")))
    }
}

/// Ports that nobody listens on.
fn free_ports() -> impl Iterator<Item = u16> {
    let many = u32::from(PORTS.end - PORTS.start);
    let first = std::process::id().wrapping_mul(PORTS_APART) % many;
    let ports = (0..many).filter_map(move |next| u16::try_from((first + next) % many).ok());
    let ports = ports.map(|offset| PORTS.start + offset);
    ports.filter(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
}

fn spawn(words: &[String], log: &File) -> Result<Child, Failure> {
    let log = log.try_clone().map_err(|error| unexpected(format!("no log: {error}")))?;
    process::command(words)?
        .env("LONGSHORE_WEBHOOK_TOKEN", TOKEN)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .map_err(|error| unexpected(format!("cannot start \"serve\": {error}")))
}

/// By the system's own command: it needs no unsafe code and is everywhere.
async fn signal(name: &str, process: u32) {
    let _ = Command::new("kill").args([format!("-{name}"), process.to_string()]).status().await;
}

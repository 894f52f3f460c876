//! The processes that serve, and their deaths.

use std::fs::File;
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
        for (number, roles) in parts.into_iter().enumerate() {
            let (listener, _) = super::listen().await?;
            let address = listener.local_addr().map_err(|error| unexpected(error.to_string()))?.to_string();
            drop(listener);
            let mut words: Vec<String> =
                ["serve", "--quiet", "--roles", roles, "--listen", &address].map(str::to_owned).to_vec();
            words.extend_from_slice(common);
            let words = turned.words(words);
            let path = folder.file(&format!("serve-{number}.log"));
            let log = File::create(&path).map_err(|error| Failure::input(path.as_ref(), &error))?;
            let child = spawn(&words, &log)?;
            processes.push(Served { words, address, is_gateway: roles.contains("gateway"), log, child });
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

    /// One that ended by itself.
    pub(super) fn died(&mut self) -> Option<usize> {
        let dead = |one: &mut Served| one.child.try_wait().is_ok_and(|status| status.is_some());
        self.processes.iter_mut().position(dead)
    }
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

//! The processes that call, and the death of one.

use std::process::Stdio;

use tokio::process::Child;

use super::caller::Told;
use crate::command::bench::process;
use crate::failure::Failure;

/// All processes.
pub(super) struct Fleet {
    words: Vec<String>,
    children: Vec<Child>,
}

impl Fleet {
    /// None yet; each is started with these words.
    pub(super) const fn new(words: Vec<String>) -> Self {
        Self { words, children: Vec::new() }
    }

    /// Start so many more.
    pub(super) fn start(&mut self, count: u16) -> Result<(), Failure> {
        for _ in 0..count {
            let spawned = process::command(&self.words)?.stdin(Stdio::piped()).spawn();
            self.children.push(spawned.map_err(|error| unexpected(&error))?);
        }
        Ok(())
    }

    /// Kill the one that was started last with -9, wherever it is.
    pub(super) async fn kill_last(&mut self) {
        if let Some(mut child) = self.children.pop() {
            let _ = child.kill().await;
        }
    }

    /// See that all are there.
    pub(super) fn check(&mut self) -> Result<(), Failure> {
        for child in &mut self.children {
            if let Some(status) = child.try_wait().map_err(|error| unexpected(&error))? {
                return Err(Failure::unexpected(format!("a process ended by itself: {status}")));
            }
        }
        Ok(())
    }

    /// End their input, and hear of all how it went.
    pub(super) async fn end(&mut self) -> Result<Vec<Told>, Failure> {
        let mut told = Vec::new();
        for child in &mut self.children {
            drop(child.stdin.take());
        }
        for child in self.children.drain(..) {
            let output = child.wait_with_output().await.map_err(|error| unexpected(&error))?;
            let report = serde_json::from_slice(&output.stdout);
            told.push(report.map_err(|_| Failure::unexpected("a process did not answer in JSON"))?);
        }
        Ok(told)
    }
}

fn unexpected(error: &std::io::Error) -> Failure {
    Failure::unexpected(format!("a process of the measurement: {error}"))
}

//! Child processes of this same program, and what they cost: read from `/proc` while they run.

use std::io;
use std::process::Stdio;

use model::Clock;
use serde::Serialize;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};

use crate::failure::Failure;

/// How often a child's use is read, in milliseconds.
const SAMPLE_MS: u64 = 20;
/// Linux counts a process's time in hundredths of a second on all common architectures.
const TICKS_PER_SECOND: f64 = 100.0;
/// The longest answer that is read from a child.
const ANSWER_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// What a process has used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub(super) struct Usage {
    /// Processor time of all threads, in seconds.
    pub(super) cpu_s: f64,
    /// Resident memory now, in MiB.
    pub(super) resident_mib: f64,
    /// The most it ever was, in MiB.
    pub(super) peak_mib: f64,
}

impl Usage {
    /// Of the process with this number; zeros where there is no `/proc`.
    pub(super) fn of(process: u32) -> Self {
        let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
        let mib = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok()).unwrap_or_default()
                / 1024.0
        };
        let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
        let ticks: f64 =
            fields.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<f64>().ok()).sum();
        Self { cpu_s: ticks / TICKS_PER_SECOND, resident_mib: mib("VmRSS:"), peak_mib: mib("VmHWM:") }
    }
}

/// A sandbox in a process of its own; it ends when this is dropped.
pub(super) struct SandboxProcess {
    child: Child,
    pub(super) url: String,
    pub(super) token: String,
}

impl SandboxProcess {
    /// Start one on a free port.
    pub(super) async fn start(flags: &[String]) -> Result<Self, Failure> {
        let mut words =
            vec!["sandbox".to_owned(), "--json".into(), "--quiet".into(), "--port".into(), "0".into()];
        words.extend_from_slice(flags);
        let mut child = command(&words)?
            .stdin(Stdio::null())
            .spawn()
            .map_err(|error| cannot("start the sandbox", &error))?;
        let stdout = child.stdout.take().ok_or_else(|| Failure::unexpected("the sandbox has no output"))?;
        let mut line = String::new();
        BufReader::new(stdout)
            .read_line(&mut line)
            .await
            .map_err(|error| cannot("read of the sandbox", &error))?;
        let report: Value = serde_json::from_str(&line)
            .map_err(|_| Failure::unexpected("the sandbox did not say where it listens"))?;
        let field = |name: &str| report[name].as_str().unwrap_or_default().to_owned();
        Ok(Self { url: field("url"), token: field("private_token"), child })
    }

    /// What it has used so far.
    pub(super) fn usage(&self) -> Usage {
        self.child.id().map(Usage::of).unwrap_or_default()
    }
}

/// What a finished child said and used.
pub(super) struct Finished {
    pub(super) report: Value,
    pub(super) usage: Usage,
}

/// Run this program with these words to its end, with `input` on its stdin.
pub(super) async fn run(words: &[String], input: &str, clock: &dyn Clock) -> Result<Finished, Failure> {
    let mut child =
        command(words)?.stdin(Stdio::piped()).spawn().map_err(|error| cannot("start a child", &error))?;
    let mut stdin = child.stdin.take().ok_or_else(|| Failure::unexpected("a child has no input"))?;
    stdin.write_all(input.as_bytes()).await.map_err(|error| cannot("write to a child", &error))?;
    drop(stdin);
    let stdout = child.stdout.take().ok_or_else(|| Failure::unexpected("a child has no output"))?;
    let reader = tokio::spawn(async move {
        let mut text = String::new();
        stdout.take(ANSWER_BYTES_MAX).read_to_string(&mut text).await.map(|_| text)
    });
    let mut usage = Usage::default();
    while child.try_wait().map_err(|error| cannot("wait for a child", &error))?.is_none() {
        let now = child.id().map(Usage::of).unwrap_or_default();
        if now.peak_mib > 0.0 {
            usage = now;
        }
        clock.sleep(SAMPLE_MS).await;
    }
    let text = reader.await.map_err(|_| Failure::unexpected("a child's output was lost"))?;
    let text = text.map_err(|error| cannot("read of a child", &error))?;
    let report =
        serde_json::from_str(&text).map_err(|_| Failure::unexpected("a child did not answer in JSON"))?;
    Ok(Finished { report, usage })
}

/// This program, ended with the handle, its output piped, its errors shown.
pub(super) fn command(words: &[String]) -> Result<Command, Failure> {
    let program = std::env::current_exe().map_err(|error| cannot("find this program", &error))?;
    let mut command = Command::new(program);
    command.args(words).stdout(Stdio::piped()).kill_on_drop(true);
    Ok(command)
}

fn cannot(doing: &str, error: &io::Error) -> Failure {
    Failure::unexpected(format!("cannot {doing}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_reads_its_own_use() {
        let usage = Usage::of(std::process::id());
        assert!(
            !cfg!(target_os = "linux") || usage.peak_mib >= usage.resident_mib && usage.resident_mib > 1.0
        );
    }
}

//! A place to run the program in, and a sandbox to run it against.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use drift::{OsEntropy, SystemClock};
use model::Clock;
use sandbox::{Authority, Options, Sandbox};
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

/// Where what is written is kept to be searched for secrets, and what keeps it (`.ci/keep-writes.c`).
const KEEPING: [&str; 3] = ["KEEP_WRITES_TO", "KEEP_WRITES_FROM", "LD_PRELOAD"];

/// A folder of its own, where the program is run without the surrounding environment.
pub(crate) struct Place {
    folder: TempDir,
}

/// How a run ended.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    /// What lies in the folder, sorted.
    pub(crate) fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder.path()).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    /// The program with these words, not yet started.
    pub(crate) fn command<S: AsRef<OsStr>>(&self, words: &[S]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_longshore"));
        command.args(words).current_dir(self.folder.path()).env_clear().env("HOME", self.folder.path());
        command.envs(KEEPING.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Run the program.
    pub(crate) fn run(&self, words: &[&str]) -> Ran {
        self.ran(self.command(words).output().unwrap())
    }

    /// Run the program with a text on stdin.
    pub(crate) fn run_with_stdin(&self, words: &[&str], stdin: &str) -> Ran {
        let mut child = self.command(words).stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(stdin.as_bytes()).unwrap();
        self.ran(child.wait_with_output().unwrap())
    }

    /// What a finished run said, with the folder's name and the ports of sockets taken out.
    /// Serve in these roles until the child is killed; answers it and where it listens.
    pub(crate) fn serve(&self, roles: &str, settings: &[&str]) -> (Child, String) {
        let mut words = vec!["serve", "--json", "--listen", "127.0.0.1:0", "--roles", roles];
        words.extend(settings.iter().flat_map(|setting| ["--set", setting]));
        let mut child = self.command(&words).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut report = String::new();
        while serde_json::from_str::<Value>(&report).is_err() {
            assert_ne!(stdout.read_line(&mut report).unwrap(), 0, "serve tells where it listens");
        }
        let report: Value = serde_json::from_str(&report).unwrap();
        (child, report["listening"].as_str().unwrap().to_owned())
    }

    pub(crate) fn ran(&self, output: Output) -> Ran {
        if let Some(folder) = std::env::var_os(KEEPING[0]) {
            static COUNT: AtomicU32 = AtomicU32::new(0);
            let name = format!("{}-stderr-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
            std::fs::write(Path::new(&folder).join(name), &output.stderr).unwrap();
        }
        let folder = self.folder.path().display().to_string();
        let text = |bytes: &[u8]| without_ports(&String::from_utf8_lossy(bytes).replace(&folder, "DIR"));
        Ran {
            code: output.status.code().unwrap_or(-1),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        }
    }
}

/// `127.0.0.1:PORT` for every port.
fn without_ports(text: &str) -> String {
    let mut parts = text.split("127.0.0.1:");
    let mut shown = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        shown += "127.0.0.1:PORT";
        shown += part.trim_start_matches(|c: char| c.is_ascii_digit());
    }
    shown
}

impl Ran {
    /// The document on stdout.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}\n{}", self.stdout, self.stderr))
    }

    /// Exit code and stderr, as a snapshot shows them.
    pub(crate) fn told(&self) -> String {
        format!("{}exit {}", self.stderr, self.code)
    }
}

/// A sandbox on a port of this machine.
pub(crate) struct Double {
    pub(crate) sandbox: Sandbox,
    pub(crate) address: SocketAddr,
    authority: Option<String>,
    runtime: Option<Runtime>,
}

impl Double {
    /// End it: every connection to it is closed.
    pub(crate) fn end(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }

    /// Serve over plain HTTP.
    pub(crate) fn start(options: Options) -> Self {
        let (sandbox, runtime, listener, address) = bind(options);
        let served = sandbox.clone();
        runtime.spawn(async move { served.serve(listener, std::future::pending()).await });
        Self { sandbox, address, authority: None, runtime: Some(runtime) }
    }

    /// Serve over TLS, with the certificate of another host if one is named.
    pub(crate) fn start_tls(options: Options, certificate_for: Option<&'static str>) -> Self {
        let (sandbox, runtime, listener, address) = bind(options);
        let authority = Authority::generate().unwrap();
        let pem = authority.pem().to_owned();
        let served = sandbox.clone();
        runtime.spawn(async move {
            served.serve_tls(listener, &authority, certificate_for, std::future::pending()).await.unwrap();
        });
        Self { sandbox, address, authority: Some(pem), runtime: Some(runtime) }
    }

    /// `api_url=…`, for `--set`.
    pub(crate) fn api(&self) -> String {
        format!("api_url=http://{}", self.address)
    }

    /// Write the certificate to trust into a file.
    pub(crate) fn write_authority(&self, path: &Path) {
        std::fs::write(path, self.authority.as_ref().unwrap()).unwrap();
    }
}

fn bind(options: Options) -> (Sandbox, Runtime, TcpListener, SocketAddr) {
    let sandbox = Sandbox::new(options, Arc::new(SystemClock), Arc::new(OsEntropy)).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let listener = runtime.block_on(TcpListener::bind(("127.0.0.1", 0))).unwrap();
    let address = listener.local_addr().unwrap();
    (sandbox, runtime, listener, address)
}

/// A small and healthy world.
pub(crate) fn small() -> Options {
    Options {
        source: sandbox::Source::Generated { conversations: 40 },
        rate: sandbox::RateLimit::none(),
        ..Options::default()
    }
}

/// How long a condition is waited for, in milliseconds.
const PATIENCE_MS: i64 = 60_000;
/// How often is looked whether it holds, in milliseconds.
const POLL_MS: u64 = 5;

/// Wait until a condition holds; a minute without it is a failure.
pub(crate) fn wait_until(mut condition: impl FnMut() -> bool) {
    let end = SystemClock.now().plus(PATIENCE_MS);
    while !condition() {
        assert!(SystemClock.now() < end, "the condition did not come");
        // Whoever is waited for needs the processor, and the ports that asking takes.
        std::thread::sleep(Duration::from_millis(POLL_MS));
    }
}
